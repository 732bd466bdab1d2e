//! What makes a policy unusable, and what is said about it.

use repair_model::limits::{POLICY_FILE_BYTES_MAX, POLICY_FILES_MAX};

use super::*;

fn problems(sources: &[(Layer, &str)]) -> Vec<PolicyProblem> {
    try_load(sources).expect_err("something is wrong")
}

/// The only problem, as `line:column: what; fix`.
fn problem(layer: Layer, text: &str) -> String {
    let found = problems(&[(layer, text)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].file, format!("{layer}.cedar"));
    found[0].to_string().split_once(':').expect("file:").1.to_owned()
}

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    let found = problem(Layer::User, text);
    for part in expected {
        assert!(found.contains(part), "`{part}` is not in: {found}");
    }
}

#[test]
fn a_typo_is_refused_with_its_place_and_a_suggestion() {
    says(
        "@id(\"x\")\nforbid (principal, action, resource)\nwhen { resource.riskk == Repair::Risk::\"safe\" };",
        &["3:", "riskk", "did you mean `risk`"],
    );
    says(
        "@id(\"x\") forbid (principal, action, resource) when { context.atempts > 3 };",
        &["1:", "atempts", "did you mean `attempts`"],
    );
    says(
        "@id(\"x\") forbid (principal, action == Repair::Action::\"aply\", resource);",
        &["aply", "did you mean", "apply"],
    );
    says(
        "@id(\"x\") forbid (principal, action, resource is Repair::RemapPorts);",
        &["RemapPorts", "did you mean `Repair::RemapPort`"],
    );
    says("@id(\"x\") forbid (principal, action, resource is RemapPort);", &["`RemapPort`", "with its namespace"]);
}

#[test]
fn a_typo_in_a_value_of_a_closed_set_is_refused() {
    for (text, wrong) in [
        (r#"resource.risk == Repair::Risk::"reversable""#, "reversable"),
        (r#"context.class == Repair::Class::"docker-port-conflit""#, "docker-port-conflit"),
        (r#"[Repair::Risk::"safe", Repair::Risk::"read-onyl"].contains(resource.risk)"#, "read-onyl"),
    ] {
        says(&format!("@id(\"x\") forbid (principal, action, resource) when {{ {text} }};"), &[wrong]);
    }
    // Text in place of a member is a mistake that would never hold.
    says(r#"@id("x") forbid (principal, action, resource) when { resource.risk == "safe" };"#, &["1:"]);
}

#[test]
fn a_condition_that_can_never_hold_is_refused() {
    says(
        r#"@id("x") forbid (principal, action, resource is Repair::RemapPort) when { resource is Repair::ComposeUp };"#,
        &["1:1"],
    );
    says(
        r#"@id("x") forbid (principal, action, resource == Repair::RemapPort::"web");"#,
        &["can never be the resource", "resource.project"],
    );
}

/// Cedar takes each of them, and none ever holds.
#[test]
fn a_text_that_its_attribute_never_is_is_refused() {
    let digest = "b778f02e500cef40d65f8953a5f1f1e431617075e1580740166fa26283b9e7f8";
    let wrong = [
        ("", "principal.component == \"b778f02e500c\"".to_owned(), "write the whole digest"),
        ("", format!("\"{}\" == principal.component", digest.to_uppercase()), "in lower case"),
        ("", format!("[\"{digest}\", \"b778\"].contains(principal.component)"), "never `b778`"),
        ("Repair::PurgeVault", "resource.vault == \"KV-prod\"".to_owned(), "write `kv-prod`"),
        ("Repair::PurgeVault", "resource.location != \"west europe\"".to_owned(), "write `westeurope`"),
        ("Repair::PurgeVault", "resource.vault like \"Prod*\"".to_owned(), "write `prod`"),
        (
            "Repair::RegisterProvider",
            "resource.namespace == \"Microsoft.Compute\"".to_owned(),
            "write `microsoft.compute`",
        ),
        (
            "Repair::DeployTemplate",
            "resource.types.containsAny([\"Microsoft.Compute/disks\"])".to_owned(),
            "write `microsoft.compute/disks`",
        ),
    ];
    let policy = |kind: &str, condition: &str| {
        let of = if kind.is_empty() { String::new() } else { format!(" is {kind}") };
        format!("@id(\"x\") forbid (principal, action, resource{of}) when {{ {condition} }};")
    };
    for (kind, condition, says_so) in &wrong {
        says(&policy(kind, condition), &["is never `", says_so]);
    }
    for (kind, condition) in [
        ("", format!("principal.component == \"{digest}\"")),
        ("", "principal.component like \"b778*\"".to_owned()),
        ("Repair::ComposeUp", "resource.creates.contains(\"Web\")".to_owned()),
        ("Repair::PurgeVault", "resource.vault like \"*prod\" && resource.location == \"westeurope\"".to_owned()),
    ] {
        load(&[(Layer::User, &policy(kind, &condition))]);
    }
}

#[test]
fn an_optional_attribute_has_to_be_asked_for_first() {
    says(
        r#"@id("x") forbid (principal, action, resource is Repair::RemapPort) when { resource.host_ip == "0.0.0.0" };"#,
        &["host_ip", "has"],
    );
}

#[test]
fn a_syntax_error_has_its_place() {
    says("@id(\"x\")\npermit (principal, action, resource\n", &["2:36:", "unexpected end of input"]);
    says("@id(\"x\") permit (principal, action, resource) when { foo };", &["1:", "foo"]);
}

#[test]
fn every_policy_needs_a_usable_and_unique_id() {
    says("\n\n  forbid (principal, action, resource);", &["3:3: it has no `@id`"]);
    says("@id forbid (principal, action, resource);", &["not a usable id"]);
    says("@id(\"a b\") forbid (principal, action, resource);", &["\"a b\"", "letters"]);
    says(&format!("@id(\"{}\") forbid (principal, action, resource);", "a".repeat(65)), &["not a usable id"]);
    let twice = "@id(\"a\") forbid (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);";
    says(twice, &["2:1:", "taken in the user layer, by user.cedar:1"]);
}

#[test]
fn an_id_may_be_used_once_in_each_layer() {
    let one = r#"@id("move-a-port") forbid (principal, action, resource);"#;
    load(&[(Layer::System, one), (Layer::User, one), (Layer::Project, one)]);
    let sources = ["a.cedar", "b.cedar"].map(|name| PolicySource { name: name.to_owned(), ..source(Layer::User, one) });
    let found = Policies::load(sources.to_vec(), Vec::new()).expect_err("the id is taken");
    assert_eq!(found[0].file, "b.cedar");
    assert!(found[0].what.ends_with("by a.cedar:1"), "{}", found[0]);
}

#[test]
fn a_template_is_refused() {
    says("@id(\"x\")\nforbid (principal == ?principal, action, resource);", &["1:1: it is a template"]);
}

#[test]
fn a_project_that_permits_is_refused() {
    let permit = "// ours\n@id(\"x\") permit (principal, action, resource);";
    assert!(problem(Layer::Project, permit).starts_with("2:1: a project may only forbid, and this permits"));
    load(&[(Layer::User, permit)]);
}

#[test]
fn nobody_speaks_for_the_built_in_layer() {
    let found = problems(&[(Layer::BuiltIn, r#"@id("x") permit (principal, action, resource);"#)]);
    assert!(found[0].what.contains("part of `repair` itself"), "{}", found[0]);
}

#[test]
fn all_problems_of_all_files_are_told_at_once() {
    let found = problems(&[
        (Layer::Project, r#"@id("p") permit (principal, action, resource);"#),
        (
            Layer::User,
            "forbid (principal, action, resource) when { context.clas == context.class };\nforbid (principal, action, resource);",
        ),
        (Layer::System, "nonsense"),
    ]);
    let files: Vec<_> = found.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files, ["system.cedar", "user.cedar", "user.cedar", "user.cedar", "project.cedar"], "{found:#?}");
}

#[test]
fn a_file_has_a_greatest_length() {
    let long = format!("//{}", "x".repeat(POLICY_FILE_BYTES_MAX));
    says(&long, &["1:1: it is longer than 262144 bytes"]);
}

#[test]
fn a_policy_that_would_overflow_the_stack_is_refused() {
    let nested = |open: &str, close: &str| {
        format!(
            "@id(\"x\") forbid (principal, action, resource) when {{ {}true{} }};",
            open.repeat(9_000),
            close.repeat(9_000)
        )
    };
    says(&nested("(", ")"), &["1:", "nested deeper than 48"]);
    says(&nested("if true then true else ", ""), &["nested deeper than 48"]);
    // A long chain is no nesting for the parser. Where Cedar cannot evaluate it, it is an error, and that denies.
    let policies = load(&[(Layer::Project, &nested("context.round > 1 || ", ""))]);
    let denied = Case::new(ActionKind::CollectLogs, Risk::ReadOnly).ask(&policies);
    assert_eq!((denied.decision, denied.policies), (Decision::Deny, vec!["project/x".to_owned()]));
}

#[test]
fn there_is_a_greatest_number_of_files() {
    let found = problems(&vec![(Layer::Project, ""); POLICY_FILES_MAX + 1]);
    assert!(found[0].what.starts_with("there are more than 256 files"), "{}", found[0]);
}

#[test]
fn an_empty_file_is_in_order() {
    load(&[(Layer::User, ""), (Layer::Project, "// nothing yet\n")]);
}
