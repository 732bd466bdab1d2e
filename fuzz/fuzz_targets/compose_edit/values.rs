//! A value that is missing in a `.env` file, filled in and taken out again.

use std::collections::BTreeMap;

use repair_effects::compose::dotenv::Dotenv;
use repair_effects::compose::filling::{Filled, edit_of, filled, has_value, hole};
use repair_effects::compose::patch::digest;
use repair_model::env_value::{EnvValue, ValueEncoding};

const VALUE: &str = "c0ffee00c0ffee00";

/// Checks each variable of a `.env` file, and one that it does not name.
pub fn check(text: Option<&str>) {
    let Ok(file) = Dotenv::read(text.unwrap_or_default()) else { return };
    file.add_values(&BTreeMap::new(), &mut BTreeMap::new());
    for assignment in file.assignments() {
        assert!(text.is_some_and(|text| text.get(assignment.range.clone()) == Some(file.raw(assignment))));
    }
    let named = file.assignments().iter().map(|assignment| assignment.name.as_str());
    // The sandbox lets no other name through.
    let usable = |name: &&str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '.' | '-'))
    };
    let names: Vec<&str> = named.filter(usable).take(8).chain(["NOT_NAMED_YET"]).collect();
    names.into_iter().for_each(|name| check_one(text, name));
}

fn check_one(text: Option<&str>, name: &str) {
    let Ok(hole) = hole(text, name) else {
        return assert!(text.is_some_and(|text| has_value(text, name)), "`{name}` has no value and no place for one");
    };
    let value =
        EnvValue { variable: name.to_owned(), file: ".env".to_owned(), bytes: 16, encoding: ValueEncoding::Hex };
    let edit = edit_of(&value, text, hole);
    let with_value = filled(text, &edit, VALUE).expect("the edit fits the text that it was made for");
    let after = Dotenv::read(&with_value).expect("still such a file");
    let assignment = after.assignment(name).expect("it is assigned");
    assert_eq!(after.raw(assignment), VALUE, "{with_value:?}");

    let (again, known) = Filled::after(None, text, &edit, VALUE).expect("it fits");
    assert_eq!(again, with_value);
    let emptied = known.emptied(&with_value).expect("it is that text");
    assert_eq!(Some(emptied.as_str()), filled(text, &edit, "").as_deref());
    assert_eq!(known.planned(digest(&with_value)), Some(digest(&emptied)));
    assert_eq!(Filled::recalled(&with_value, std::slice::from_ref(&edit)), Some(known), "{with_value:?}");
}
