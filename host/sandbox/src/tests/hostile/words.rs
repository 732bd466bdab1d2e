//! Guests whose words do harm: in what they say of themselves, and in what they answer.

use repair_test_guests::{Guest, slice};

/// NUL, a sequence of a terminal in two forms, a change of direction and an invisible character.
pub(super) const DIRTY: &str = "a\0b\u{1b}[2Jc\u{9b}2Jd\u{202e}e\u{2066}f\u{200b}g";
/// The same as it may be shown.
pub(super) const SHOWN: &str = "a\\u{0}b\\u{1b}[2Jc\\u{9b}2Jd\\u{202e}e\\u{2066}f\\u{200b}g";

/// A manifest that is changed so.
pub(super) fn saying(mut guest: Guest, change: fn(&mut Guest)) -> Vec<u8> {
    change(&mut guest);
    guest.build()
}

/// A manifest with this schema.
pub(super) fn schema(mut guest: Guest, schema: impl Into<String>) -> Vec<u8> {
    guest.schema = schema.into();
    guest.build()
}

/// A schema of that many levels.
pub(super) fn nested(guest: Guest, levels: usize) -> Vec<u8> {
    schema(guest, format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels)))
}

/// Nine definitions, each of which refers twice to the next one, and a hundred references to the first of them.
pub(super) fn doubling(guest: Guest) -> Vec<u8> {
    let next =
        |at: usize| format!(r##""d{at}":{{"allOf":[{{"$ref":"#/$defs/d{0}"}},{{"$ref":"#/$defs/d{0}"}}]}}"##, at + 1);
    let definitions: Vec<String> = (0..9).map(next).collect();
    let many = vec![r##"{"$ref":"#/$defs/d0"}"##; 100].join(",");
    schema(guest, format!(r#"{{"allOf":[{many}],"$defs":{{{},"d9":{{}}}}}}"#, definitions.join(",")))
}

/// A thousand patterns that take megabytes each once they are compiled.
pub(super) fn patterns(guest: Guest) -> Vec<u8> {
    let pattern = |at: usize| format!(r#""p{at}":{{"pattern":"^\\p{{L}}{{1,80}}{at}$"}}"#);
    let members: Vec<String> = (0..1000).map(pattern).collect();
    schema(guest, format!(r#"{{"properties":{{{}}}}}"#, members.join(",")))
}

/// An answer that is one action of that case, whose fields are these texts.
pub(super) fn acting(mut guest: Guest, kind: &'static str, case: u8, texts: &[&str]) -> Vec<u8> {
    guest.may = vec![kind];
    let action = guest.action_of(case, texts);
    guest.proposes(900, &[action]);
    guest.build()
}

/// A random value into this file, which is more than texts.
pub(super) fn writing(mut guest: Guest, file: &str) -> Vec<u8> {
    guest.may = vec!["set-env-value"];
    let action = guest.set_env_value("KEY", file, 32, 0);
    guest.proposes(900, &[action]);
    guest.build()
}

/// Services to bring up.
pub(super) fn upping(mut guest: Guest, confidence: u16, services: &[&str]) -> Vec<u8> {
    let action = guest.compose_up(services);
    guest.proposes(confidence, &[action]);
    guest.build()
}

/// An action that its manifest does not name.
pub(super) fn overreaching(mut guest: Guest) -> Vec<u8> {
    let action = guest.remap_port(80, (0, 8080, 0), (0, 8081, 0));
    guest.proposes(900, &[action]);
    guest.build()
}

/// The query of that case, always the same one; the manifest sees `containers`, which is 1.
pub(super) fn asking(mut guest: Guest, case: u8) -> Vec<u8> {
    let mut query = [0; 24];
    query[0] = case;
    let queries = guest.data.put(&query);
    guest.answers(1, &slice(queries, 1), [0; 8]);
    guest.build()
}

/// So many seconds to wait.
pub(super) fn waiting(mut guest: Guest, seconds: u32) -> Vec<u8> {
    guest.answers(2, &seconds.to_le_bytes(), [0; 8]);
    guest.build()
}

pub(super) fn dirty_decline(mut guest: Guest) -> Vec<u8> {
    guest.declines(DIRTY);
    guest.build()
}

pub(super) fn dirty_notes(mut guest: Guest) -> Vec<u8> {
    let why = guest.data.text("why");
    let notes = guest.data.texts(&[DIRTY, DIRTY]);
    guest.answers(3, &why, notes);
    guest.build()
}

pub(super) fn dirty_reason(mut guest: Guest) -> Vec<u8> {
    let action = guest.compose_up(&["web"]);
    guest.proposes_because(DIRTY, 900, &[action]);
    guest.build()
}

pub(super) fn dirty_error(mut guest: Guest) -> Vec<u8> {
    guest.fails(DIRTY, DIRTY, Some(DIRTY));
    guest.build()
}
