//! The committed schema is the generated one.

use std::path::Path;

use cedar_policy::Schema;

use super::super::schema_text;

#[test]
fn generated_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/repair.cedarschema");
    #[expect(clippy::disallowed_methods, reason = "a test that regenerates its file when a developer asks it to")]
    if std::env::var_os("REPAIR_GENERATE").is_some() {
        std::fs::write(&path, schema_text()).expect("the schema can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == schema_text(),
        "policies/repair.cedarschema is not what the action types give; write it anew with\n  \
         REPAIR_GENERATE=1 cargo test -p repair-pipeline generated"
    );
}

#[test]
fn generated_schema_is_one_that_cedar_reads_without_warnings() {
    let (_, warnings) = Schema::from_cedarschema_str(&schema_text()).expect("a schema");
    assert_eq!(warnings.map(|warning| warning.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
}
