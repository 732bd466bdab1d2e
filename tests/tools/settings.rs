//! `doctor` reads what `repair.toml` says to tools before any of them is asked.

use serde_json::Value;

use crate::tool_home::Home;

/// The check of that name.
fn check(home: &Home, name: &str) -> Value {
    let finished = home.repair(&["doctor", "--json"]);
    let checks: Vec<Value> = serde_json::from_str(&finished.stdout).expect("a list of checks");
    checks.into_iter().find(|check| check["check"] == name).expect("the check")
}

#[test]
fn parameters_that_a_tool_does_not_take_are_named_with_their_place() {
    let home = Home::new();
    home.write("compose.yaml", "services:\n  web:\n    image: web\n");
    assert_eq!(check(&home, "settings")["found"], "no parameters of tools");

    home.write("repair.toml", "[tools.port-conflict]\nrecreate_running = false\n");
    assert_eq!(check(&home, "settings")["found"], "parameters of port-conflict");

    home.write("repair.toml", "[tools.port-conflict]\nrecreate_running = \"never\"\n");
    let wrong = check(&home, "settings");
    assert_eq!(wrong["ok"], false);
    assert_eq!(
        wrong["what"],
        "repair.toml: [tools.port-conflict]/recreate_running: \"never\" is not of type \"boolean\""
    );
    assert_eq!(wrong["hints"][0], "`repair tool show port-conflict` shows what it takes");
}

#[test]
fn parameters_of_a_tool_that_is_not_there_are_named() {
    let home = Home::new();
    home.write("compose.yaml", "services:\n  web:\n    image: web\n");
    home.write("repair.toml", "[tools.port-conflit]\nrecreate_running = false\n");
    let wrong = check(&home, "settings");
    assert_eq!(wrong["what"], "repair.toml: [tools.port-conflit]: there is no tool of that id");
}
