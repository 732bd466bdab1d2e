//! Every syntax of a port: only the published part changes, by each way.

use super::*;
use crate::compose::syntax::parse_short;

/// The entry's text, what it becomes in place, and what the override file says.
const TABLE: [(&str, &str); 29] = [
    ("8000:8000", "18000:8000"),
    ("22:22", "10022:22"),
    ("'22:22'", "'10022:22'"),
    ("\"9090-9091:8080-8081\"", "\"19090-19091:8080-8081\""),
    ("\"8000-8002:80\"", "\"18000-18002:80\""),
    ("\"127.0.0.1:8001:8001\"", "\"127.0.0.1:18001:8001\""),
    ("\"127.0.0.1:5000-5002:5000-5002\"", "\"127.0.0.1:15000-15002:5000-5002\""),
    ("\"[::1]:6001:6001\"", "\"[::1]:16001:6001\""),
    ("'[::1]:6001:6001'", "'[::1]:16001:6001'"),
    ("8080:80/tcp", "18080:80/tcp"),
    ("8080:80/TCP", "18080:80/TCP"),
    ("5353:53/udp", "15353:53/udp"),
    ("7000:70/sctp", "17000:70/sctp"),
    ("\"8080:80\"   # 8080 for the world", "\"18080:80\"   # 8080 for the world"),
    ("8080:8080 ", "18080:8080 "),
    ("!!str 8080:80", "!!str 18080:80"),
    ("&one \"8080:80\"", "&one \"18080:80\""),
    ("\"${PORT:-8080}:80\"", "\"${PORT:-18080}:80\""),
    ("${PORT-8080}:80", "${PORT-18080}:80"),
    ("'${PORT:-8080}:${TARGET:-80}'", "'${PORT:-18080}:${TARGET:-80}'"),
    ("${IP:-127.0.0.1}:${PORT:-8080}:80", "${IP:-127.0.0.1}:${PORT:-18080}:80"),
    ("\"${A:-${B:-8080}}:80\"", "\"${A:-${B:-18080}}:80\""),
    ("\"${FROM:-8000}-${TO:-8002}:80\"", "\"${FROM:-18000}-${TO:-18002}:80\""),
    ("{target: 80, published: 8080}", "{target: 80, published: 18080}"),
    ("{published: \"8080-8082\", target: 80}", "{published: \"18080-18082\", target: 80}"),
    ("target: 80\n        published: 8080", "target: 80\n        published: 18080"),
    (
        "target: 80\n        published: '8080' # why\n        protocol: udp",
        "target: 80\n        published: '18080' # why\n        protocol: udp",
    ),
    (
        "published: \"${PORT:-8080}\"\n        target: 80\n        host_ip: 127.0.0.1\n        mode: host\n        \
        name: web\n        app_protocol: http\n        x-note: {a: b}",
        "published: \"${PORT:-18080}\"\n        target: 80\n        host_ip: 127.0.0.1\n        mode: host\n        \
        name: web\n        app_protocol: http\n        x-note: {a: b}",
    ),
    (
        "name: \"8080\"\n        target: 8080\n        published: 8080",
        "name: \"8080\"\n        target: 8080\n        published: 18080",
    ),
];

/// The move of the middle entry by 10000.
fn middle(project: &Project) -> PortMove {
    let short = project.published("web")[1].clone();
    let (port, _) = parse_short(&short).unwrap();
    let after = match port.published {
        Published::Fixed(22) => Published::Fixed(10022),
        Published::Fixed(before) => Published::Fixed(before + 10_000),
        Published::Range(first, last) => Published::Range(first + 10_000, last + 10_000),
        Published::EnginePicks => unreachable!("the table has none"),
    };
    let Port { host_ip, target, protocol, published, .. } = port;
    PortMove { service: "web".to_owned(), target, protocol, host_ip, before: published, after }
}

fn compose(entry: &str) -> String {
    format!(
        "name: x\nservices:\n  web:\n    image: x\n    ports:\n      - \"1:1\"\n      - {entry}\n      \
        # the last\n      - 9:9\n    environment:\n      \
         URL: \"8080:80\"\n  other:\n    image: y\n    ports: [\"2:2\"]\n"
    )
}

#[test]
fn in_place_only_the_published_digits_change() {
    for (before, after) in TABLE {
        for eol in ["\n", "\r\n"] {
            for bom in ["", "\u{feff}"] {
                let text = |entry: &str| format!("{bom}{}", compose(entry).replace('\n', eol));
                let mut project = Project::new(&text(before));
                let mv = middle(&project);
                let edit = project.carry_out(&mv, EditMethod::InPlace);
                assert_eq!(project.text(BASE), text(after), "{before}");
                let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                assert!(edit.hunks.iter().all(|hunk| digits(&hunk.before) && digits(&hunk.after)), "{edit:?}");
            }
        }
    }
}

#[test]
fn an_override_lists_all_ports_with_the_one_moved() {
    for (before, _) in TABLE {
        let mut project = Project::new(&compose(before));
        let mut expected = project.published("web");
        let mv = middle(&project);
        let (moved, _) = parse_short(&expected[1]).unwrap();
        expected[1] = Port { published: mv.after, ..moved }.to_short();
        project.carry_out(&mv, EditMethod::Override);
        assert_eq!(project.published("web"), expected, "{}", project.text(OVERRIDE));
        assert_eq!(
            (project.published("other"), project.text(BASE)),
            (vec!["2:2".to_owned()], compose(before).as_str())
        );
    }
}

#[test]
fn a_variable_is_changed_where_it_is_set() {
    // What stands before and behind the value in `.env`.
    let around = [
        ("PORT=", "\n"),
        ("PORT=", ""),
        ("# c\nexport PORT=", " # the port\nX=8080\n"),
        ("PORT=\"", "\"\n"),
        ("PORT='", "'  # c\r\nY=2\r\n"),
        ("PORT=1\r\nPORT= ", "   \r\n"),
        ("\u{feff}PORT: ", "\n\n# end"),
        ("A=8080\nPORT=", "\nPORTS=8080\nURL=http://localhost:${PORT}\n"),
    ];
    for (before, behind) in around {
        for (entry, from, to) in [
            ("${PORT}:80", "8080", "18080"),
            ("\"${PORT:-1}:80\"", "8080", "18080"),
            ("$PORT:80", "8080", "18080"),
            ("${UNSET:-$PORT}:80", "8080", "18080"),
            ("${PORT:?say it}:8000-8002", "8000-8002", "18000-18002"),
            ("target: 80\n        published: ${PORT}", "8080", "18080"),
        ] {
            let text = |value: &str| format!("{before}{value}{behind}");
            let mut project = Project::new(&compose(entry)).with(DOTENV, &text(from));
            let mv = middle(&project);
            let ways = project.methods(&mv).unwrap();
            assert_eq!(ways, [EditMethod::Dotenv, EditMethod::Override], "{entry} {before}");
            project.carry_out(&mv, EditMethod::Dotenv);
            assert_eq!((project.text(DOTENV), project.text(BASE)), (text(to).as_str(), compose(entry).as_str()));
        }
    }
}

#[test]
fn a_shorter_number_is_as_good_as_a_longer_one() {
    let mut project =
        Project::new("services:\n  web:\n    ports: [\"10000-10002:80-82\", \"${A:-20000}-${B:-20001}:90-91\"]\n");
    let mv = |target, before, after| PortMove { before, after, ..port_move("web", target, 1, 1) };
    project.carry_out(&mv(80, Published::Range(10000, 10002), Published::Range(8, 10)), EditMethod::InPlace);
    project.carry_out(&mv(90, Published::Range(20000, 20001), Published::Range(1, 2)), EditMethod::InPlace);
    assert_eq!(project.text(BASE), "services:\n  web:\n    ports: [\"8-10:80-82\", \"${A:-1}-${B:-2}:90-91\"]\n");
    project.carry_out(&mv(90, Published::Range(1, 2), Published::Range(65534, 65535)), EditMethod::Override);
    assert_eq!(project.published("web"), ["8-10:80-82", "65534-65535:90-91"]);
}
