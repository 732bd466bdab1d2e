//! Errors in the words of Azure. Wordings come from the public record: recordings of the Azure CLI's own tests, the
//! examples of its REST specifications, and what people pasted into issues. The few that are a guess say so.

use serde_json::{Map, Value, json};

use crate::http::Answer;

/// An answer that says no.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    error: Box<Map<String, Value>>,
    headers: Vec<(String, String)>,
}

/// What a handler returns.
pub(crate) type Handled = Result<Answer, Refusal>;

const DELETED_STATE: &str = "A vault with the same name already exists in deleted state. You need to either recover or \
                             purge existing key vault. Follow this link \
                             https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.";

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(code));
        error.insert("message".to_owned(), json!(message.into()));
        Self { status, error: Box::new(error), headers: Vec::new() }
    }

    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.error.insert(key.to_owned(), value);
        self
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn code(&self) -> &str {
        self.error.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// The value of `error`.
    pub(crate) fn error(&self) -> Value {
        Value::Object((*self.error).clone())
    }

    pub(crate) fn answer(self) -> Answer {
        let mut answer = Answer::json(self.status, json!({"error": Value::Object(*self.error)}));
        answer.headers.extend(self.headers);
        answer
    }

    // Who asks.

    pub(crate) fn no_authorization(login: &str, tenant: &str) -> Self {
        let challenge = format!(
            "Bearer authorization_uri=\"{login}/{tenant}\", error=\"invalid_token\", error_description=\"The \
             authentication failed because of missing 'Authorization' header.\""
        );
        Self::new(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
            .with_header("WWW-Authenticate", challenge)
    }

    pub(crate) fn invalid_token() -> Self {
        Self::new(401, "InvalidAuthenticationToken", "The access token is invalid.")
    }

    pub(crate) fn expired_token(expiry: &str, now: &str, login: &str, tenant: &str) -> Self {
        let challenge = format!(
            "Bearer authorization_uri=\"{login}/{tenant}\", error=\"invalid_token\", error_description=\"The access \
             token has expired.\""
        );
        let message = format!("The access token expiry UTC time '{expiry}' is earlier than current UTC time '{now}'.");
        Self::new(401, "ExpiredAuthenticationToken", message).with_header("WWW-Authenticate", challenge)
    }

    pub(crate) fn wrong_audience(audience: &str) -> Self {
        let message = format!(
            "The access token has been obtained for wrong audience or resource '{audience}'. It should exactly match \
             with one of the allowed audiences 'https://management.core.windows.net/',\
             'https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'."
        );
        Self::new(401, "InvalidAuthenticationTokenAudience", message)
    }

    pub(crate) fn wrong_tenant(has: &str, must: &str) -> Self {
        let message = format!(
            "The access token is from the wrong issuer 'https://sts.windows.net/{has}/'. It must match the tenant \
             'https://sts.windows.net/{must}/' associated with this subscription. Please use the authority (URL) \
             'https://login.windows.net/{must}' to get the token."
        );
        Self::new(401, "InvalidAuthenticationTokenTenant", message)
    }

    pub(crate) fn unauthorized(client: &str, object: &str, action: &str, scope: &str) -> Self {
        let message = format!(
            "The client '{client}' with object id '{object}' does not have authorization to perform action '{action}' \
             over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your \
             credentials."
        );
        Self::new(403, "AuthorizationFailed", message)
    }

    // What is asked.

    pub(crate) fn no_length() -> Answer {
        Answer::html(
            411,
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">\r\n\
             <HTML><HEAD><TITLE>Length Required</TITLE></HEAD>\r\n<BODY><h2>Length Required</h2>\r\n\
             <hr><p>HTTP Error 411. The request must be chunked or have a content length.</p>\r\n</BODY></HTML>\r\n",
        )
    }

    pub(crate) fn media_type(sent: &str) -> Self {
        let message =
            format!("The content media type '{sent}' is not supported. Only 'application/json' is supported.");
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(crate) fn invalid_content(why: &str) -> Self {
        let message = format!("The request content was invalid and could not be deserialized: '{why}'.");
        Self::new(400, "InvalidRequestContent", message)
    }

    pub(crate) fn no_api_version() -> Self {
        Self::new(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    }

    pub(crate) fn invalid_api_version(version: &str, supported: &str) -> Self {
        let message = format!("The api-version '{version}' is invalid. The supported versions are '{supported}'.");
        Self::new(400, "InvalidApiVersionParameter", message)
    }

    pub(crate) fn no_registered_provider(kind: &str, location: &str, version: &str, supported: &str) -> Self {
        let message = format!(
            "No registered resource provider found for location '{location}' and API version '{version}' for type \
             '{kind}'. The supported api-versions are '{supported}'. The supported locations are 'westeurope, \
             northeurope, germanywestcentral, swedencentral'."
        );
        Self::new(400, "NoRegisteredProviderFound", message)
    }

    pub(crate) fn invalid_resource_type(namespace: &str, kind: &str, version: &str, supported: &str) -> Self {
        let mut message = format!(
            "The resource type '{kind}' could not be found in the namespace '{namespace}' for api version '{version}'."
        );
        if !supported.is_empty() {
            message.push_str(&format!(" The supported api-versions are '{supported}'."));
        }
        Self::new(404, "InvalidResourceType", message)
    }

    pub(crate) fn invalid_namespace(namespace: &str) -> Self {
        Self::new(404, "InvalidResourceNamespace", format!("The resource namespace '{namespace}' is invalid."))
    }

    pub(crate) fn not_registered(namespace: &str) -> Self {
        let message = format!(
            "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for \
             how to register subscriptions."
        );
        let details = json!([{"code": "MissingSubscriptionRegistration", "target": namespace, "message": message}]);
        Self::new(409, "MissingSubscriptionRegistration", message).with("details", details)
    }

    // What is not there, and what may not be changed.

    pub(crate) fn no_subscription(id: &str) -> Self {
        Self::new(404, "SubscriptionNotFound", format!("The subscription '{id}' could not be found."))
    }

    pub(crate) fn disabled_subscription(id: &str) -> Self {
        let message = format!(
            "The subscription '{id}' is disabled and therefore marked as read only. You cannot perform any write \
             actions on this subscription until it is re-enabled."
        );
        Self::new(409, "ReadOnlyDisabledSubscription", message)
    }

    pub(crate) fn no_group(name: &str) -> Self {
        Self::new(404, "ResourceGroupNotFound", format!("Resource group '{name}' could not be found."))
    }

    pub(crate) fn no_resource(kind: &str, name: &str, group: &str) -> Self {
        let message = format!(
            "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please go to \
             https://aka.ms/ARMResourceNotFoundFix"
        );
        Self::new(404, "ResourceNotFound", message)
    }

    pub(crate) fn no_parent(name: &str) -> Self {
        let message =
            format!("Can not perform requested operation on nested resource. Parent resource '{name}' not found.");
        Self::new(404, "ParentResourceNotFound", message)
    }

    pub(crate) fn scope_locked(scope: &str, verb: &str, locked: &[String]) -> Self {
        let locked = locked.join(",");
        let message = format!(
            "The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: '{locked}'. \
             Please remove the lock and try again."
        );
        Self::new(409, "ScopeLocked", message)
    }

    // Deployments.

    pub(crate) fn no_deployment(name: &str) -> Self {
        Self::new(404, "DeploymentNotFound", format!("Deployment '{name}' could not be found."))
    }

    pub(crate) fn deployment_name(name: &str) -> Self {
        let message = if name.chars().count() > 64 {
            format!(
                "The provided deployment name '{name}' has a length of '{}' which exceeds the maximum length of '64'. \
                 Please see https://aka.ms/arm-naming-restrictions for usage details.",
                name.chars().count()
            )
        } else {
            format!(
                "The provided deployment name '{name}' has these invalid characters. Only letters, digits, hyphens, \
                 underscores, parentheses and periods are allowed. Please see \
                 https://aka.ms/arm-naming-restrictions for usage details."
            )
        };
        Self::new(400, "InvalidDeploymentName", message)
    }

    pub(crate) fn deployment_active(name: &str, since: &str, expires: &str) -> Self {
        let message = format!(
            "Unable to edit or replace deployment '{name}': previous deployment from '{since}' is still active \
             (expiration time is '{expires}'). Please see https://aka.ms/arm-deploy for usage details."
        );
        Self::new(409, "DeploymentActive", message)
    }

    pub(crate) fn cannot_cancel(name: &str, state: &str) -> Self {
        let message = format!(
            "The deployment '{name}' cannot be cancelled because it is in a terminal state '{state}'. Please see \
             https://aka.ms/arm-deploy for usage details."
        );
        Self::new(409, "DeploymentCannotBeCancelled", message)
    }

    pub(crate) fn invalid_template(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidTemplate", message).with(
            "additionalInfo",
            json!([{"type": "TemplateViolation", "info": {"lineNumber": 1, "linePosition": 1, "path": ""}}]),
        )
    }

    pub(crate) fn template_validation(why: &str) -> Self {
        Self::invalid_template(format!("Deployment template validation failed: '{why}'."))
    }

    pub(crate) fn preflight(name: &str, tracking: &str, details: Vec<Value>) -> Self {
        let message = format!(
            "The template deployment '{name}' is not valid according to the validation procedure. The tracking id is \
             '{tracking}'. See inner errors for details."
        );
        Self::new(400, "InvalidTemplateDeployment", message).with("details", Value::Array(details))
    }

    pub(crate) fn resource_unauthorized(client: &str, object: &str, kind: &str, name: &str, scope: &str) -> Self {
        let message = format!(
            "The template deployment failed with error: 'Authorization failed for template resource '{name}' of type \
             '{kind}'. The client '{client}' with object id '{object}' does not have permission to perform action \
             '{kind}/write' at scope '{scope}'.'."
        );
        Self::new(403, "InvalidTemplateDeployment", message)
    }

    // Key Vault.

    pub(crate) fn deleted_state() -> Self {
        Self::new(409, "ConflictError", DELETED_STATE)
    }

    pub(crate) fn deleted_state_as_existing() -> Self {
        Self::new(409, "VaultAlreadyExists", DELETED_STATE)
    }

    pub(crate) fn flag_must_be_set(id: &str) -> Self {
        let message = format!(
            "An existing resource with ID '{id}' has been soft-deleted. To restore the resource, you must specify \
             'restore' to be 'true' in the property. If you don't want to restore existing resource, please purge it \
             first."
        );
        Self::new(409, "FlagMustBeSetForRestore", message)
    }

    pub(crate) fn vault_name_taken(name: &str) -> Self {
        let message = format!(
            "The vault name '{name}' is already in use. Vault names are globaly unique so it is possible that the name \
             is already taken. If you are sure that the vault name was not taken then it is possible that a vault with \
             the same name was recently deleted but not purged after being placed in a recoverable state. If the vault \
             is in a recoverable state then the vault will need to be purged before reusing the name. For more \
             information on soft delete and purging a vault follow this link \
             https://go.microsoft.com/fwlink/?linkid=2147740."
        );
        Self::new(409, "VaultAlreadyExists", message)
    }

    pub(crate) fn nothing_to_recover() -> Self {
        Self::new(
            404,
            "SoftDeletedVaultDoesNotExist",
            "A soft deleted vault with the given name does not exist. Ensure that the name for the vault that is being \
             attempted to recover is in a recoverable state. For more information on soft delete please follow this \
             link https://go.microsoft.com/fwlink/?linkid=2149745",
        )
    }

    pub(crate) fn vault_name(name: &str) -> Self {
        let message = format!(
            "The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name \
             must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow this \
             link for more information: https://go.microsoft.com/fwlink/?linkid=2147742"
        );
        Self::new(400, "VaultNameNotValid", message)
    }

    pub(crate) fn purge_protected() -> Self {
        Self::new(405, "MethodNotAllowed", "Operation 'DeletedVaultPurge' is not allowed.")
    }

    /// The wording is a guess; the code is the documented one.
    pub(crate) fn no_deleted_vault(name: &str) -> Self {
        Self::new(404, "DeletedVaultNotFound", format!("The specified deleted vault '{name}' does not exist."))
    }

    /// A guess: what Key Vault says to a second purge while the first is under way was not seen.
    pub(crate) fn purge_runs(name: &str) -> Self {
        let message = format!("A conflict occurred: the deleted vault '{name}' is already being purged.");
        Self::new(409, "ConflictError", message)
    }

    // MySQL.

    pub(crate) fn server_unavailable(operation: &str, server: &str, state: &str) -> Self {
        let message = format!(
            "Operation '{operation}' cannot be performed as server '{server}' is currently in state '{state}'."
        );
        Self::new(409, "ServerUnavailableForOperation", message)
    }

    /// The sister service's words (PostgreSQL flexible servers); MySQL's own were not seen.
    pub(crate) fn server_not_stopped(server: &str, state: &str) -> Self {
        let message = format!(
            "Start Server can only be performed on Stopped servers. Server Name = {server}, Current Server State = \
             {state}"
        );
        Self::new(409, "ServerIsNotStopped", message)
    }

    pub(crate) fn server_not_ready(server: &str, state: &str) -> Self {
        let message = format!(
            "Restart or Stop Server can only be performed on Started servers. Server Name = {server}, Current Server \
             State = {state}"
        );
        Self::new(409, "ServerIsNotReady", message)
    }

    pub(crate) fn server_busy(server: &str) -> Self {
        let message = format!(
            "Cannot complete operation while server '{server}' is busy processing another operation. Please try again \
             later."
        );
        Self::new(409, "ServerIsBusy", message)
    }
}
