//! Which Azure is meant: the public one, a sovereign one, or an endpoint that a person names.
//!
//! Tokens are sent to what is described here, and to nothing else. So an address has to be `https`, except on this very
//! machine (127.0.0.0/8, `::1`, `localhost`), where tests and gateways listen without TLS; it has no user name,
//! query or fragment. Addresses are those of "Azure environments" (Microsoft Learn, per cloud).

use std::fmt;

use azure_core::Url;

/// One Azure: where its parts are.
#[derive(Clone, PartialEq, Eq)]
pub struct Cloud {
    name: &'static str,
    resource_manager: Url,
    authority: Url,
    /// The audience of a token for Resource Manager, without a slash at its end.
    audience: String,
    vault_suffix: &'static str,
    vault_audience: &'static str,
}

/// An address that is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} `{address}` is not accepted: {why}")]
pub struct AddressError {
    /// Which address, such as `Azure endpoint`.
    pub what: &'static str,
    /// As it was given, escaped and shortened.
    pub address: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Cloud {
    /// The names that [`Self::named`] knows.
    pub const NAMES: &'static [&'static str] = &["public", "us-government", "china"];

    /// The public Azure.
    pub fn public() -> Self {
        Self {
            name: "public",
            resource_manager: constant("https://management.azure.com/"),
            authority: constant("https://login.microsoftonline.com/"),
            audience: "https://management.azure.com".to_owned(),
            vault_suffix: "vault.azure.net",
            vault_audience: "https://vault.azure.net",
        }
    }

    /// Azure Government of the United States.
    pub fn us_government() -> Self {
        Self {
            name: "us-government",
            resource_manager: constant("https://management.usgovcloudapi.net/"),
            authority: constant("https://login.microsoftonline.us/"),
            audience: "https://management.usgovcloudapi.net".to_owned(),
            vault_suffix: "vault.usgovcloudapi.net",
            vault_audience: "https://vault.usgovcloudapi.net",
        }
    }

    /// Azure operated by 21Vianet in China.
    pub fn china() -> Self {
        Self {
            name: "china",
            resource_manager: constant("https://management.chinacloudapi.cn/"),
            authority: constant("https://login.chinacloudapi.cn/"),
            audience: "https://management.chinacloudapi.cn".to_owned(),
            vault_suffix: "vault.azure.cn",
            vault_audience: "https://vault.azure.cn",
        }
    }

    /// One of [`Self::NAMES`]; also the names that the Azure CLI gives them (`AzureCloud`, `AzureUSGovernment`,
    /// `AzureChinaCloud`), in any case.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "public" | "azurecloud" | "azurepubliccloud" => Some(Self::public()),
            "us-government" | "azureusgovernment" => Some(Self::us_government()),
            "china" | "azurechinacloud" => Some(Self::china()),
            _ => None,
        }
    }

    /// This cloud with its Resource Manager at another address. The audience of tokens becomes that address too, except
    /// on this machine, where whatever listens stands in for the cloud.
    ///
    /// # Errors
    /// When the address is not accepted; see the head of this file.
    pub fn at_endpoint(mut self, address: &str) -> Result<Self, AddressError> {
        self.resource_manager = accepted("Azure endpoint", address)?;
        if !is_loopback(&self.resource_manager) {
            self.audience = self.resource_manager.as_str().trim_end_matches('/').to_owned();
        }
        self.name = "custom";
        Ok(self)
    }

    /// This cloud with logins at another address (`AZURE_AUTHORITY_HOST`). Without a scheme it is `https`, as other
    /// tools take it.
    ///
    /// # Errors
    /// When the address is not accepted; see the head of this file.
    pub fn with_authority(mut self, address: &str) -> Result<Self, AddressError> {
        let full = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
        self.authority = accepted("authority host", &full)?;
        Ok(self)
    }

    /// Its name: one of [`Self::NAMES`], or `custom`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where Resource Manager is; ends with a slash.
    pub fn resource_manager(&self) -> &Url {
        &self.resource_manager
    }

    /// Where tokens come from; ends with a slash.
    pub fn authority(&self) -> &Url {
        &self.authority
    }

    /// The scope of a token for Resource Manager.
    pub fn scope(&self) -> String {
        format!("{}/.default", self.audience)
    }

    /// The scope of a token for what is in vaults.
    pub fn vault_scope(&self) -> String {
        format!("{}/.default", self.vault_audience)
    }

    /// What the host names of vaults end with, without a dot in front.
    pub fn vault_suffix(&self) -> &'static str {
        self.vault_suffix
    }

    /// Whether Resource Manager is on this machine.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.resource_manager)
    }

    /// The address of a vault, as Resource Manager names it, if a token for vaults may be sent there: `https`, the usual
    /// port, one label before [`Self::vault_suffix`]. Where Resource Manager itself is on this machine, so may vaults be,
    /// and as they share a host there, each may have a path.
    ///
    /// # Errors
    /// When it is elsewhere.
    pub fn vault_address(&self, address: &str) -> Result<Url, AddressError> {
        let what = "vault address";
        let url = sendable(what, address)?;
        if self.is_local() && is_loopback(&url) {
            return Ok(url);
        }
        let url = accepted(what, address)?;
        let label = url.host_str().and_then(|host| host.strip_suffix(self.vault_suffix)?.strip_suffix('.'));
        let is_vault = label.is_some_and(|label| !label.is_empty() && !label.contains('.'));
        if url.scheme() == "https" && url.port().is_none() && is_vault {
            return Ok(url);
        }
        Err(AddressError::new(what, address, "it is not the host of a key vault of this cloud"))
    }
}

impl AddressError {
    fn new(what: &'static str, address: &str, why: &'static str) -> Self {
        Self { what, address: repair_model::text::escaped_short(address, 200), why }
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cloud({} at {})", self.name, self.resource_manager)
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            "custom" => write!(f, "Azure at {}", self.resource_manager),
            name => write!(f, "Azure ({name})"),
        }
    }
}

fn constant(address: &str) -> Url {
    Url::parse(address).expect("the addresses of this file are URLs, which a test reads")
}

/// An address that a token may be sent to, without a path.
fn accepted(what: &'static str, address: &str) -> Result<Url, AddressError> {
    let mut url = sendable(what, address)?;
    if !matches!(url.path(), "" | "/") {
        return Err(AddressError::new(what, address, "it has a path; name the host alone"));
    }
    url.set_path("/");
    Ok(url)
}

/// An address that a token may be sent to.
fn sendable(what: &'static str, address: &str) -> Result<Url, AddressError> {
    let refused = |why| AddressError::new(what, address, why);
    let url = Url::parse(address).map_err(|_| refused("it is not an absolute URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError { what, address: "…".to_owned(), why: "it holds a user name or password" });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refused("it names no host"));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(refused(
                "plain http is accepted for this machine only (127.0.0.0/8, ::1, localhost); use https",
            ));
        }
        _ => return Err(refused("it is neither https nor http")),
    }
    Ok(url)
}

/// Whether an address is on this machine or on the link that it hangs on (RFC 3927, RFC 4291), by its text alone. What is
/// there was not reached through a proxy by whoever named it.
pub(super) fn is_near(url: &Url) -> bool {
    let bare = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    is_loopback(url)
        || match bare.parse() {
            Ok(std::net::IpAddr::V4(address)) => address.is_link_local(),
            Ok(std::net::IpAddr::V6(address)) => address.is_unicast_link_local(),
            Err(_) => false,
        }
}

/// Whether an address is on this machine by its text alone; no name but `localhost` is looked up.
pub(super) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_its_own_addresses_and_scopes() {
        for name in Cloud::NAMES {
            let cloud = Cloud::named(name).expect("a cloud");
            assert_eq!(cloud.name(), *name);
            assert!(cloud.scope().starts_with("https://") && cloud.scope().ends_with("/.default"));
            assert_eq!(cloud.vault_scope(), format!("https://{}/.default", cloud.vault_suffix()));
            assert!(!cloud.is_local());
        }
        assert_eq!(Cloud::public().scope(), "https://management.azure.com/.default");
        assert_eq!(Cloud::named("AzureUSGovernment"), Some(Cloud::us_government()));
        assert_eq!(Cloud::named("moon"), None);
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for local in [
            "http://127.0.0.1:9000",
            "http://127.9.9.9/",
            "http://[::1]:80/",
            "http://localhost:1",
            "https://127.0.0.1/",
        ] {
            assert!(Cloud::public().at_endpoint(local).expect(local).is_local(), "{local}");
        }
        for far in [
            "http://10.0.0.1",
            "http://management.azure.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://0.0.0.0",
            "http://[::ffff:10.0.0.1]/",
        ] {
            let error = Cloud::public().at_endpoint(far).expect_err(far);
            assert!(error.to_string().contains("plain http is accepted for this machine only"), "{error}");
        }
        assert!(Cloud::public().with_authority("http://login.example.com").is_err());
        assert!(Cloud::public().with_authority("http://127.0.0.1:8080").is_ok());
        assert_eq!(
            Cloud::public().with_authority("login.example.com").expect("a host").authority().as_str(),
            "https://login.example.com/"
        );
    }

    #[test]
    fn an_endpoint_is_a_host_and_nothing_more() {
        for wrong in [
            "",
            "management.azure.com",
            "ftp://127.0.0.1/",
            "https://h/path",
            "https://h/?q=1",
            "https://h/#x",
            "file:///etc/passwd",
        ] {
            assert!(Cloud::public().at_endpoint(wrong).is_err(), "{wrong}");
        }
        let error = Cloud::public().at_endpoint("https://me:hunter2@h/").expect_err("a password").to_string();
        assert!(!error.contains("hunter2"), "{error}");
        let custom = Cloud::public().at_endpoint("https://management.local.azurestack.external").expect("an endpoint");
        assert_eq!(custom.scope(), "https://management.local.azurestack.external/.default");
        assert_eq!(Cloud::public().at_endpoint("http://127.0.0.1:1").expect("local").scope(), Cloud::public().scope());
    }

    #[test]
    fn a_token_for_vaults_goes_to_vaults_of_the_same_cloud_only() {
        let public = Cloud::public();
        assert!(public.vault_address("https://kv1.vault.azure.net/").is_ok());
        for wrong in [
            "http://kv1.vault.azure.net/",
            "https://kv1.vault.azure.net:8443/",
            "https://vault.azure.net/",
            "https://.vault.azure.net/",
            "https://a.b.vault.azure.net/",
            "https://kv1.vault.azure.net.example.com/",
            "https://evilvault.azure.net/",
            "https://kv1.vault.azure.cn/",
            "http://127.0.0.1:1/",
        ] {
            assert!(public.vault_address(wrong).is_err(), "{wrong}");
        }
        let local = Cloud::public().at_endpoint("http://127.0.0.1:1").expect("local");
        assert!(
            local.vault_address("http://127.0.0.1:2/").is_ok()
                && local.vault_address("https://kv1.vault.azure.net").is_ok()
        );
    }
}
