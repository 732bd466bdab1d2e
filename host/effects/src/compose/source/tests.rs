//! What is found where, and who shares it.

use super::*;

fn read(texts: &[&str]) -> Result<Source, SourceError> {
    let names = ["compose.yaml", "compose.override.yaml"];
    let files =
        names.iter().zip(texts).map(|(name, text)| SourceFile { name: (*name).to_owned(), text: (*text).to_owned() });
    Source::read(&files.collect::<Vec<_>>())
}

/// Each entry as `FILE:LINE RAW` with the services that share it; the raw text is checked against its range.
fn shown(source: &Source, service: &str) -> Vec<String> {
    let entry = |entry: &PortEntry| {
        let spelled = match &entry.text {
            EntryText::Short(spelled) => Some(spelled),
            EntryText::Long(long) => long.published.as_ref(),
            EntryText::Unreadable(_) => None,
        };
        let raw = spelled.map(|spelled| {
            assert_eq!(source.file(entry.file).text[spelled.range.clone()], spelled.raw);
            spelled.raw.clone()
        });
        let shared: String = entry.shared_with.iter().map(|other| format!(" +{other}")).collect();
        format!("{}:{} {}{shared}", entry.file, entry.line, raw.unwrap_or_else(|| "?".to_owned()))
    };
    source.ports(service).iter().map(entry).collect()
}

#[test]
fn every_way_to_write_a_list_is_found_with_its_lines() {
    let text = "\u{feff}# head\r\nservices:\r\n  \"web\":   # the web\r\n     ports:\r\n     - 22:22\r\n\r\n     \
        # why\r\n     - '80:80'   # c\r\n     \
                -   target: 81\r\n         published: 8081\r\n     - {target: 82, published: \"8082-8083\"}\r\n     \
                - !!str 83:83\r\n  b: {ports: [84:84, \"85:85\"]}\r\n";
    let source = read(&[text]).unwrap();
    assert_eq!(shown(&source, "web"), ["0:5 22:22", "0:8 80:80", "0:10 8081", "0:11 8082-8083", "0:12 83:83"]);
    assert_eq!(shown(&source, "b"), ["0:13 84:84", "0:13 85:85"]);
    assert!(source.is_complete("web") && !source.is_complete("nobody") && !source.includes_others());
}

#[test]
fn services_that_read_the_same_bytes_are_named() {
    let text = "
x-ports: &ports
  - 1:1
x-web: &web
  ports: [2:2]
services:
  a: {image: x, ports: *ports}
  b: {image: x, ports: *ports}
  c: &c
    <<: *web
  d:
    <<: [*web, *c]
    environment: {A: b}
  e:
    <<: *web
    ports: [&five \"5:5\", 3:3]
  f:
    extends: e
    ports:
      - 6:6
      - *five
  g:
    extends: {service: e}
    ports: !override
      - &long {target: 7, published: 7}
  h:
    ports:
      - {<<: *long, target: 8}
      - {<<: *long, published: 8}
  lone: {ports: &lone [9:9]}
";
    let source = read(&[text]).unwrap();
    assert_eq!(shown(&source, "a"), ["0:3 1:1 +b"]);
    assert_eq!(shown(&source, "c"), ["0:5 2:2 +d"]);
    assert_eq!(shown(&source, "d"), ["0:5 2:2 +c"]);
    assert_eq!(shown(&source, "e"), ["0:16 5:5 +f", "0:16 3:3 +f"]);
    assert_eq!(shown(&source, "f"), ["0:16 5:5 +e", "0:16 3:3 +e", "0:20 6:6", "0:16 5:5 +e"]);
    assert_eq!(shown(&source, "g"), ["0:25 7 +h"]);
    assert_eq!(shown(&source, "h"), ["0:25 7 +g", "0:29 8"]);
    assert_eq!(shown(&source, "lone"), ["0:30 9:9"]);
}

#[test]
fn later_files_add_replace_and_reset_as_compose_does() {
    // Measured with `docker compose config` 2.40.3.
    let base = "services:\n  a: {ports: [1:1]}\n  b: {ports: [2:2]}\n  c: {ports: [3:3]}\n  d: {ports: [4:4]}\n  \
        e: {ports: [5:5]}\n";
    let later = "services:\n  a: {ports: [6:6]}\n  b: {ports: !override [7:7]}\n  c: {ports: !reset []}\n  \
        d: !override {image: x}\n  e: !reset\n";
    let source = read(&[base, later]).unwrap();
    assert_eq!(shown(&source, "a"), ["0:2 1:1", "1:2 6:6"]);
    assert_eq!(shown(&source, "b"), ["1:3 7:7"]);
    assert_eq!(shown(&source, "c"), [""; 0]);
    assert_eq!(shown(&source, "d"), [""; 0]);
    assert!(!source.declares("e"));
    let source = read(&[base, "services: !override\n  a: {ports: [6:6]}\n"]).unwrap();
    assert_eq!((shown(&source, "a"), source.declares("b")), (vec!["1:2 6:6".to_owned()], false));
    let shared = "services:\n  a: {ports: &p [1:1]}\n  b: {ports: *p}\n";
    let source = read(&[shared, "services:\n  b:\n    ports: !override\n      - 2:1\n"]).unwrap();
    assert_eq!((shown(&source, "a"), shown(&source, "b")), (vec!["0:2 1:1".to_owned()], vec!["1:4 2:1".to_owned()]));
}

#[test]
fn what_cannot_be_placed_byte_for_byte_has_no_bytes() {
    let text = "services:\n  a:\n    ports:\n      - >-\n        6:6\n      - |\n        8:8\n      \
        - \"9\\\n        :9\"\n      - \"1\\u0030:10\"\n      \
                - '1'':1'\n      - 010\n      - [1]\n      - {published: 1}\n      - {target: 1, published: 08080}\n";
    let source = read(&[text]).unwrap();
    let unreadable = source.ports("a").iter().filter(|entry| matches!(entry.text, EntryText::Unreadable(_))).count();
    assert_eq!((unreadable, source.ports("a").len()), (9, 9));
}

#[test]
fn what_other_files_contribute_makes_a_service_incomplete() {
    let text = "include: [other.yaml]\nservices:\n  a:\n    extends: {file: base.yaml, service: x}\n    \
        ports: [1:1]\n  b: {extends: gone}\n  c:\n    \
                extends: {file: base.yaml, service: x}\n    ports: !override [1:1]\n  d: {extends: d}\n";
    let source = read(&[text]).unwrap();
    let complete = ["a", "b", "c", "d"].map(|service| source.is_complete(service));
    assert_eq!(complete, [false, false, true, false]);
    assert_eq!(shown(&source, "a"), ["0:5 1:1"]);
    assert!(source.includes_others());
}

#[test]
fn a_file_that_compose_would_refuse_is_refused_with_file_and_line() {
    let broken = ["services:\n  a: {}\n  a: {}\n", "a: 1\n\n---\nb: 1\n", "services:\n  a:\n    ports: *none\n"];
    for text in broken {
        let error = read(&["services: {}\n", text]).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("compose.override.yaml", 3), "{error}");
    }
    assert_eq!(read(&["services: [\n"]).unwrap_err().file, "compose.yaml");
    assert_eq!(read(&["- a\n"]).unwrap_err().line, 1);
}

#[test]
fn a_project_that_multiplies_by_names_is_refused_or_left_unread() {
    let read = |text: String| Source::read(&[SourceFile { name: "compose.yaml".to_owned(), text }]);
    let services = |count: usize, body: &str| -> String { (0..count).map(|at| format!("  a{at}: {body}\n")).collect() };
    let many = read(format!("services:\n{}", services(2000, "{image: x}"))).unwrap_err();
    assert!(many.message.contains("more than 1000 services"), "{many}");
    let list = "\"1:1\",".repeat(2000);
    let shared = read(format!("x: &x [{list}]\nservices:\n{}", services(900, "{ports: *x}"))).unwrap_err();
    assert!(shared.message.contains("more than 131072 ports"), "{shared}");
    let chain: String = (1..900).map(|at| format!("  a{at}: {{extends: a{}, ports: ['{at}:80']}}\n", at - 1)).collect();
    let chain = read(format!("services:\n  a0: {{ports: ['999:80']}}\n{chain}")).unwrap();
    assert!(chain.is_complete("a60") && chain.ports("a60").len() == 61);
    assert!(!chain.is_complete("a899"), "what is not followed to its end is not complete");
}
