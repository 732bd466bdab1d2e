//! Checkpoints: what a log's tree was at one size, as a C2SP `tlog-checkpoint` in a C2SP `signed-note`.
//!
//! ```text
//! repair/<target digest>
//! <size>
//! <root of the RFC 6962 tree over the lines, base64>
//! leaf <leaf hash of the last line, hexadecimal>
//! time <RFC 3339>
//!
//! — repair/<target digest> <key id and Ed25519 signature, base64>
//! ```
//!
//! It is plain text, so it can be kept anywhere else: in a ticket, a mail, another machine. Whoever holds one can later
//! tell that the log then is still the beginning of the log now. Nothing here touches a file.
//!
//! Refused: another origin, another form, a signature that does not hold. Signatures of others beside ours are ignored, so
//! that a witness may add its own.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature as KeySignature, Signer as _, SigningKey, VerifyingKey};
use jiff::Timestamp;
use repair_model::ids::Digest;
use signed_note::{Note, Signature, VerifierList};
use tlog_tiles::tlog::Hash;

/// The algorithm of the key, as a signed note names it.
const ALGORITHM_ED25519: u8 = 1;
const ORIGIN: &str = "repair/";

/// What a log was at one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub target: Digest,
    /// How many lines.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Digest,
    /// Leaf hash of the last of them.
    pub leaf: Digest,
    /// When it was signed.
    pub time: Timestamp,
}

/// Why a text is no checkpoint that counts.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CheckpointError {
    /// Not of the form.
    #[error("it is no checkpoint of a log of `repair`")]
    Form,
    /// Nobody with the expected key signed it.
    #[error("it was signed with a foreign key")]
    ForeignKey,
    /// The signature is wrong.
    #[error("its signature does not hold")]
    Signature,
}

/// A public key that heads are signed with. Text form: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// A text that is no public key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this is no Ed25519 public key (64 hexadecimal digits)")]
pub struct NotAKey;

impl PublicKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// When they are no key.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Result<Self, NotAKey> {
        VerifyingKey::from_bytes(bytes).map(Self).map_err(|_| NotAKey)
    }

    pub(crate) fn of(key: &SigningKey) -> Self {
        Self(key.verifying_key())
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    fn note_id(&self, origin: &str) -> u32 {
        let mut key = vec![ALGORITHM_ED25519];
        key.extend_from_slice(self.0.as_bytes());
        signed_note::key_id(origin, &key)
    }
}

impl FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| NotAKey)?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The key under the name that a note of this log is signed by.
struct NamedKey {
    origin: String,
    key: PublicKey,
}

impl signed_note::Verifier for NamedKey {
    fn name(&self) -> &str {
        &self.origin
    }

    fn key_id(&self) -> u32 {
        self.key.note_id(&self.origin)
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Ok(bytes) = signature.try_into() else { return false };
        self.key.0.verify_strict(text, &KeySignature::from_bytes(bytes)).is_ok()
    }
}

impl Checkpoint {
    /// The signed note.
    ///
    /// # Errors
    /// [`CheckpointError::Form`]; never for a checkpoint of this type.
    pub(crate) fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, CheckpointError> {
        let (text, origin) = (self.text()?, self.origin());
        let id = PublicKey::of(key).note_id(&origin);
        let signature = key.sign(&text).to_bytes().to_vec();
        let signature = Signature::new(origin, id, signature).map_err(|_| CheckpointError::Form)?;
        Ok(Note::new(&text, &[signature]).map_err(|_| CheckpointError::Form)?.to_bytes())
    }

    /// Reads a signed note and checks that `key` signed it.
    ///
    /// # Errors
    /// See [`CheckpointError`].
    pub fn verify(note: &[u8], key: &PublicKey) -> Result<Self, CheckpointError> {
        let (checkpoint, note) = Self::parse(note)?;
        let named = NamedKey { origin: checkpoint.origin(), key: *key };
        match note.verify(&VerifierList::new(vec![Box::new(named)])) {
            Ok(_) => Ok(checkpoint),
            Err(signed_note::NoteError::UnverifiedNote) => Err(CheckpointError::ForeignKey),
            Err(_) => Err(CheckpointError::Signature),
        }
    }

    /// Reads a signed note without asking who signed it.
    pub(crate) fn parse(note: &[u8]) -> Result<(Self, Note), CheckpointError> {
        let note = Note::from_bytes(note).map_err(|_| CheckpointError::Form)?;
        let checkpoint = Self::from_text(note.text()).ok_or(CheckpointError::Form)?;
        Ok((checkpoint, note))
    }

    fn origin(&self) -> String {
        format!("{ORIGIN}{}", self.target)
    }

    fn text(&self) -> Result<Vec<u8>, CheckpointError> {
        let extension = format!("leaf {}\ntime {}\n", self.leaf, self.time);
        let root = Hash(*self.root.as_bytes());
        let text = tlog_tiles::checkpoint::Checkpoint::new(&self.origin(), self.size, root, &extension);
        Ok(text.map_err(|_| CheckpointError::Form)?.to_bytes())
    }

    /// `None` for every text but the one that [`Self::text`] makes.
    fn from_text(text: &[u8]) -> Option<Self> {
        let parsed = tlog_tiles::checkpoint::Checkpoint::from_bytes(text).ok()?;
        let (leaf, time) = parsed.extension().strip_prefix("leaf ")?.split_once("\ntime ")?;
        let checkpoint = Self {
            target: parsed.origin().strip_prefix(ORIGIN)?.parse().ok()?,
            size: parsed.size(),
            root: Digest::from_bytes(parsed.hash().0),
            leaf: leaf.parse().ok()?,
            time: time.strip_suffix('\n')?.parse().ok()?,
        };
        (checkpoint.text().ok()? == text).then_some(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use repair_model::ids::Domain;

    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            target: Digest::of(Domain::Target, b"shop"),
            size: 7,
            root: Digest::of(Domain::Blob, b"root"),
            leaf: Digest::of(Domain::Blob, b"leaf"),
            time: "2026-01-31T12:00:00.25Z".parse().expect("a time"),
        }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    #[test]
    fn a_checkpoint_has_exactly_the_documented_form() {
        let note = String::from_utf8(checkpoint().sign(&key(1)).expect("signed")).expect("text");
        let lines: Vec<_> = note.lines().collect();
        let origin = format!("repair/{}", checkpoint().target);
        assert_eq!(lines[0], origin);
        assert_eq!(lines[1], "7");
        assert_eq!(lines[2], Hash(*checkpoint().root.as_bytes()).to_string());
        assert_eq!(lines[3], format!("leaf {}", checkpoint().leaf));
        assert_eq!(&lines[4..6], ["time 2026-01-31T12:00:00.25Z", ""]);
        assert!(lines[6].starts_with(&format!("— {origin} ")) && lines.len() == 7, "{note}");
        assert_eq!(Checkpoint::verify(note.as_bytes(), &PublicKey::of(&key(1))), Ok(checkpoint()));
    }

    #[test]
    fn the_signature_is_one_that_the_standard_verifier_of_notes_accepts() {
        let note = Note::from_bytes(&checkpoint().sign(&key(1)).expect("signed")).expect("a note");
        let public = ed25519_of_notes(&key(1));
        let verifier = signed_note::StandardVerifier::new(&public).expect("a key");
        note.verify(&VerifierList::new(vec![Box::new(verifier)])).expect("it holds");
    }

    /// A verifier key in the text form of C2SP: name, key id and algorithm with key.
    fn ed25519_of_notes(key: &SigningKey) -> String {
        let (origin, public) = (checkpoint().origin(), PublicKey::of(key));
        let bytes = [[ALGORITHM_ED25519].as_slice(), public.as_bytes()].concat();
        format!("{origin}+{:08x}+{}", public.note_id(&origin), base64(&bytes))
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digit = |chunk: &[u8], number: usize| {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
            DIGITS[(bits >> (18 - 6 * number) & 63) as usize] as char
        };
        assert_eq!(bytes.len() % 3, 0);
        bytes.chunks(3).flat_map(|chunk| (0..4).map(move |number| digit(chunk, number))).collect()
    }

    #[test]
    fn another_key_another_text_and_another_form_are_refused() {
        let note = checkpoint().sign(&key(1)).expect("signed");
        assert_eq!(Checkpoint::verify(&note, &PublicKey::of(&key(2))), Err(CheckpointError::ForeignKey));
        let text = String::from_utf8(note).expect("text");
        let refused = |from: &str, to: &str| {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            Checkpoint::verify(changed.as_bytes(), &PublicKey::of(&key(1))).expect_err(to)
        };
        assert_eq!(refused("\n7\n", "\n8\n"), CheckpointError::Signature);
        assert_eq!(refused("12:00:00.25Z", "12:00:01.25Z"), CheckpointError::Signature);
        assert_eq!(refused("12:00:00.25Z", "12:00:00.250Z"), CheckpointError::Form);
        assert_eq!(refused("\n7\n", "\n07\n"), CheckpointError::Form);
        assert_eq!(refused("leaf ", "other line\nleaf "), CheckpointError::Form);
        assert_eq!(refused("repair/", "other/"), CheckpointError::Form);
        assert_eq!(refused("\n\n", "\n"), CheckpointError::Form);
    }

    #[test]
    fn a_witness_may_add_its_signature() {
        let own = checkpoint().sign(&key(1)).expect("signed");
        let with_another = [own, "— witness.example/w AAAAAbbbbbbbbbbb\n".as_bytes().to_vec()].concat();
        assert_eq!(Checkpoint::verify(&with_another, &PublicKey::of(&key(1))), Ok(checkpoint()));
    }

    #[test]
    fn a_key_has_one_text_form() {
        let public = PublicKey::of(&key(3));
        assert_eq!(public.to_string().parse(), Ok(public));
        assert_eq!("00".parse::<PublicKey>(), Err(NotAKey));
    }
}
