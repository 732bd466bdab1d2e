//! Compile bombs: whole tools of a few hundred kilobytes that take the compiler minutes or gigabytes. Nobody ever calls
//! what is in them; the compiler alone is their aim.
//!
//! So many values are made at the beginning of a function and used at its end, with so many blocks between them that
//! each value has to be followed through every block: time and memory are the product of both.
//!
//! In the process of a test they would take it down, so each needs the compiler's own process with its limits. Measured on two shared cores, in a build for tests:
//!
//! | bomb | bytes | takes |
//! |---|---|---|
//! | `compile_bomb("wide", 1, 10_000, 10_000)` | 279 KB | 91 s, 3.3 GiB |
//! | `compile_bomb("wide", 1, 20_000, 20_000)` | 557 KB | more than 11 GiB |
//! | `compile_bomb("slow", 5, 3_000, 3_000)` | 397 KB | 19 s, 0.5 GiB; the time grows with the functions, the memory does not |
//! | `nesting_bomb(30_000)` | 359 KB | more than 15 GiB, before anything is compiled |

use std::fmt::Write as _;

use crate::Guest;

/// Magic, version and layer of a component.
const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";

/// A tool that declines every case, with so many functions of `values` (at most 49,999) that live through `blocks`.
pub fn compile_bomb(id: &str, functions: usize, values: usize, blocks: usize) -> Vec<u8> {
    let mut fields = String::new();
    for at in 0..functions {
        let _ = write!(fields, "(func (export \"bomb{at}\") (param i32) (local {})", "i32 ".repeat(values));
        for value in 1..=values {
            // No two functions are the same, or they would be compiled once.
            let _ = write!(fields, "(local.set {value} (i32.load offset={at} (i32.const {})))", value * 4);
        }
        fields.push_str(&"(block (br_if 0 (local.get 0)))".repeat(blocks));
        for value in 1..=values {
            let _ = write!(fields, "(i32.store (i32.const {}) (local.get {value}))", value * 4);
        }
        fields.push(')');
    }
    let mut guest = Guest::new(id);
    guest.fields = fields;
    guest.build()
}

/// So many components, each inside of the next one: the reader keeps something of all outer ones for each.
pub fn nesting_bomb(levels: usize) -> Vec<u8> {
    let (mut begins, mut length) = (Vec::new(), PREAMBLE.len());
    for _ in 0..levels {
        let begin = [PREAMBLE, &[4], &crate::leb128(length)].concat();
        length += begin.len();
        begins.push(begin);
    }
    begins.reverse();
    [begins.concat(), PREAMBLE.to_vec()].concat()
}
