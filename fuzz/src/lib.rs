//! How the inputs of several targets are written: texts one after the other, each but the last ended by a line `%%`.
//!
//! A text form, so that the seeds are files that a person can read and the mutations keep their shape.

/// The line between two texts.
const BETWEEN: &str = "%%\n";

/// So many texts; a missing or empty one is `None`.
pub fn texts<const COUNT: usize>(input: &str) -> [Option<&str>; COUNT] {
    let mut rest = Some(input);
    std::array::from_fn(|at| {
        let whole = rest.take()?;
        let text = match end_of_first(whole).filter(|_| at + 1 < COUNT) {
            Some(end) => {
                rest = Some(&whole[end + BETWEEN.len()..]);
                &whole[..end]
            }
            None => whole,
        };
        Some(text).filter(|text| !text.is_empty())
    })
}

/// Where the line that ends the first text begins.
fn end_of_first(text: &str) -> Option<usize> {
    let begins_a_line = |at: &usize| *at == 0 || text.as_bytes()[at - 1] == b'\n';
    text.match_indices(BETWEEN).map(|(at, _)| at).find(begins_a_line)
}
