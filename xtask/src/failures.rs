//! `cargo xtask failures`: provokes failures on real engines of several versions and keeps what they say.
//!
//! A text is kept only when it holds what proves the failure. The recordings are the cases of `tests/failures/recorded`;
//! nothing in them is written by hand, and a file stays as it is while its engine says the same.

mod builds;
mod compose_files;
mod containers;
pub(crate) mod fixture;
mod images;
mod lab;
mod look_alikes;
mod networks;
mod podman;
mod ports;
mod recipe;
mod text;
mod volumes;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use repair_test_support::{DaemonOptions, Engine, Finished, Podman, PrivateEngine, target_dir};

use self::fixture::{Fixture, Kept, Origin};
use self::lab::{Host, Lab};
use self::recipe::{Daemon, ENGINES, PODMAN, Recipe};
use crate::build;

/// So many MiB hold the images, the engine's own files and little more.
const SMALL_DISK_MIB: u32 = 48;

/// What the person asked for.
pub(crate) struct Options {
    engines: Vec<&'static str>,
    recipes: Vec<String>,
}

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self { engines: Vec::new(), recipes: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--engine" => {
                    let name = words.next().context("`--engine` needs a version")?;
                    let known = ENGINES.into_iter().find(|engine| engine == name);
                    options.engines.push(known.with_context(|| format!("no engine `{name}`; known: {ENGINES:?}"))?);
                }
                name if recipes().any(|recipe| recipe.name == name) => options.recipes.push(name.to_owned()),
                unknown => bail!("no recipe `{unknown}`; known are:\n{}", names()),
            }
        }
        if options.engines.is_empty() {
            options.engines = ENGINES.to_vec();
        }
        Ok(options)
    }

    fn wants(&self, recipe: &Recipe, engine: &str) -> bool {
        recipe.engines.contains(&engine)
            && (self.recipes.is_empty() || self.recipes.iter().any(|name| name == recipe.name))
    }
}

/// Every recipe.
fn recipes() -> impl Iterator<Item = &'static Recipe> {
    [
        ports::RECIPES,
        compose_files::RECIPES,
        images::RECIPES,
        networks::RECIPES,
        containers::RECIPES,
        volumes::RECIPES,
        builds::RECIPES,
        podman::RECIPES,
        look_alikes::RECIPES,
    ]
    .into_iter()
    .flatten()
}

fn names() -> String {
    recipes().map(|recipe| recipe.name).collect::<Vec<_>>().join("\n")
}

/// Records, and fails when a recipe could not be provoked.
pub(crate) fn record(options: &Options) -> Result<()> {
    let mut report = Report::default();
    for engine in &options.engines {
        let wanted: Vec<_> = recipes().filter(|recipe| options.wants(recipe, engine)).collect();
        let result = match *engine {
            _ if wanted.is_empty() => Ok(()),
            PODMAN => record_podman(&wanted, &mut report),
            version => record_docker(version, &wanted, &mut report),
        };
        if let Err(error) = result {
            report.fail(engine, "the engine", &error);
        }
    }
    report.finish()
}

fn record_docker(version: &str, wanted: &[&Recipe], report: &mut Report) -> Result<()> {
    let suite = match version {
        "20.10" => "bookworm",
        "26.1" => "trixie",
        _ => "sid",
    };
    let installed = PrivateEngine::of_suite(&target_dir(), suite)?;
    for daemon in Daemon::ALL {
        let wanted: Vec<_> = wanted.iter().filter(|recipe| recipe.daemon == daemon).collect();
        if wanted.is_empty() {
            continue;
        }
        let engine = installed.start_with(daemon_options(daemon))?;
        let origin = origin_of(&engine)?;
        ensure!(origin.engine.contains(version), "suite `{suite}` has {} and not {version}", origin.engine);
        engine.build_images()?;
        Lab::tag_images(&engine)?;
        println!("== {} with Compose {}, {daemon:?}", origin.engine, origin.compose);
        for recipe in wanted {
            let lab = Lab::new(Host::Docker(&engine))?;
            report.note(recipe, &origin, lab.provoke(recipe));
            lab.clean().with_context(|| format!("cannot clean up after `{}`", recipe.name))?;
        }
        engine.stop()?;
    }
    Ok(())
}

fn record_podman(wanted: &[&Recipe], report: &mut Report) -> Result<()> {
    let podman = Podman::provision(&target_dir())?;
    let engine = format!("podman {}", podman.version());
    println!("== {engine}");
    let origin = Origin { engine, compose: String::new(), recipe: String::new() };
    for recipe in wanted {
        report.note(recipe, &origin, Lab::new(Host::Podman(&podman))?.provoke(recipe));
    }
    Ok(())
}

fn daemon_options(daemon: Daemon) -> DaemonOptions {
    let mut options = DaemonOptions::default();
    match daemon {
        Daemon::Ordinary => {}
        Daemon::SingleNetwork => options.single_network = true,
        Daemon::SmallDisk => options.data_mib_max = Some(SMALL_DISK_MIB),
        Daemon::FlushedFirewall => options.own_network = true,
        Daemon::UnprivilegedPorts => options.unprivileged_ports = true,
    }
    options
}

/// The versions of engine and Compose, without what a distribution adds to them.
fn origin_of(engine: &Engine) -> Result<Origin> {
    let ask = |args: &[&str]| Finished::run(engine.docker().args(args)).and_then(Finished::success);
    let server = ask(&["version", "--format", "{{.Server.Version}}"])?.stdout;
    let compose = ask(&["compose", "version", "--short"])?.stdout;
    Ok(Origin { engine: format!("docker {}", plain(&server)), compose: plain(&compose), recipe: String::new() })
}

/// The leading numbers of a version, such as `28.5.2` of `28.5.2+dfsg4`.
fn plain(version: &str) -> String {
    version.trim().chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect()
}

fn recorded_dir() -> PathBuf {
    build::workspace().join("tests/failures/recorded")
}

/// What was recorded so far.
#[derive(Default)]
struct Report {
    counts: BTreeMap<&'static str, usize>,
    failures: Vec<String>,
}

impl Report {
    fn note(&mut self, recipe: &Recipe, origin: &Origin, provoked: Result<String>) {
        let version = origin.engine.split(' ').next_back().unwrap_or_default();
        let kept = provoked.and_then(|text| of(recipe, origin, text).keep(&recorded_dir(), recipe.name, version));
        let word = match kept {
            Ok(Kept::New) => "recorded",
            Ok(Kept::Changed) => "changed",
            Ok(Kept::Unchanged) => "unchanged",
            Ok(Kept::SameAs(other)) => {
                println!("same       {} (as {other})", recipe.name);
                *self.counts.entry("same").or_default() += 1;
                return;
            }
            Err(error) => return self.fail(&origin.engine, recipe.name, &error),
        };
        println!("{word:<10} {}", recipe.name);
        *self.counts.entry(word).or_default() += 1;
    }

    fn fail(&mut self, engine: &str, what: &str, error: &anyhow::Error) {
        println!("FAILED     {what} on {engine}: {error:#}");
        self.failures.push(format!("{what} on {engine}"));
    }

    fn finish(self) -> Result<()> {
        let counts: Vec<_> = self.counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        println!("== {}", if counts.is_empty() { "nothing recorded".to_owned() } else { counts.join(", ") });
        ensure!(self.failures.is_empty(), "could not be provoked:\n{}", self.failures.join("\n"));
        Ok(())
    }
}

fn of(recipe: &Recipe, origin: &Origin, text: String) -> Fixture {
    Fixture {
        class: recipe.class.to_owned(),
        kind: recipe.kind().to_owned(),
        resembles: recipe.resembles.to_owned(),
        about: recipe.about.to_owned(),
        text,
        origin: Some(Origin { recipe: recipe.name.to_owned(), ..origin.clone() }),
        facts: recipe.facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_s_suffix_is_not_part_of_a_version() {
        assert_eq!(plain("28.5.2+dfsg4\n"), "28.5.2");
        assert_eq!(plain("2.26.1-4"), "2.26.1");
    }

    #[test]
    fn engines_and_recipes_are_chosen_by_name_and_others_are_refused() {
        let options = Options::parse(&["--engine", "26.1", "port-held-udp"]).expect("both exist");
        let chosen: Vec<_> =
            recipes().filter(|recipe| options.wants(recipe, "26.1")).map(|recipe| recipe.name).collect();
        assert_eq!(
            (options.engines.as_slice(), chosen.as_slice()),
            (["26.1"].as_slice(), ["port-held-udp"].as_slice())
        );
        assert!(Options::parse(&["--engine", "17.3"]).is_err());
        assert!(Options::parse(&["no-such-recipe"]).is_err());
    }
}
