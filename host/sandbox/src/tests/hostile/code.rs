//! Guests whose code does harm: it does not end, wants everything, or breaks off.

use crate::last_words;
use repair_test_guests::{Guest, slice};

pub(super) const ENDLESS: &str = "(loop $again (br $again)) unreachable";

/// Asks the host for no memory at all, over and over: a few units of fuel for each way to the host and back.
pub(super) fn asking_in_vain() -> String {
    format!("(loop $again {} (br $again)) unreachable", "(drop (memory.grow (i32.const 0)))".repeat(1000))
}

/// `describe` runs these instructions first.
pub(super) fn describing(mut guest: Guest, instructions: &str) -> Vec<u8> {
    guest.describe = instructions.to_owned();
    guest.build()
}

/// `propose` runs these instructions, which leave an address.
pub(super) fn proposing(mut guest: Guest, instructions: &str) -> Vec<u8> {
    guest.propose = instructions.to_owned();
    guest.build()
}

/// Its module has these fields too.
pub(super) fn with_fields(mut guest: Guest, fields: &str) -> Vec<u8> {
    guest.fields = fields.to_owned();
    guest.build()
}

/// The host asks it for memory, and it runs these instructions.
pub(super) fn giving_memory(mut guest: Guest, instructions: &str) -> Vec<u8> {
    guest.realloc = instructions.to_owned();
    guest.build()
}

/// It does not end once the host has read what `export` returned.
pub(super) fn endless_after(guest: Guest, export: &str) -> Vec<u8> {
    let name = format!("cabi_post_repair:tool/repair@0.4.0#{export}");
    with_fields(guest, &format!(r#"(func (export "{name}") (param i32) {ENDLESS})"#))
}

pub(super) fn glutton(guest: Guest) -> Vec<u8> {
    proposing(guest, "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable")
}

pub(super) fn wide(mut guest: Guest) -> Vec<u8> {
    guest.pages = 1_000;
    guest.build()
}

pub(super) fn tables(mut guest: Guest) -> Vec<u8> {
    guest.propose = "(drop (table.grow $t (ref.null func) (i32.const 100000))) unreachable".to_owned();
    with_fields(guest, "(table $t 1 funcref)")
}

/// Fifty thousand blocks, each inside of the next one.
pub(super) fn deep_blocks(guest: Guest) -> Vec<u8> {
    with_fields(guest, &format!("(func {}{})", "block ".repeat(50_000), "end ".repeat(50_000)))
}

pub(super) fn diver(mut guest: Guest) -> Vec<u8> {
    guest.propose = "(call $dive)".to_owned();
    with_fields(guest, "(func $dive (result i32) (i32.add (call $dive) (i32.const 1)))")
}

/// A panic that claims to have said more than there is, with a sequence that would clear the screen.
pub(super) fn loud(mut guest: Guest) -> Vec<u8> {
    let said = b"\x1b[2Jall is well\0\xe2\x80\xae";
    let mut words = last_words::MARKER.to_vec();
    words.extend_from_slice(&(said.len() as u16).to_le_bytes());
    words.extend_from_slice(said);
    guest.data.put(&words);
    proposing(guest, "unreachable")
}

/// Its manifest has another id at the second call.
pub(super) fn moody(mut guest: Guest) -> Vec<u8> {
    // The id is the first text that `build` lays out, so it lies behind what is laid out here.
    let id_at = guest.data.put(&[0; 8]) + 8;
    guest.describe = format!(
        "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.gt_s (global.get $calls) (i32.const 1)) (then (i32.store8 (i32.const {id_at}) (i32.const 120))))"
    );
    with_fields(guest, "(global $calls (mut i32) (i32.const 0))")
}

/// Its second answer in one instance is another one.
pub(super) fn two_faced(mut guest: Guest) -> Vec<u8> {
    let first = guest.propose.clone();
    guest.declines("never my case");
    guest.propose = format!(
        "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (result i32) (i32.gt_s (global.get $calls) (i32.const 1)) (then {}) (else {first}))",
        guest.propose
    );
    with_fields(guest, "(global $calls (mut i32) (i32.const 0))")
}

/// A text that is not Unicode.
pub(super) fn garbled(mut guest: Guest) -> Vec<u8> {
    let at = guest.data.put(&[0xff, 0xfe, 0x80]);
    guest.answers(3, &slice(at, 3), [0; 8]);
    guest.build()
}

/// One text of twenty megabytes.
pub(super) fn talker(mut guest: Guest) -> Vec<u8> {
    guest.pages = 400;
    guest.answers(3, &slice(0, 20 * 1024 * 1024), [0; 8]);
    guest.build()
}

/// The same empty text two million times.
pub(super) fn repeater(mut guest: Guest) -> Vec<u8> {
    guest.pages = 400;
    let why = guest.data.text("why");
    guest.answers(3, &why, slice(0, 2_000_000));
    guest.build()
}

/// Eight hundred thousand actions, all of them zeros.
pub(super) fn overeager(mut guest: Guest) -> Vec<u8> {
    guest.pages = 500;
    let mut payload = guest.data.text("because").to_vec();
    payload.extend_from_slice(&900_u32.to_le_bytes());
    payload.extend_from_slice(&slice(0, 800_000));
    guest.answers(0, &payload, [0; 8]);
    guest.build()
}

/// A list longer than all memory.
pub(super) fn overlong(mut guest: Guest) -> Vec<u8> {
    let why = guest.data.text("why");
    guest.answers(3, &why, slice(8, 1 << 29));
    guest.build()
}
