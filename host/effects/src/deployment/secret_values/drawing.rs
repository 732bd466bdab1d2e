//! Drawing a value: random bytes of the operating system, as text that a `.env` file takes without quotes.

use repair_model::env_value::ValueEncoding;
use repair_model::secret::Secret;

/// Random bytes of the system as text.
pub(super) fn draw(bytes: u16, encoding: ValueEncoding) -> Result<Secret, getrandom::Error> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut drawn = vec![0; usize::from(bytes)];
    getrandom::fill(&mut drawn)?;
    let letter = |six_bits: u32| char::from(LETTERS[(six_bits & 63) as usize]);
    Ok(Secret::new(match encoding {
        ValueEncoding::Hex => hex::encode(&drawn),
        ValueEncoding::Base64 => drawn
            .chunks(3)
            .flat_map(|chunk| {
                let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
                let group = at(0) << 16 | at(1) << 8 | at(2);
                [18, 12, 6, 0].into_iter().take(chunk.len() + 1).map(move |shift| letter(group >> shift))
            })
            .collect::<String>(),
        ValueEncoding::Alphanumeric => {
            // log2(62) is 5.954, so four letters hold the entropy of a little less than three bytes.
            let length = usize::from(bytes) * 8 * 1000 / 5954 + 1;
            let mut text = String::with_capacity(length);
            while text.len() < length {
                // Of 64 equally likely letters the two that are neither letter nor digit are drawn again.
                getrandom::fill(&mut drawn)?;
                let letters = drawn.iter().map(|byte| letter(u32::from(*byte)));
                text.extend(letters.filter(char::is_ascii_alphanumeric).take(length - text.len()));
            }
            text
        }
    }))
}
