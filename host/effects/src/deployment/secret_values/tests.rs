//! The rules for a value that is drawn; what writing it does to a real project is told by `tests/missing_values.rs`.

use std::collections::BTreeSet;

use repair_model::env_value::ValueEncoding;
use serde_json::json;

use super::*;
use crate::files::GitState;

fn empty(variable: &str, written: bool, shell: bool) -> EmptyVariable {
    EmptyVariable {
        variable: variable.to_owned(),
        file: ".env".to_owned(),
        written,
        required: false,
        secret_like: crate::compose::variable_names::secret_like(variable),
        services: vec!["web".to_owned()],
        shell,
    }
}

fn value(variable: &str) -> EnvValue {
    EnvValue { variable: variable.to_owned(), file: ".env".to_owned(), bytes: 32, encoding: ValueEncoding::Hex }
}

#[test]
fn only_a_secret_that_no_shell_sets_is_drawn() {
    assert_eq!(may_be_drawn(&empty("APP_KEY", false, false), false), Ok(()));
    assert_eq!(may_be_drawn(&empty("APP_KEY", true, false), true), Ok(()));
    for (empty, other_dotenv, word) in [
        (empty("APP_URL", true, false), false, "not named like a secret"),
        (empty("GITHUB_TOKEN", true, false), false, "not named like a secret"),
        (empty("APP_KEY", true, true), false, "the shell sets"),
        (empty("APP_KEY", false, false), true, "COMPOSE_ENV_FILES"),
    ] {
        let error = may_be_drawn(&empty, other_dotenv).expect_err(word);
        assert!(error.what.contains(word), "{error}");
        assert!(!error.hints.is_empty());
    }
}

#[test]
fn a_drawn_value_has_the_alphabet_and_entropy_that_were_asked_for() {
    for (encoding, length, alphabet) in [
        (ValueEncoding::Hex, 64, "0123456789abcdef"),
        (ValueEncoding::Base64, 43, "-_"),
        (ValueEncoding::Alphanumeric, 43, ""),
    ] {
        let mut seen = BTreeSet::new();
        for _ in 0..50 {
            let secret = draw(32, encoding).expect("random bytes");
            assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
            let text = secret.expose();
            assert_eq!(text.len(), length, "{encoding}");
            let fits = |letter: char| match encoding {
                ValueEncoding::Hex => alphabet.contains(letter),
                _ => letter.is_ascii_alphanumeric() || alphabet.contains(letter),
            };
            assert!(text.chars().all(fits), "{encoding}");
            assert!(seen.insert(text.to_owned()), "the same value twice");
        }
    }
    for bytes in [16, 17, 18, 64] {
        let secret = draw(bytes, ValueEncoding::Base64).expect("random bytes");
        assert_eq!(secret.expose().len(), (usize::from(bytes) * 4).div_ceil(3));
        let secret = draw(bytes, ValueEncoding::Alphanumeric).expect("random bytes");
        let bits = secret.expose().len() * 5954 / 1000;
        assert!(bits >= usize::from(bytes) * 8, "{bits} bits for {bytes} bytes");
    }
}

#[test]
fn a_drawn_value_is_read_back_from_a_dotenv_file_as_it_was_written() {
    for encoding in ValueEncoding::ALL {
        for text in [None, Some("A=\n"), Some("A=\"\" # c\n"), Some("B=1")] {
            let secret = draw(64, encoding).expect("random bytes");
            let edit = secret_edit(&EnvValue { encoding, ..value("A") }, text).expect("a place");
            let after = filled(text, &edit, secret.expose()).expect("it fits");
            let mut values = BTreeMap::new();
            Dotenv::read(&after).expect("a dotenv file").add_values(&BTreeMap::new(), &mut values);
            assert_eq!(values.get("A").map(String::as_str), Some(secret.expose()));
        }
    }
}

#[test]
fn a_person_sees_the_line_with_a_hole() {
    let detail = |text: Option<&str>| detail_of(&secret_edit(&value("APP_KEY"), text).expect("a place"), text);
    let hole = "APP_KEY=[32 random bytes, hex]";
    assert_eq!(detail(None), [format!("+ .env:1  {hole}")]);
    assert_eq!(detail(Some("A=1")), [format!("+ .env:2  {hole}")]);
    assert_eq!(detail(Some("A=1\n")), [format!("+ .env:2  {hole}")]);
    assert_eq!(detail(Some("A=1\nAPP_KEY=\nB=2\n")), ["- .env:2  APP_KEY=".to_owned(), format!("+ .env:2  {hole}")]);
    let quoted = "+ .env:1  APP_KEY=\"[32 random bytes, hex]\"".to_owned();
    assert_eq!(detail(Some("APP_KEY=\"\"\n")), ["- .env:1  APP_KEY=\"\"".to_owned(), quoted]);
}

#[test]
fn what_has_run_without_a_value_makes_it_disruptive() {
    assert_eq!(risk_of(None).0, Risk::Safe);
    let (risk, because) = risk_of(Some("shop-web-1"));
    assert!(risk == Risk::Disruptive && because.contains("shop-web-1"));
}

#[test]
fn data_is_looked_for_in_named_volumes_and_data_folders() {
    let config = json!({
        "services": {
            "db": {"volumes": [
                {"type": "volume", "source": "data", "target": "/var/lib/mysql"},
                {"type": "bind", "source": "/srv/conf", "target": "/etc/mysql/conf.d"},
                {"type": "volume", "target": "/tmp/x"}
            ]},
            "web": {"volumes": [
                {"type": "bind", "source": "/srv/pg", "target": "/var/lib/postgresql/data"},
                {"type": "bind", "source": "/srv/ro", "target": "/data", "read_only": true}
            ]}
        },
        "volumes": {"data": {"name": "shop_data"}}
    });
    let volume = DataPlace::Volume("shop_data".to_owned());
    let folder = DataPlace::Folder("/srv/pg".to_owned());
    let db = data_places(&config, Some(&["db".to_owned()]));
    let web = data_places(&config, Some(&["web".to_owned()]));
    assert_eq!(data_places(&config, None), [db.clone(), web.clone()].concat());
    assert_eq!((db, web), (vec![volume], vec![folder]));
}

#[test]
fn an_error_that_quotes_the_value_is_shown_without_it() {
    let secret = Secret::new("v4lu3");
    assert_eq!(without("invalid reference `x:v4lu3`", &secret), "invalid reference `x:[redacted]`");
}

#[test]
fn a_secret_in_a_file_that_could_be_committed_is_warned_of() {
    for state in [GitState::TrackedClean, GitState::TrackedModified, GitState::Untracked] {
        assert!(git_warning(".env", &state).is_some_and(|words| words.contains("must not be committed")), "{state:?}");
    }
    for state in [GitState::Ignored, GitState::NotARepository] {
        assert_eq!(git_warning(".env", &state), None);
    }
}
