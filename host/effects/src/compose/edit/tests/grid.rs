//! A grid of generated files: whatever stands around a port, an edit changes its digits and an undo restores every
//! byte.

use super::*;

const ENTRIES: [&str; 8] = [
    "8080:80",
    "\"8080:80\"",
    "'8080:80/tcp'",
    "\"${PORT:-8080}:80\"",
    "${PORT-8080}:80",
    "{target: 80, published: 8080}",
    "{ published: '8080' , target: 80, protocol: tcp }",
    "&anchor \"8080:80\"",
];
const NEIGHBOURS: [&str; 3] = ["", "\"1:1\"", "{target: 2, published: \"2\"}"];
const TAILS: [&str; 4] = ["", "   ", " # 8080:80 «ü»", "\t# tab"];
const PADS: [&str; 2] = ["", "   "];

/// A block list, or a flow list for entries that may stand in one.
fn list(entry: &str, neighbour: &str, tail: &str, pad: &str, flow: bool) -> Option<String> {
    let items = [neighbour, entry, neighbour].into_iter().filter(|item| !item.is_empty());
    if flow {
        let bare_variable = entry.starts_with('$');
        return (!bare_variable).then(|| format!(" [{}]{tail}\n", items.collect::<Vec<_>>().join(" , ")));
    }
    let lines: String = items.map(|item| format!("    {pad}-  {item}{tail}\n\n")).collect();
    Some(format!("{tail}\n{lines}"))
}

fn files() -> Vec<String> {
    let mut files = Vec::new();
    for entry in ENTRIES {
        for neighbour in NEIGHBOURS {
            for tail in TAILS {
                for pad in PADS {
                    for flow in [false, true] {
                        let Some(list) = list(entry, neighbour, tail, pad, flow) else {
                            continue;
                        };
                        files.push(format!(
                            "# 8080:80\nservices:\n  'web':\n    image: x\n    \
                            ports:{list}    tty: true\n  b: {{ports: [8081:80]}}\n"
                        ));
                    }
                }
            }
        }
    }
    files
}

#[test]
fn edits_of_generated_files_change_one_number_and_their_undo_changes_nothing() {
    let mut count = 0;
    for file in files() {
        for text in [file.clone(), file.replace('\n', "\r\n"), format!("\u{feff}{file}"), file.trim_end().to_owned()] {
            let mut project = Project::new(&text);
            let (mut expected, other) = (project.published("web"), project.published("b"));
            let at = expected.iter().position(|port| port == "8080:80").expect("each file has it");
            expected[at] = "18085:80".to_owned();
            let edit = project.carry_out(&port_move("web", 80, 8080, 18085), EditMethod::InPlace);
            assert_eq!(edit.hunks.len(), 1, "{text}");
            let offset = usize::try_from(edit.hunks[0].offset_bytes).unwrap();
            assert_eq!(project.text(BASE), format!("{}18085{}", &text[..offset], &text[offset + 4..]));
            assert_eq!((project.published("web"), project.published("b")), (expected, other), "{text}");
            count += 1;
        }
    }
    assert!(count > 1000, "{count} files");
}

#[test]
fn overrides_of_generated_files_list_the_same_ports_but_one() {
    for text in files().iter().step_by(5) {
        let mut project = Project::new(text);
        let mut expected: Vec<String> = Vec::new();
        for port in project.published("web") {
            let port = if port == "8080:80" { "18085:80".to_owned() } else { port };
            if !expected.contains(&port) {
                expected.push(port);
            }
        }
        project.carry_out(&port_move("web", 80, 8080, 18085), EditMethod::Override);
        assert_eq!(project.published("web"), expected, "{text}\n{}", project.text(OVERRIDE));
    }
}
