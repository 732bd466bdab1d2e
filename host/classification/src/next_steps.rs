//! Next steps with the facts filled in. What a log says ends up in commands that a person copies, so only values that no
//! shell and no eye can misread are filled in; else the fact's name stands there in capitals.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

static PLACE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{([a-z][a-z-]*)\}").expect("a valid pattern"));

/// Letters, digits and what names, addresses and paths consist of; no option, no traversal.
static HARMLESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9_/][A-Za-z0-9_./:@-]{0,127}$").expect("a valid pattern"));

/// The steps with `{fact}` replaced.
pub(crate) fn filled(steps: &[String], facts: &BTreeMap<String, String>) -> Vec<String> {
    let fill = |step: &String| {
        let filled = PLACE.replace_all(step, |place: &regex::Captures<'_>| {
            let known = facts.get(&place[1]).filter(|value| HARMLESS.is_match(value) && !value.contains(".."));
            known.cloned().unwrap_or_else(|| place[1].to_uppercase().replace('-', "_"))
        });
        filled.into_owned()
    };
    steps.iter().map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_values_reach_a_command() {
        let step = ["`az keyvault show-deleted --name {vault}`".to_owned()];
        let with = |value: &str| filled(&step, &BTreeMap::from([("vault".to_owned(), value.to_owned())])).remove(0);
        assert_eq!(with("kv-shop"), "`az keyvault show-deleted --name kv-shop`");
        for hostile in ["x; rm -rf /", "$(id)", "--help", "a b", "`id`", "../../x", "x\n", "\u{202e}kv", ""] {
            assert_eq!(with(hostile), "`az keyvault show-deleted --name VAULT`", "{hostile:?}");
        }
        assert_eq!(
            filled(&["wait {retry-after-seconds} s".to_owned()], &BTreeMap::new()),
            ["wait RETRY_AFTER_SECONDS s"]
        );
    }
}
