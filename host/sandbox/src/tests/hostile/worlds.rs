//! Guests that are something else than they say: what they import, what they export, and what lies in what.

use repair_test_guests::Guest;
use repair_test_guests::leb128;

const CONTRACT: &str = include_str!("../../../../../wit/repair-tool.wit");
/// What every component begins with.
const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";
const EXPORT: &str = "repair:tool/repair@0.4.0";

/// The contract with one change.
fn contract(from: &str, to: &str) -> String {
    let other = CONTRACT.replace(from, to);
    assert_ne!(other, CONTRACT, "the contract has `{from}`");
    other
}

/// A component in text.
pub(super) fn text(component: &str) -> Vec<u8> {
    wat::parse_str(component).expect("the text parses")
}

/// A whole tool that also calls a function of its world.
pub(super) fn importing(mut guest: Guest) -> Vec<u8> {
    guest.fields = r#"(import "$root" "run" (func $run)) (func (export "calls") (call $run))"#.to_owned();
    guest.build_for(&contract("  export repair;\n", "  import run: func();\n  export repair;\n"))
}

/// A whole tool whose interface of types holds a function.
pub(super) fn spying(mut guest: Guest) -> Vec<u8> {
    guest.fields =
        r#"(import "repair:tool/types@0.4.0" "spy" (func $spy)) (func (export "calls") (call $spy))"#.to_owned();
    guest.build_for(&contract("interface types {\n", "interface types {\n  spy: func();\n"))
}

/// A whole tool with a resource among its types.
pub(super) fn holding(mut guest: Guest) -> Vec<u8> {
    guest.fields = r#"(import "repair:tool/types@0.4.0" "[resource-drop]handle" (func $drop (param i32)))
        (func (export "calls") (call $drop (i32.const 0)))"#
        .to_owned();
    guest.build_for(&contract("interface types {\n", "interface types {\n  resource handle;\n"))
}

/// A whole tool that says how sure it is by a fraction, which could be no number at all.
pub(super) fn fractional(guest: Guest) -> Vec<u8> {
    guest.build_for(&contract("confidence: u16,\n    actions", "confidence: f32,\n    actions"))
}

/// A whole tool that exports a function more than it should.
pub(super) fn generous(mut guest: Guest) -> Vec<u8> {
    guest.fields = r#"(func (export "extra") unreachable)"#.to_owned();
    guest.build_for(&contract("  export repair;\n", "  export extra: func();\n  export repair;\n"))
}

/// The right name on a component, not on an instance.
pub(super) fn mislabelled(_: Guest) -> Vec<u8> {
    text(&format!(r#"(component (component $c) (export "{EXPORT}" (component $c)))"#))
}

/// The right names on functions of other types.
pub(super) fn mistyped(_: Guest) -> Vec<u8> {
    text(&format!(
        r#"(component
            (core module $m (func (export "f") (result i32) i32.const 7))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $tool (export "describe" (func $f)) (export "propose" (func $f)))
            (export "{EXPORT}" (instance $tool)))"#
    ))
}

/// Forty memories.
pub(super) fn memories(_: Guest) -> Vec<u8> {
    let instances = "(core instance (instantiate $m))".repeat(40);
    text(&format!("(component (core module $m (memory 1)) {instances})"))
}

/// Forty tables.
pub(super) fn many_tables(_: Guest) -> Vec<u8> {
    let instances = "(core instance (instantiate $m))".repeat(40);
    text(&format!("(component (core module $m (table 1 funcref)) {instances})"))
}

/// Forty instances without either, which are only counted when they are made.
pub(super) fn instances(_: Guest) -> Vec<u8> {
    let instances = "(core instance (instantiate $m))".repeat(40);
    text(&format!(r#"(component (core module $m) {instances} (instance $i) (export "{EXPORT}" (instance $i)))"#))
}

/// Memory of 64 bits, which the host does not have.
pub(super) fn memory64(_: Guest) -> Vec<u8> {
    text("(component (core module $m (memory i64 1)) (core instance (instantiate $m)))")
}

/// Threads, which the host does not have.
pub(super) fn shared_memory(_: Guest) -> Vec<u8> {
    text("(component (core module $m (memory 1 1 shared)) (core instance (instantiate $m)))")
}

/// Bytes behind their length.
pub(super) fn sized(bytes: &[u8]) -> Vec<u8> {
    [leb128(bytes.len()), bytes.to_vec()].concat()
}

/// A section of a module or component.
pub(super) fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], sized(content)].concat()
}

/// A whole tool that holds another component, which could call something if anybody made it.
pub(super) fn pregnant(guest: Guest) -> Vec<u8> {
    [guest.build(), section(4, &text(r#"(component (import "run" (func)))"#))].concat()
}

/// A whole tool with sections that say that it is something else.
pub(super) fn lying(guest: Guest) -> Vec<u8> {
    let mut bytes = guest.build();
    for name in ["component-type", "component-type:repair-tool", "producers", "component-name", "name", "dylink.0"] {
        bytes.extend(section(0, &[sized(name.as_bytes()), b"wasi:cli/run@0.2.6 \xff\xff\xff\x7f".to_vec()].concat()));
    }
    bytes
}

/// The beginning of a component, and then anything.
pub(super) fn garbage(_: Guest) -> Vec<u8> {
    let noise = (0..4096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8);
    PREAMBLE.iter().copied().chain(noise).collect()
}

/// A section that says that it is four gigabytes long.
pub(super) fn boasting(_: Guest) -> Vec<u8> {
    [PREAMBLE, &[4, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat()
}

/// What the engine makes of a component.
pub(super) fn compiled(guest: Guest) -> Vec<u8> {
    let engine = crate::engine::engine().expect("an engine");
    engine.precompile_component(&guest.build()).expect("compiled")
}

/// The same behind the beginning of a component.
pub(super) fn disguised(guest: Guest) -> Vec<u8> {
    [PREAMBLE, &compiled(guest)].concat()
}

/// Lists of lists of lists, which the host would have to follow.
pub(super) fn deep_types(_: Guest) -> Vec<u8> {
    let types: String = (0..1000).map(|at| format!("(type $t{} (list $t{at}))", at + 1)).collect();
    text(&format!(
        r#"(component
            (type $t0 (list u8)) {types}
            (core module $m (memory (export "m") 1)
                (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "f") (param i32 i32)))
            (core instance $i (instantiate $m))
            (func $f (param "a" $t1000) (canon lift (core func $i "f")
                (memory (core memory $i "m")) (realloc (core func $i "r"))))
            (instance $tool (export "describe" (func $f)) (export "propose" (func $f)))
            (export "{EXPORT}" (instance $tool)))"#
    ))
}
