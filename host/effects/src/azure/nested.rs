//! Errors within errors, as Resource Manager and the providers behind it write them.
//!
//! An error has a code, a message and details, which are errors again; a message is often itself JSON in a string, with
//! the real reason inside, several levels deep. Here they become one tree of plain values, bounded in depth
//! ([`NESTED_ERRORS_DEPTH_MAX`]), number ([`NESTED_ERRORS_MAX`]) and length of a message ([`MESSAGE_BYTES_MAX`]).
//! Everything in it is foreign text: it is escaped before it is shown, and never chooses a target.
//!
//! Formats: "Common API details" of the Azure Resource Manager RPC (`error`, `code`, `message`, `target`, `details`),
//! OData (`innererror`), older services (`Code`, `Message`), and OAuth 2.0 (RFC 6749, section 5.2).

use serde_json::{Map, Value, json};

use super::limits::{MESSAGE_BYTES_MAX, NESTED_ERRORS_DEPTH_MAX, NESTED_ERRORS_MAX};

/// One error and the errors that it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NestedError {
    /// Its code, such as `ConflictError`; empty where there is none.
    pub code: String,
    /// Its message; empty where the message was JSON that now stands in [`Self::details`].
    pub message: String,
    /// What it is about, where Azure says so.
    pub target: Option<String>,
    /// The errors within it.
    pub details: Vec<NestedError>,
    /// Whether something was left out here: too deep, too many or too long.
    pub cut: bool,
}

/// How much may still be taken into a tree.
struct Budget {
    errors: usize,
}

impl NestedError {
    /// Reads the body of an answer. A body that is not JSON becomes the message of an error without a code.
    pub fn from_body(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}').trim()) {
            Ok(value) => Self::from_value(&value).unwrap_or_else(|| Self::from_text(&value.to_string())),
            Err(_) => Self::from_text(text.trim()),
        }
    }

    /// Reads an error out of a JSON value, be it the error itself, what holds it, or a string with either; `None` when
    /// there is none in it.
    pub fn from_value(value: &Value) -> Option<Self> {
        let mut budget = Budget { errors: NESTED_ERRORS_MAX };
        read(value, 0, &mut budget)
    }

    fn from_text(text: &str) -> Self {
        let (message, cut) = shortened(text);
        Self { message, cut, ..Self::default() }
    }

    /// This error and all within it, outermost first, each with its level from 0.
    pub fn walk(&self) -> Vec<(usize, &Self)> {
        let mut found = Vec::new();
        self.collect(0, &mut found);
        found
    }

    fn collect<'a>(&'a self, level: usize, found: &mut Vec<(usize, &'a Self)>) {
        found.push((level, self));
        for detail in &self.details {
            detail.collect(level + 1, found);
        }
    }

    /// The first error, outermost first, that satisfies `is_meant`.
    pub fn find(&self, is_meant: impl Fn(&Self) -> bool) -> Option<&Self> {
        self.walk().into_iter().map(|(_, error)| error).find(|error| is_meant(error))
    }

    /// Whether an error with this code is in the tree, in any case of letters.
    pub fn has_code(&self, code: &str) -> bool {
        self.find(|error| error.code.eq_ignore_ascii_case(code)).is_some()
    }

    /// The reason: the error that holds no other, first in order.
    pub fn innermost(&self) -> &Self {
        self.details.first().map_or(self, Self::innermost)
    }

    /// Whether something was left out anywhere in the tree.
    pub fn is_cut(&self) -> bool {
        self.find(|error| error.cut).is_some()
    }

    /// The tree as JSON in the form that Azure itself uses, with nothing left inside strings.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("code".to_owned(), json!(self.code));
        object.insert("message".to_owned(), json!(self.message));
        if let Some(target) = &self.target {
            object.insert("target".to_owned(), json!(target));
        }
        if !self.details.is_empty() {
            object.insert("details".to_owned(), self.details.iter().map(Self::to_value).collect());
        }
        Value::Object(object)
    }
}

fn read(value: &Value, depth: usize, budget: &mut Budget) -> Option<NestedError> {
    match value {
        Value::Object(object) => read_object(object, depth, budget),
        Value::String(text) => match embedded(text) {
            Some(inner) if depth < NESTED_ERRORS_DEPTH_MAX => {
                read(&inner, depth + 1, budget).or_else(|| take_text(text, budget))
            }
            Some(_) | None => take_text(text, budget),
        },
        Value::Array(values) => {
            let mut errors = read_all(values, depth, budget);
            match errors.len() {
                0 | 1 => errors.pop(),
                _ => Some(NestedError { details: errors, ..NestedError::default() }),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn take_text(text: &str, budget: &mut Budget) -> Option<NestedError> {
    let text = text.trim();
    if text.is_empty() || budget.errors == 0 {
        return None;
    }
    budget.errors -= 1;
    Some(NestedError::from_text(text))
}

fn read_all(values: &[Value], depth: usize, budget: &mut Budget) -> Vec<NestedError> {
    values.iter().filter_map(|value| read(value, depth, budget)).collect()
}

fn read_object(object: &Map<String, Value>, depth: usize, budget: &mut Budget) -> Option<NestedError> {
    // What only wraps an error: `{"error": {…}}`, `{"odata.error": {…}}`, and the status message of an operation.
    if let Some(inner) = field(object, &["error", "odata.error"])
        && inner.is_object()
    {
        return read(inner, depth, budget);
    }
    let text = |keys: &[&str]| field(object, keys).and_then(text_of);
    let code = text(&["code", "error", "errorCode"]);
    let message = text(&["message", "error_description", "errorMessage"]);
    let details = field(object, &["details"]);
    let inner = field(object, &["innererror", "innerError", "inner"]);
    if code.is_none() && message.is_none() && details.is_none() && inner.is_none() {
        return None;
    }
    if budget.errors == 0 {
        return None;
    }
    budget.errors -= 1;
    let mut error = NestedError { code: code.unwrap_or_default(), target: text(&["target"]), ..NestedError::default() };
    (error.code, error.cut) = shortened(&error.code);
    unfold_message(&message.unwrap_or_default(), depth, &mut error, budget);
    let inner = inner.filter(|inner| inner.is_object()).into_iter();
    let details = details.into_iter().flat_map(|details| match details {
        Value::Array(details) => details.iter().collect(),
        single => vec![single],
    });
    for detail in details.chain(inner) {
        if depth >= NESTED_ERRORS_DEPTH_MAX || budget.errors == 0 {
            error.cut = true;
            break;
        }
        error.details.extend(read(detail, depth + 1, budget));
    }
    Some(error)
}

/// Puts a message into `error`: as text, or as the error that it holds as JSON, with the words around it.
fn unfold_message(message: &str, depth: usize, error: &mut NestedError, budget: &mut Budget) {
    let whole = message.trim();
    let at = whole.find('{').filter(|at| *at == 0 || whole.ends_with('}'));
    if let Some(at) = at
        && let Some(inner) = embedded(&whole[at..])
    {
        if depth < NESTED_ERRORS_DEPTH_MAX
            && let Some(inner) = read(&inner, depth + 1, budget)
        {
            let (words, cut) = shortened(whole[..at].trim());
            error.message = words;
            error.cut |= cut;
            error.details.push(inner);
            return;
        }
        error.cut |= depth >= NESTED_ERRORS_DEPTH_MAX || budget.errors == 0;
    }
    let (words, cut) = shortened(whole);
    error.message = words;
    error.cut |= cut;
}

/// JSON that stands in a string, where it is an object or an array.
fn embedded(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn field<'a>(object: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    keys.iter()
        .find_map(|key| object.iter().find(|(own, value)| own.eq_ignore_ascii_case(key) && !value.is_null()))
        .map(|(_, value)| value)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        // Older services put the words one level lower: `{"lang": "en-us", "value": "…"}`.
        Value::Object(object) => field(object, &["value"]).and_then(text_of),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

fn shortened(text: &str) -> (String, bool) {
    if text.len() <= MESSAGE_BYTES_MAX {
        return (text.to_owned(), false);
    }
    let end = text.floor_char_boundary(MESSAGE_BYTES_MAX);
    (text[..end].to_owned(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(error: &NestedError) -> Vec<(usize, &str)> {
        error.walk().into_iter().map(|(level, error)| (level, error.code.as_str())).collect()
    }

    /// `levels` errors, each as JSON in the message of the one above.
    fn chain(levels: usize) -> Value {
        let mut error = json!({ "error": { "code": "C0", "message": "the reason" } });
        for level in 1..levels {
            error = json!({ "error": { "code": format!("C{level}"), "message": error.to_string() } });
        }
        error
    }

    #[test]
    fn json_within_messages_becomes_details() {
        let inner = json!({ "error": { "code": "ConflictError", "message": "A vault with the same name already exists in deleted state." } });
        let middle = json!({ "status": "failed", "error": { "code": "ResourceDeploymentFailure", "message": "…", "details": [
            { "code": "Conflict", "message": inner.to_string().replace(',', ",\r\n  ") }, { "message": "and a second one" } ] } });
        let body = json!({ "error": { "code": "DeploymentFailed", "message": "At least one resource deployment operation failed.",
            "details": [{ "code": "Conflict", "message": middle.to_string() }] } });
        let error = NestedError::from_body(body.to_string().as_bytes());
        assert_eq!(
            codes(&error),
            [
                (0, "DeploymentFailed"),
                (1, "Conflict"),
                (2, "ResourceDeploymentFailure"),
                (3, "Conflict"),
                (4, "ConflictError"),
                (3, "")
            ]
        );
        assert!(error.innermost().message.contains("deleted state") && !error.is_cut());
        assert!(error.has_code("conflicterror") && !error.has_code("ConflictErro"));
    }

    #[test]
    fn every_known_form_of_an_error_is_read() {
        for (body, code, message) in [
            (r#"{"error":{"code":"A","message":"m"}}"#, "A", "m"),
            (r#"{"code":"A","message":"m"}"#, "A", "m"),
            (r#"{"Code":"A","Message":"m"}"#, "A", "m"),
            (r#"{"odata.error":{"code":"A","message":{"lang":"en-us","value":"m"}}}"#, "A", "m"),
            (
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: m"}"#,
                "invalid_client",
                "AADSTS7000215: m",
            ),
            (
                r#"{"error":{"code":"Forbidden","message":"m","innererror":{"code":"ForbiddenByRbac"}}}"#,
                "Forbidden",
                "m",
            ),
            (r#""{\"error\":{\"code\":\"A\",\"message\":\"m\"}}""#, "A", "m"),
            (r#"{"Message":"m"}"#, "", "m"),
            ("<html>502 Bad Gateway</html>", "", "<html>502 Bad Gateway</html>"),
            ("\u{feff}{\"code\":\"A\",\"message\":\"m\"}", "A", "m"),
            ("", "", ""),
            ("{}", "", "{}"),
            ("[]", "", "[]"),
        ] {
            let error = NestedError::from_body(body.as_bytes());
            assert_eq!((error.code.as_str(), error.message.as_str()), (code, message), "{body}");
        }
        let rbac = NestedError::from_body(
            br#"{"error":{"code":"Forbidden","message":"m","innererror":{"code":"ForbiddenByRbac"}}}"#,
        );
        assert!(rbac.has_code("ForbiddenByRbac"));
        let two = NestedError::from_value(&json!(["one", { "code": "B" }])).expect("errors");
        assert_eq!(two.details.len(), 2);
    }

    #[test]
    fn words_before_json_and_text_that_only_looks_like_it_stay() {
        let error =
            NestedError::from_value(&json!({ "code": "A", "message": "Failed: {\"code\":\"B\",\"message\":\"m\"}" }));
        let error = error.expect("an error");
        assert_eq!((error.message.as_str(), error.innermost().code.as_str()), ("Failed:", "B"));
        for message in ["{not json}", "see {this}", "{\"a\":1}", "{", "a } b {"] {
            let error = NestedError::from_value(&json!({ "code": "A", "message": message })).expect("an error");
            assert_eq!((error.message.as_str(), error.details.len(), error.is_cut()), (message, 0, false));
        }
    }

    #[test]
    fn a_tree_ends_at_its_limits_and_says_so() {
        let deep = NestedError::from_value(&chain(NESTED_ERRORS_DEPTH_MAX + 1)).expect("an error");
        assert_eq!((deep.walk().len(), deep.is_cut()), (NESTED_ERRORS_DEPTH_MAX + 1, false));
        // Each level of strings doubles the backslashes, so this is as deep as a body can go.
        let deeper = NestedError::from_value(&chain(NESTED_ERRORS_DEPTH_MAX + 3)).expect("an error");
        assert_eq!((deeper.walk().len(), deeper.is_cut()), (NESTED_ERRORS_DEPTH_MAX + 1, true));
        let many: Vec<_> = (0..NESTED_ERRORS_MAX * 3).map(|number| json!({ "code": format!("C{number}") })).collect();
        let wide = NestedError::from_value(&json!({ "code": "A", "details": many })).expect("an error");
        assert_eq!((wide.walk().len(), wide.is_cut()), (NESTED_ERRORS_MAX, true));
        let long = NestedError::from_body("é".repeat(MESSAGE_BYTES_MAX).as_bytes());
        assert!(long.is_cut() && long.message.len() <= MESSAGE_BYTES_MAX);
        let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(NestedError::from_body(nested.as_bytes()).is_cut(), "no stack overflows");
    }

    #[test]
    fn what_is_written_out_reads_back() {
        let error = NestedError::from_value(&chain(4)).expect("an error");
        assert_eq!(NestedError::from_value(&error.to_value()).as_ref(), Some(&error));
    }
}
