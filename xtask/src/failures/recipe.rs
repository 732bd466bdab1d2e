//! What a recipe is: data that says how one failure is provoked and what proves that it was.

/// The engines, newest first, as `--engine` takes them. A text that several engines share is kept once, for the first.
pub(crate) const ENGINES: [&str; 4] = ["28.5", "26.1", "20.10", PODMAN];
/// The engine that is not Docker's.
pub(crate) const PODMAN: &str = "podman";
/// The newest Docker Engine alone: enough where older ones say the same.
pub(crate) const NEWEST: &[&str] = &["28.5"];
/// Every Docker Engine, where their words differ.
pub(crate) const DOCKER: &[&str] = &["28.5", "26.1", "20.10"];
/// Those with a Compose of their own: what Compose says without an engine needs no third recording.
pub(crate) const COMPOSE: &[&str] = &["28.5", "26.1"];

/// The one whose Compose draws its moving lines only on a terminal; the newer one draws them into a pipe too.
pub(crate) const PROGRESS_ON_TERMINAL: &[&str] = &["26.1"];

/// How one failure is provoked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    /// Unique, kebab-case; part of the recording's file name.
    pub(crate) name: &'static str,
    /// What a reader must find in the text.
    pub(crate) class: &'static str,
    /// The class that a careless reader would find. Empty when it resembles none.
    pub(crate) resembles: &'static str,
    /// What happens, in a sentence.
    pub(crate) about: &'static str,
    /// The engines that it is for.
    pub(crate) engines: &'static [&'static str],
    /// What the daemon lacks.
    pub(crate) daemon: Daemon,
    /// Files of the project, by path.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Addresses that a process of the machine holds meanwhile.
    pub(crate) holds: &'static [Hold],
    /// The registry at `$REGISTRY`, if there is one.
    pub(crate) registry: Option<Conduct>,
    /// A shell script in the project's folder that must succeed. Its output is not recorded.
    pub(crate) before: &'static str,
    /// The shell script whose whole output is recorded.
    pub(crate) run: &'static str,
    /// Whether `run` must fail.
    pub(crate) exit: Exit,
    /// One of these must be in the text; else something else happened, and nothing is recorded.
    pub(crate) says: &'static [&'static str],
    /// Facts that a reader must find.
    pub(crate) facts: &'static [(&'static str, &'static str)],
}

/// What all recipes have unless they say otherwise.
pub(crate) const BASE: Recipe = Recipe {
    name: "",
    class: "unknown",
    resembles: "",
    about: "",
    engines: NEWEST,
    daemon: Daemon::Ordinary,
    files: &[],
    holds: &[],
    registry: None,
    before: "",
    run: "docker compose up --detach",
    exit: Exit::Failure,
    says: &[],
    facts: &[],
};

impl Recipe {
    /// `decisive`, `look-alike` or `unknown`.
    pub(crate) fn kind(&self) -> &'static str {
        match (self.class, self.resembles) {
            ("unknown", "") => "unknown",
            (_, "") => "decisive",
            _ => "look-alike",
        }
    }
}

/// The daemon that a recipe needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Daemon {
    /// One that lacks nothing.
    Ordinary,
    /// One whose addresses suffice for one network.
    SingleNetwork,
    /// One whose file system holds little more than the images.
    SmallDisk,
    /// One that may not bind ports below 1024.
    UnprivilegedPorts,
    /// One with a firewall, whose rules are removed before the recorded script.
    FlushedFirewall,
}

impl Daemon {
    /// All of them, in the order in which they are started.
    pub(crate) const ALL: [Self; 5] =
        [Self::Ordinary, Self::SingleNetwork, Self::SmallDisk, Self::UnprivilegedPorts, Self::FlushedFirewall];
}

/// An address that a process of the machine holds, as `ADDRESS:PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Listens and takes connections without a word.
    Tcp(&'static str),
    /// Is bound.
    Udp(&'static str),
}

/// How the registry behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It serves its image.
    Serves,
    /// It answers every pull with 429.
    Throttles,
    /// It answers the first pull with 429, and then serves.
    ThrottlesOnce,
    /// It wants a password.
    Unauthorized,
    /// It knows who asks, and refuses.
    Denied,
    /// It is down for maintenance.
    Unavailable,
    /// It takes the connection and never answers.
    Silent,
}

/// What a script's exit must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Anything but 0.
    Failure,
    /// Anything.
    Any,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failures::recipes;

    #[test]
    fn every_recipe_is_named_once_and_says_what_proves_it() {
        let mut names: Vec<_> = recipes().map(|recipe| recipe.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "two recipes have one name");
        for recipe in recipes() {
            let plain =
                recipe.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            assert!(plain && !recipe.name.contains("--") && !recipe.name.is_empty(), "{}", recipe.name);
            assert!(!recipe.about.is_empty() && !recipe.says.is_empty(), "{}", recipe.name);
            assert!(recipe.engines.iter().all(|engine| ENGINES.contains(engine)), "{}", recipe.name);
            assert!(recipe.class != recipe.resembles, "{}", recipe.name);
        }
    }
}
