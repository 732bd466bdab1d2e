//! The table: every hostile guest, where it has to be stopped, and in which words.
//!
//! A line holds the guest itself, so there is none without a guest; a guest without a line is dead code, which this
//! module denies.

use repair_model::limits::{COMPONENT_BYTES_MAX, TOOL_WALL_MS_MAX};

use super::code::{self, ENDLESS};
use super::fixes::*;
use super::words::{self, DIRTY};
use super::worlds;
use repair_test_guests::{Guest, bomb};

/// A hostile guest.
pub(super) struct Hostile {
    /// Its id, and what its file is called.
    pub name: &'static str,
    /// Makes it of a guest that has its name and declines.
    pub made: fn(Guest) -> Vec<u8>,
    /// Wall time of one call, in milliseconds.
    pub wall_ms_max: u64,
    pub stopped: Stopped,
}

/// Where a guest is stopped. Words that end in `…` are the beginning of what is said: the rest is wasmtime's. `{dirty}`
/// stands for [`words::SHOWN`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Stopped {
    /// It is not loaded: what, and fix.
    Load(&'static str, &'static str),
    /// It is loaded, and its first answer is its last: what, and fix.
    Propose(&'static str, &'static str),
    /// It need not be: what it answers, and why that harms nobody.
    Nowhere(&'static str, &'static str),
}

use Stopped::{Load, Nowhere, Propose};

const fn guest(name: &'static str, made: fn(Guest) -> Vec<u8>, stopped: Stopped) -> Hostile {
    Hostile { name, made, wall_ms_max: TOOL_WALL_MS_MAX, stopped }
}

/// Fuel is priced so well that it is used up before two seconds are over; this one needs a second of it at least.
const fn within_300_ms(hostile: Hostile) -> Hostile {
    Hostile { wall_ms_max: 300, ..hostile }
}

const DECLINES: &str = r#"Decline("not my case")"#;

pub(super) const GUESTS: &[Hostile] = &[
    // Code without an end, in every export that the host calls.
    guest(
        "loop-in-describe",
        |guest| code::describing(guest, ENDLESS),
        Load("`describe` used up its fuel of 200000000 units", LOOP),
    ),
    guest(
        "loop-in-propose",
        |guest| code::proposing(guest, ENDLESS),
        Propose("`propose` used up its fuel of 200000000 units", LOOP),
    ),
    guest(
        "loop-in-start",
        |guest| code::with_fields(guest, &format!("(func $start {ENDLESS}) (start $start)")),
        Load("`describe` used up its fuel of 200000000 units", LOOP),
    ),
    guest(
        "loop-in-realloc",
        |guest| code::giving_memory(guest, ENDLESS),
        Propose("`propose` used up its fuel of 200000000 units", LOOP),
    ),
    guest(
        "loop-after-describe",
        |guest| code::endless_after(guest, "describe"),
        Load("`describe` used up its fuel of 200000000 units", LOOP),
    ),
    guest(
        "loop-after-propose",
        |guest| code::endless_after(guest, "propose"),
        Propose("`propose` used up its fuel of 200000000 units", LOOP),
    ),
    within_300_ms(guest(
        "wall-bomb-in-describe",
        |guest| code::describing(guest, &code::asking_in_vain()),
        Load("`describe` ran longer than 300 ms", LOOP),
    )),
    within_300_ms(guest(
        "wall-bomb-in-propose",
        |guest| code::proposing(guest, &code::asking_in_vain()),
        Propose("`propose` ran longer than 300 ms", LOOP),
    )),
    // Code that wants everything.
    guest("memory-bomb", code::glutton, Propose("`propose` asked for more than 33554432 bytes of memory", LESS)),
    guest("memory-from-the-start", code::wide, Load("`describe` asked for more than 33554432 bytes of memory", LESS)),
    guest("table-bomb", code::tables, Propose("`propose` asked for more than 20000 table elements", LESS)),
    guest(
        "table-from-the-start",
        |guest| code::with_fields(guest, "(table 100000 funcref)"),
        Load("`describe` asked for more than 20000 table elements", LESS),
    ),
    guest("many-memories", worlds::memories, Load("it holds 40 memories, more than the limit of 32", LINK)),
    guest("many-tables", worlds::many_tables, Load("it holds 40 tables, more than the limit of 32", LINK)),
    guest(
        "many-instances",
        worlds::instances,
        Load("`describe` needs more than 32 instances, memories or tables", LINK),
    ),
    guest(
        "deep-recursion",
        code::diver,
        Propose(
            "`propose` needed more than 524288 bytes of stack",
            "look for a recursion without an end, or use a loop",
        ),
    ),
    // Code that breaks off.
    guest("panic-in-describe", |guest| code::describing(guest, "unreachable"), Load("`describe` panicked", DECLINE)),
    guest("panic-in-propose", |guest| code::proposing(guest, "unreachable"), Propose("`propose` panicked", DECLINE)),
    guest(
        "panic-with-last-words",
        code::loud,
        Propose(
            "`propose` panicked at \\u{1b}[2Jall is well\\u{0}\\u{202e}",
            "return an error or `decline` there instead",
        ),
    ),
    guest(
        "trap-in-describe",
        |guest| code::describing(guest, "(drop (i32.div_s (i32.const 1) (i32.const 0)))"),
        Load("`describe` was ended by a fault of its own: wasm trap: integer divide by zero", SAFE),
    ),
    guest(
        "trap-in-propose",
        |guest| code::proposing(guest, "(i32.load (i32.const -4))"),
        Propose("`propose` was ended by a fault of its own: wasm trap: out of bounds memory access", SAFE),
    ),
    // Answers that cannot be read, or are too large to be.
    guest(
        "answer-below-memory",
        |guest| code::proposing(guest, "(i32.const -4)"),
        Propose("`propose` returned something that cannot be read: …", SAFE),
    ),
    guest(
        "answer-across-the-end",
        |guest| code::proposing(guest, "(i32.const 131064)"),
        Propose("`propose` returned something that cannot be read: …", SAFE),
    ),
    guest(
        "answer-not-aligned",
        |guest| code::proposing(guest, "(i32.const 1)"),
        Propose("`propose` returned something that cannot be read: …", SAFE),
    ),
    guest(
        "memory-given-outside",
        |guest| code::giving_memory(guest, "(return (i32.const -8))"),
        Propose("`propose` returned something that cannot be read: …", SAFE),
    ),
    guest(
        "memory-given-not-aligned",
        |guest| code::giving_memory(guest, "(return (i32.const 3))"),
        Propose("`propose` returned something that cannot be read: …", SAFE),
    ),
    guest("text-not-unicode", code::garbled, Propose("`propose` returned something that cannot be read: …", SAFE)),
    guest("huge-text", code::talker, Propose("`propose` returned more than 4194304 bytes", SHORTER)),
    guest("huge-list-of-texts", code::repeater, Propose("`propose` returned more than 4194304 bytes", SHORTER)),
    guest("huge-list-of-actions", code::overeager, Propose("`propose` returned more than 4194304 bytes", SHORTER)),
    guest("list-beyond-memory", code::overlong, Propose("`propose` returned something that cannot be read: …", SAFE)),
    // What a tool says of itself.
    guest(
        "manifest-that-changes",
        code::moody,
        Load("its manifest differs between two calls of `describe`", "let `describe` return constants"),
    ),
    guest(
        "id-with-a-path",
        |guest| words::saying(guest, |guest| guest.id = "../../etc/passwd".to_owned()),
        Load(
            "its id `../../etc/passwd` is not made of lower-case words joined by hyphens and beginning with a letter, at most 64 characters",
            "choose an id such as `port-conflict`",
        ),
    ),
    guest(
        "id-of-another",
        |guest| words::saying(guest, |guest| guest.id = super::CALM.to_owned()),
        Load(
            "its id `calm` belongs to a tool that was loaded before it",
            "give it an id of its own, or remove one of the two",
        ),
    ),
    guest(
        "dirty-id",
        |guest| words::saying(guest, |guest| guest.id = DIRTY.to_owned()),
        Load(
            "its id `{dirty}` is not made of lower-case words joined by hyphens and beginning with a letter, at most 64 characters",
            "choose an id such as `port-conflict`",
        ),
    ),
    guest(
        "dirty-version",
        |guest| words::saying(guest, |guest| guest.version = DIRTY.to_owned()),
        Load("its version `{dirty}` is not a semantic version", "use a version such as `0.1.0`"),
    ),
    guest(
        "dirty-summary",
        |guest| words::saying(guest, |guest| guest.summary = DIRTY.to_owned()),
        Load(
            "its summary is empty, longer than 256 bytes or not one plain line with single blanks",
            "say in one short sentence what it repairs",
        ),
    ),
    guest(
        "dirty-contact",
        |guest| words::saying(guest, |guest| guest.contact = Some(DIRTY.to_owned())),
        Load(
            "its contact is empty, longer than 256 bytes or not one plain line with single blanks",
            "give a URL or an address, or none",
        ),
    ),
    guest(
        "dirty-class",
        |guest| words::saying(guest, |guest| guest.handles = vec![DIRTY]),
        Load("`handles` names `{dirty}`, which this host does not know; it knows …", NAME),
    ),
    guest(
        "dirty-query",
        |guest| words::saying(guest, |guest| guest.sees = vec![DIRTY]),
        Load("`sees` names `{dirty}`, which this host does not know; it knows …", NAME),
    ),
    guest(
        "unknown-action",
        |guest| words::saying(guest, |guest| guest.may = vec!["compose-up", "format-disk"]),
        Load("`may` names `format-disk`, which this host does not know; it knows `remap-port`, …", NAME),
    ),
    guest(
        "dirty-schema",
        |guest| words::schema(guest, format!(r#"{{"title":"{DIRTY}"}}"#)),
        Load("`params-schema` is not JSON: …", "return a JSON Schema; `{\"type\":\"object\"}` allows any parameters"),
    ),
    guest(
        "enormous-schema",
        |guest| words::schema(guest, format!(r#"{{"title":"{}"}}"#, "x".repeat(70_000))),
        Load("`params-schema` has 70012 bytes, more than the limit of 65536 bytes", SIMPLER),
    ),
    guest(
        "nested-schema",
        |guest| words::nested(guest, 40),
        Load("`params-schema` is nested deeper than the limit of 32 levels, references followed", SIMPLER),
    ),
    guest(
        "very-nested-schema",
        |guest| words::nested(guest, 9_000),
        Load(
            "`params-schema` is not JSON: recursion limit exceeded…",
            "return a JSON Schema; `{\"type\":\"object\"}` allows any parameters",
        ),
    ),
    guest(
        "schema-that-refers-to-itself",
        |guest| words::schema(guest, r##"{"$ref":"#"}"##),
        Load("`params-schema` is nested deeper than the limit of 32 levels, references followed", SIMPLER),
    ),
    guest(
        "schema-that-doubles",
        words::doubling,
        Load("`params-schema` has more than the limit of 10000 values, references followed", SIMPLER),
    ),
    guest(
        "schema-of-patterns",
        words::patterns,
        Load("`params-schema` has more than the limit of 32 patterns, references followed", SIMPLER),
    ),
    guest(
        "reordering-schema",
        |guest| words::schema(guest, "{\"title\":\"a\u{202e}b\"}"),
        Nowhere(DECLINES, "what is printed is escaped"),
    ),
    guest(
        "schema-from-elsewhere",
        |guest| words::schema(guest, r#"{"$ref":"http://127.0.0.1:1/schema.json"}"#),
        Load("`params-schema` refers to `http://127.0.0.1:1/schema.json`, which lies outside it", REFER),
    ),
    guest(
        "schema-from-a-file",
        |guest| words::schema(guest, r#"{"$ref":"file:///etc/passwd"}"#),
        Load("`params-schema` refers to `file:///etc/passwd`, which lies outside it", REFER),
    ),
    // What a tool is made of.
    guest(
        "undeclared-import",
        worlds::importing,
        Load("it imports `run` (a function), but a repair tool may call nothing", OBSERVE),
    ),
    guest(
        "function-among-the-types",
        worlds::spying,
        Load("it imports `repair:tool/types@0.4.0` (`spy`), but a repair tool may call nothing", OBSERVE),
    ),
    guest(
        "resource-among-the-types",
        worlds::holding,
        Load("it imports `repair:tool/types@0.4.0` (`handle`), but a repair tool may call nothing", OBSERVE),
    ),
    guest("export-that-is-no-instance", worlds::mislabelled, Load("…", AGAIN)),
    guest("exports-of-other-types", worlds::mistyped, Load("`describe` cannot be called: …", SDK)),
    guest("confidence-not-a-number", worlds::fractional, Load("`describe` cannot be called: …", SDK)),
    guest("export-too-many", worlds::generous, Nowhere(DECLINES, "nobody calls the other one")),
    guest("component-in-a-tool", worlds::pregnant, Nowhere(DECLINES, "nobody makes it")),
    guest(
        "components-in-components",
        |_| bomb::nesting_bomb(1000),
        Load("it does not export `repair:tool/repair@0.4.0`, so it is not a repair tool", WORLD),
    ),
    guest("sections-that-lie", worlds::lying, Nowhere(DECLINES, "nobody reads them")),
    guest(
        "types-in-types",
        worlds::deep_types,
        Load("it is not a valid component: failed to parse WebAssembly module: type nesting is too deep…", AGAIN),
    ),
    guest("blocks-in-blocks", code::deep_blocks, Nowhere(DECLINES, "the compiler does not recurse over them")),
    guest("memory-of-64-bits", worlds::memory64, Load("it is not a valid component: …", AGAIN)),
    guest("shared-memory", worlds::shared_memory, Load("it is not a valid component: …", AGAIN)),
    guest("magic-and-garbage", worlds::garbage, Load("it is not a valid component: …", AGAIN)),
    guest("section-of-4-gib", worlds::boasting, Load("it is not a valid component: …", AGAIN)),
    guest("compiled-code", worlds::compiled, Load("it is compiled code, which is never accepted as a tool", ITSELF)),
    guest("compiled-code-in-disguise", worlds::disguised, Load("it is not a valid component: …", AGAIN)),
    guest(
        "program",
        |_| b"\x7fELF\x02\x01\x01".to_vec(),
        Load("it is compiled code, which is never accepted as a tool", ITSELF),
    ),
    guest("script", |_| b"#!/bin/sh\n".to_vec(), Load("it is not a WebAssembly component", WHOLE)),
    guest("nothing", |_| Vec::new(), Load("it is not a WebAssembly component", WHOLE)),
    guest(
        "core-module",
        |_| worlds::text("(module)"),
        Load("it is a core WebAssembly module, not a component", "link it with `wasm-component-ld` (see plugins/sdk)"),
    ),
    guest(
        "text-form",
        |_| b" (component)".to_vec(),
        Load("it is WebAssembly text, not a component", "give the binary form; `wasm-tools parse` makes it"),
    ),
    guest(
        "enormous-file",
        |_| vec![0; COMPONENT_BYTES_MAX + 1],
        Load(
            "the file has 33554433 bytes, more than the limit of 33554432 bytes",
            "build it with `opt-level = \"s\"`, `lto` and `strip`, as the profile `guest` does",
        ),
    ),
    // What a tool answers.
    guest(
        "action-outside-the-manifest",
        words::overreaching,
        Propose(
            "`propose` proposed the action `remap-port`, but its manifest may only propose `compose-up`",
            "add `remap-port` to `may` in the tool's manifest, or do not use it",
        ),
    ),
    guest(
        "query-outside-the-manifest",
        |guest| words::asking(guest, 0),
        Propose(
            "`propose` asked the query `compose-model`, but its manifest only sees `containers`",
            "add `compose-model` to `sees` in the tool's manifest, or do not use it",
        ),
    ),
    guest(
        "confidence-of-two",
        |guest| words::upping(guest, 2000, &["web"]),
        Propose(
            "`propose` returned a confidence of 2000, but the scale ends at 1000",
            "give the confidence in thousandths",
        ),
    ),
    guest(
        "path-outside-the-project",
        |guest| words::writing(guest, "../../etc/environment"),
        Propose(
            "`propose` returned the file `../../etc/environment`, which does not lie below the project directory",
            "take `file` from an observation of `empty-variables`",
        ),
    ),
    guest(
        "container-of-another-project",
        |guest| words::acting(guest, "remove-stale-container", 5, &["bank-db-1", "0a1b"]),
        Nowhere(
            r#"Propose(Proposal { reason: "because", confidence: Permille(900), actions: [RemoveStaleContainer { container: "bank-db-1", id: "0a1b" }] })"#,
            "the effects prepare nothing that they do not see in the project",
        ),
    ),
    guest(
        "vault-of-another-group",
        |guest| words::acting(guest, "purge-vault", 10, &["bank-keys", "westeurope", "2026-01-01"]),
        Nowhere(
            r#"Propose(Proposal { reason: "because", confidence: Permille(900), actions: [Azure(PurgeVault(VaultName { vault: "bank-keys", location: "westeurope", deleted: "2026-01-01" }))] })"#,
            "the effects prepare nothing that they do not see in the group",
        ),
    ),
    guest(
        "need-without-end",
        |guest| words::asking(guest, 1),
        Nowhere("Need([Containers])", "the planner asks `tool_rounds_max` times"),
    ),
    guest(
        "wait-of-nothing",
        |guest| words::waiting(guest, 0),
        Nowhere("WaitSeconds(0)", "the planner waits a second, and that is a round"),
    ),
    guest(
        "wait-for-ever",
        |guest| words::waiting(guest, u32::MAX),
        Nowhere("WaitSeconds(4294967295)", "the planner waits `backoff_seconds_max` at most"),
    ),
    guest("two-faces", code::two_faced, Nowhere(DECLINES, "each call has an instance of its own")),
    guest(
        "dirty-service",
        |guest| words::upping(guest, 900, &["web", DIRTY]),
        Propose(
            "`propose` returned `{dirty}` as `services`, which is no plain name",
            "name the services, as the Compose model has them",
        ),
    ),
    guest(
        "dirty-container",
        |guest| words::acting(guest, "remove-stale-container", 5, &[DIRTY, "0a1b"]),
        Propose(
            "`propose` returned `{dirty}` as `container`, which is no plain name",
            "take `container` from an observation",
        ),
    ),
    guest(
        "dirty-vault",
        |guest| words::acting(guest, "purge-vault", 10, &[DIRTY, "westeurope", "2026-01-01"]),
        Propose("`propose` returned `{dirty}` as `vault`, which is no plain name", "take `vault` from an observation"),
    ),
    guest(
        "dirty-file",
        |guest| words::writing(guest, DIRTY),
        Propose("`propose` returned `{dirty}` as `file`, which is no plain name", "take `file` from an observation"),
    ),
    guest(
        "dirty-decline",
        words::dirty_decline,
        Nowhere(r#"Decline("a\0b\u{1b}[2Jc\u{9b}2Jd\u{202e}e\u{2066}f\u{200b}g")"#, "what is printed is escaped"),
    ),
    guest(
        "dirty-reason",
        words::dirty_reason,
        Nowhere(
            r#"Propose(Proposal { reason: "a\0b\u{1b}[2Jc\u{9b}2Jd\u{202e}e\u{2066}f\u{200b}g", confidence: Permille(900), actions: [ComposeUp { services: ["web"] }] })"#,
            "what is printed is escaped",
        ),
    ),
    guest("dirty-notes", words::dirty_notes, Nowhere(r#"Decline("why")"#, "notes are for the author, and not printed")),
    guest(
        "dirty-error",
        words::dirty_error,
        Nowhere(
            "tool `dirty-error`: `propose` returned the error `{dirty}`: {dirty}; {dirty}",
            "an error is the tool's own word, and escaped",
        ),
    ),
];
