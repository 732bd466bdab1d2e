//! The digest changes with every text and with no name.

use super::super::BoundsSource;
use super::*;

const ONE: &str = r#"@id("one") forbid (principal, action, resource) when { context.round > 3 };"#;
const TWO: &str = r#"@id("two") forbid (principal, action, resource) when { context.round > 2 };"#;

#[test]
fn the_digest_changes_with_every_text_and_layer() {
    let digests = [
        load(&[]).digest(),
        load(&[(Layer::User, ONE)]).digest(),
        load(&[(Layer::User, &format!("{ONE} "))]).digest(),
        load(&[(Layer::User, TWO)]).digest(),
        load(&[(Layer::System, ONE)]).digest(),
        load(&[(Layer::User, ONE), (Layer::User, TWO)]).digest(),
        load(&[(Layer::User, &format!("{ONE}{TWO}"))]).digest(),
        load(&[(Layer::User, ONE), (Layer::Project, TWO)]).digest(),
    ];
    for (at, digest) in digests.iter().enumerate() {
        assert!(!digests[..at].contains(digest), "{at}");
    }
}

#[test]
fn the_names_of_files_do_not_count() {
    let named = |names: [&str; 2]| {
        let sources = [(names[0], ONE), (names[1], TWO)].map(|(name, text)| PolicySource {
            layer: Layer::User,
            name: name.to_owned(),
            text: text.to_owned(),
        });
        let mut sources = sources.to_vec();
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        Policies::load(sources, Vec::new()).expect("in order").digest()
    };
    assert_eq!(named(["a", "b"]), named(["c", "d"]));
    assert_eq!(named(["a", "b"]), named(["z", "b"]), "the order of the names does not count either");
}

#[test]
fn the_digest_covers_the_bounds_in_force() {
    let with = |text: &str| {
        let source = BoundsSource { layer: Layer::User, name: "b".to_owned(), text: text.to_owned() };
        Policies::load(Vec::new(), vec![source]).expect("in order").digest()
    };
    assert_eq!(with(""), load(&[]).digest());
    assert_eq!(with("rounds_max = 4"), load(&[]).digest(), "the bound is what it was");
    assert_ne!(with("rounds_max = 3"), load(&[]).digest());
}
