//! Everything that the engine says it did, heard as it happens: an engine remembers only a few hundred events.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use repair_test_support::Engine;
use serde_json::Value;

/// What counts as a deed when it is done twice.
const DEEDS: [&str; 4] = ["start", "restart", "destroy", "kill"];

/// A listener that ends when it is dropped.
pub struct EngineEvents {
    listener: Child,
    heard: Arc<Mutex<Vec<Heard>>>,
}

#[derive(Clone, Debug)]
struct Heard {
    /// The container or network; its name holds the project's.
    name: String,
    deed: String,
}

impl EngineEvents {
    /// Begins to listen.
    pub fn listen(engine: &Engine) -> Self {
        let mut command = engine.docker();
        command.args(["events", "--format", "{{json .}}", "--filter", "type=container", "--filter", "type=network"]);
        let mut listener = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("docker starts");
        let lines = BufReader::new(listener.stdout.take().expect("its output"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let Some(event) = deed(&line) else { continue };
                hears.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            }
        });
        Self { listener, heard }
    }

    /// How often the engine did what to the things of `project`.
    pub fn of(&self, project: &str) -> BTreeMap<String, u32> {
        // Containers and fixed names with one, default networks with the other.
        let own = [format!("{project}-"), format!("{project}_")];
        let mut deeds = BTreeMap::new();
        for heard in self.heard.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if own.iter().any(|own| heard.name.starts_with(own)) {
                *deeds.entry(format!("{} {}", heard.deed, heard.name)).or_default() += 1;
            }
        }
        deeds
    }
}

impl Drop for EngineEvents {
    fn drop(&mut self) {
        let _ = self.listener.kill();
        let _ = self.listener.wait();
    }
}

fn deed(line: &str) -> Option<Heard> {
    let event: Value = serde_json::from_str(line).ok()?;
    let deed = event["Action"].as_str()?;
    let name = event["Actor"]["Attributes"]["name"].as_str()?;
    DEEDS.contains(&deed).then(|| Heard { name: name.to_owned(), deed: deed.to_owned() })
}
