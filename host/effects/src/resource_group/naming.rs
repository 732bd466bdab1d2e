//! Names of repetitions: the deployment that they repeat, the session and the step, so that a resumed run finds its own.
//!
//! Azure takes 64 characters (Azure Resource Manager, "Template limits"). A session id has 24, so a long name is cut before
//! it, and a digest of the whole name stands for what is cut off; [`base_of`] of a repetition is then that beginning, and
//! [`is_of`] compares accordingly.

use repair_model::ids::{Digest, Domain, SessionId};
use repair_pipeline::outside::EffectId;

/// Characters of a deployment's name.
const NAME_CHARACTERS_MAX: usize = 64;
/// Hyphen, session id, hyphen, and up to four digits of a place.
const MARK_CHARACTERS_MAX: usize = 1 + SESSION_CHARACTERS + 1 + 4;
const SESSION_CHARACTERS: usize = 24;
/// Characters of the digest of a name that is cut.
const DIGEST_CHARACTERS: usize = 8;

/// The name under which a step of a session repeats `base`.
pub(super) fn repetition(base: &str, effect: &EffectId) -> String {
    format!("{}-{}-{}", beginning(base), effect.session, effect.place)
}

/// What a deployment's name was before a repetition added to it.
pub(super) fn base_of(name: &str) -> &str {
    let without_place = name
        .rsplit_once('-')
        .filter(|(_, place)| !place.is_empty() && place.len() <= 4 && place.bytes().all(|byte| byte.is_ascii_digit()));
    let Some((rest, _)) = without_place else { return name };
    let at = rest.len().checked_sub(SESSION_CHARACTERS + 1);
    let split = at.filter(|at| rest.is_char_boundary(*at)).map(|at| rest.split_at(at));
    match split {
        Some((base, mark)) if !base.is_empty() && is_session(mark.strip_prefix('-')) => base,
        _ => name,
    }
}

/// Whether `name` is the deployment `base`, or a repetition of it.
pub(super) fn is_of(name: &str, base: &str) -> bool {
    if name.eq_ignore_ascii_case(base) {
        return true;
    }
    let before = base_of(name);
    before.len() < name.len() && before.eq_ignore_ascii_case(&beginning(base))
}

fn beginning(base: &str) -> String {
    const BASE_CHARACTERS_MAX: usize = NAME_CHARACTERS_MAX - MARK_CHARACTERS_MAX;
    if base.len() <= BASE_CHARACTERS_MAX {
        return base.to_owned();
    }
    let digest = Digest::of(Domain::Target, base.to_lowercase().as_bytes()).to_string();
    let cut = base.get(..BASE_CHARACTERS_MAX - DIGEST_CHARACTERS - 1).unwrap_or_default();
    format!("{cut}.{}", &digest[..DIGEST_CHARACTERS])
}

fn is_session(mark: Option<&str>) -> bool {
    mark.is_some_and(|mark| mark.parse::<SessionId>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(place: u32) -> EffectId {
        EffectId { session: "20260131-235959-0a1b2c3d".parse().expect("an id"), place, operation: None }
    }

    #[test]
    fn a_repetition_says_what_it_repeats_and_who_repeats_it() {
        let name = repetition("main", &effect(3));
        assert_eq!(name, "main-20260131-235959-0a1b2c3d-3");
        assert_eq!(base_of(&name), "main");
        assert!(is_of(&name, "main") && is_of("Main", "main") && !is_of(&name, "mai"));
    }

    #[test]
    fn a_long_name_is_cut_and_still_known() {
        let base = "a-deployment-with-a-name-as-long-as-azure-takes-it-and-not-longer";
        let name = repetition(base, &effect(4095));
        assert!(name.len() <= NAME_CHARACTERS_MAX, "{}", name.len());
        assert!(is_of(&name, base) && is_of(&name, &base.to_uppercase()));
        let other = "a-deployment-with-a-name-as-long-as-azure-takes-it-and-not-other";
        assert!(!is_of(&name, other), "what is cut off still counts");
    }

    #[test]
    fn other_names_are_what_they_are() {
        for name in
            ["main", "main-1", "main-20260131", "-20260131-235959-0a1b2c3d-1", "x-20260131-235959-0a1b2c3-12", ""]
        {
            assert_eq!(base_of(name), name);
        }
        assert!(!is_of("main-2", "main"));
    }
}
