//! Each rule file keeps its own promises.

use std::collections::BTreeSet;

use repair_model::finding::FailureClass;

use crate::rule_file::{Example, RuleFile};
use crate::rules::{FAMILIES, RuleSet};
use crate::{Found, classify};

fn files() -> Vec<(&'static str, RuleFile)> {
    let read = |(name, text): &(&'static str, &str)| {
        (*name, toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    FAMILIES.iter().map(read).collect()
}

/// All complaints at once, so that an author sees them together.
fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

fn missing_facts(example: &Example, found: &Found) -> Vec<String> {
    let differs = |(name, value): (&String, &String)| {
        let actual = found.facts.get(name);
        (actual != Some(value)).then(|| format!("{name} is {actual:?} instead of {value:?}"))
    };
    example.facts.iter().filter_map(differs).collect()
}

#[test]
fn every_pattern_compiles() {
    RuleSet::compile(FAMILIES).and_then(|rules| rules.check()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn no_file_of_the_folder_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder of the rules")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let listed: BTreeSet<String> = FAMILIES.iter().map(|(name, _)| format!("{name}.toml")).collect();
    assert_eq!(there, listed);
}

#[test]
fn every_class_has_a_rule_a_counter_example_and_next_steps() {
    let mut complaints = Vec::new();
    for class in FailureClass::ALL.iter().filter(|class| **class != FailureClass::Unknown) {
        let files = files();
        let entries: Vec<_> =
            files.iter().flat_map(|(_, file)| &file.classes).filter(|entry| entry.id == class.as_str()).collect();
        if entries.iter().all(|entry| entry.rules.is_empty()) {
            complaints.push(format!("{class} has no rule"));
        } else if entries.iter().flat_map(|entry| &entry.rules).all(|rule| rule.counter_examples.is_empty()) {
            complaints.push(format!("{class} has no counter-example"));
        } else if entries.iter().all(|entry| entry.next_steps.is_empty()) {
            complaints.push(format!("{class} has no next steps"));
        }
    }
    report(&complaints);
}

#[test]
fn examples_lead_to_their_class_and_counter_examples_do_not() {
    let mut complaints = Vec::new();
    for (family, file) in files() {
        for class in &file.classes {
            for rule in &class.rules {
                let place = format!("{family}: {}/{}", class.id, rule.id);
                for example in &rule.examples {
                    let findings = classify(example.text.as_bytes());
                    let primary = &findings[0];
                    if primary.class.as_str() != class.id || primary.proof.is_empty() {
                        complaints.push(format!("{place}: `{}` is {}", example.text, primary.class));
                    }
                    for what in missing_facts(example, primary) {
                        complaints.push(format!("{place}: `{}`: {what}", example.text));
                    }
                }
                for text in &rule.counter_examples {
                    let found = classify(text.as_bytes());
                    if found[0].class.as_str() == class.id && !found[0].proof.is_empty() {
                        complaints.push(format!("{place}: counter-example `{text}` is taken for it"));
                    }
                }
            }
        }
    }
    report(&complaints);
}

#[test]
fn every_example_is_found_by_its_own_rule() {
    let mut complaints = Vec::new();
    for (family, file) in files() {
        for class in file.classes {
            for rule in class.rules {
                let anchored = |text: &str| {
                    let text = text.to_ascii_lowercase();
                    rule.anchors.iter().any(|anchor| text.contains(&anchor.to_ascii_lowercase()))
                };
                let without = rule.examples.iter().filter(|example| !anchored(&example.text));
                complaints.extend(
                    without
                        .map(|example| format!("{family}: {}/{}: no anchor in `{}`", class.id, rule.id, example.text)),
                );
            }
        }
    }
    report(&complaints);
}

#[test]
fn a_wrong_rule_file_is_refused_with_its_place() {
    let wrong = |text: &str| RuleSet::compile(&[("x", text)]).expect_err("it is wrong").to_string();
    assert!(wrong("[[class]]\nid = 'docker-nothing'").contains("class `docker-nothing`"));
    assert!(wrong("[[clas]]").contains("clas"));
    let rule = |inner: &str| {
        wrong(&format!("[[class]]\nid='docker-disk-full'\n[[class.rule]]\nid='r'\npattern='x'\nexamples=[]\n{inner}"))
    };
    assert!(rule("anchors=['abcd']").contains("rule `r`: has no example"));
    let rule = |inner: &str| {
        wrong(&format!(
            "[[class]]\nid='docker-disk-full'\n[[class.rule]]\nid='r'\npattern='x'\nexamples=[{{text='x'}}]\n{inner}"
        ))
    };
    assert!(rule("anchors=['ab']").contains("anchor"));
    assert!(rule("anchors=['abcd']\nreach=9").contains("reach 9"));
    assert!(rule("anchors=['abcd']\nconfidence=1001").contains("confidence 1001"));
    assert!(rule("anchors=['abcd']\nconfidance=1").contains("confidance"));
}
