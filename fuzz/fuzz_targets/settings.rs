//! Arbitrary text as `repair.toml`, and what of it reaches a tool checked against an arbitrary schema, as a tool's manifest
//! may bring one along. Nothing may panic or overflow the stack, an unknown key is never taken for a setting, and the
//! parameters of a tool are always an object. The same text is read as a lock file of tools.
//!
//! Form of an input: a `repair.toml`, then a JSON Schema.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repair_fuzz::texts;
use repair_model::ids::{Digest, Domain};
use repair_pipeline::planning::check_params;
use repair_pipeline::settings::Settings;
use repair_pipeline::tool_lock::{Judgement, LockError, LockedTool, ToolLock};

/// The keys at the top of a `repair.toml`.
const KNOWN: [&str; 4] = ["tools", "probe", "projection", "azure"];

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    let [settings, schema] = texts(&input);
    read_settings(settings.unwrap_or_default(), schema.unwrap_or("{}"));
    read_lock(settings.unwrap_or_default());
});

/// The same text as `repair-tools.lock`: what is read keeps its meaning when it is written again, and nothing that it
/// accepts can be replaced by an older or another component of the same version.
fn read_lock(text: &str) {
    let Ok(lock) = ToolLock::parse(text) else { return };
    let written = lock.to_text().expect("what was read can be written");
    assert_eq!(ToolLock::parse(&written), Ok(lock.clone()));
    for tool in &lock.tools {
        assert_eq!(lock.judge(tool, &[]), Ok(Judgement::Same));
        assert!(lock.judge(tool, &[&tool.id]).is_err(), "the id of a built-in tool");
        let other = LockedTool { component: Digest::of(Domain::Component, written.as_bytes()), ..tool.clone() };
        if other.component != tool.component {
            assert!(matches!(lock.judge(&other, &[]), Err(LockError::Swap { .. })));
        }
    }
}

fn read_settings(text: &str, schema: &str) {
    let settings = match Settings::parse(text) {
        Ok(settings) => settings,
        Err(error) => return assert!(error.to_string().starts_with("repair.toml: ")),
    };
    let table: toml::Table = text.parse().expect("what is read as settings is TOML");
    assert!(table.keys().all(|key| KNOWN.contains(&key.as_str())), "{table:?}");
    for probe in &settings.probes {
        let _ = (probe.to_string(), probe.service());
    }
    for tool in settings.tools.keys().map(String::as_str).chain(["port-conflict"]) {
        let params = settings.params(tool);
        assert!(params.is_object(), "{params}");
        if let Err(error) = check_params(tool, schema, &params) {
            assert_eq!(error.tool, tool);
        }
    }
}
