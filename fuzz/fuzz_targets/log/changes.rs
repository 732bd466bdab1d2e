//! Changes of a file, as a list that an input spells out: each is one byte for its kind, two for a place, one for a length,
//! and, where something is put in, that many bytes.

use repair_journal::{NO_LEAF, leaf_hash};

/// The file after all changes.
pub fn changed(original: &[u8], mut list: &[u8]) -> Vec<u8> {
    let mut content = original.to_vec();
    while let Some(([kind, high, low, length], rest)) = list.split_first_chunk() {
        let start = usize::from(u16::from_be_bytes([*high, *low])) % (content.len() + 1);
        let length = usize::from(*length);
        let end = (start + length).min(content.len());
        list = rest;
        match kind % 7 {
            0 => content.iter_mut().skip(start).take(1).for_each(|byte| *byte ^= 1 << (length % 8)),
            1 => content.truncate(start),
            2 => drop(content.drain(start..end)),
            3 => {
                let repeated = content[start..end].to_vec();
                content.splice(end..end, repeated);
            }
            4 | 5 => {
                let put = &list[..length.min(list.len())];
                let replaced = if kind % 7 == 4 { start..start } else { start..(start + put.len()).min(content.len()) };
                content.splice(replaced, put.iter().copied());
                list = &list[put.len()..];
            }
            _ => line_moved(&mut content, usize::from(*high), usize::from(*low), length),
        }
    }
    content
}

/// Removes a line, repeats it, or exchanges it with another one.
fn line_moved(content: &mut Vec<u8>, one: usize, other: usize, how: usize) {
    let mut lines: Vec<Vec<u8>> = content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (one, other) = (one % lines.len(), other % lines.len());
    match how % 3 {
        0 => drop(lines.remove(one)),
        1 => lines.insert(other, lines[one].clone()),
        _ => lines.swap(one, other),
    }
    *content = lines.concat();
}

/// The same lines, each with the sequence and the hash that follow from the line before it; from the second one on.
pub fn linked(content: &[u8]) -> Vec<u8> {
    let mut linked = Vec::with_capacity(content.len());
    let mut before: Option<(u64, Vec<u8>)> = None;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let line = match &before {
            Some((sequence, before)) => relinked(line, *sequence + 1, before).unwrap_or_else(|| line.to_vec()),
            None => line.to_vec(),
        };
        linked.extend_from_slice(&line);
        let sequence = sequence_of(&line).or_else(|| before.map(|(sequence, _)| sequence + 1)).unwrap_or(0);
        before = Some((sequence, line.strip_suffix(b"\n").unwrap_or(&line).to_vec()));
    }
    linked
}

fn relinked(line: &[u8], sequence: u64, before: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(line).ok()?;
    let (head, rest) = text.split_once("\"seq\":")?;
    let (_, rest) = rest.split_once(',')?;
    let rest = rest.strip_prefix("\"prev\":\"")?.get(NO_LEAF.to_string().len()..)?;
    Some(format!("{head}\"seq\":{sequence},\"prev\":\"{}{rest}", leaf_hash(before)).into_bytes())
}

fn sequence_of(line: &[u8]) -> Option<u64> {
    let (_, rest) = std::str::from_utf8(line).ok()?.split_once("\"seq\":")?;
    rest.split_once(',')?.0.parse().ok()
}
