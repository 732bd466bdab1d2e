//! Which containers are stale: in the project's way, or left over from it. A decision on values; nothing here acts.
//!
//! A container is the project's own when it carries exactly this project's label, was not made by `compose run`, and was
//! made from this very directory and these files: two checkouts may share a project's name. Whatever cannot be told
//! speaks against staleness. Invariant: only what is its own can be stale without being foreign.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use repair_model::container::{ContainerState, StaleContainer, Staleness};
use repair_pipeline::outside::TargetError;

use super::ComposeDeployment;
use super::wanted::Wanted;
use crate::docker::survey::Surveyed;

/// What a look at one container comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The project's own and stale.
    Stale(Staleness),
    /// Holds a name that the project wants, and is not its own.
    Foreign,
    /// Neither; why, to follow on the container's name in a sentence.
    Fine(&'static str),
}

/// The path without symbolic links; `None` when nothing is there.
pub(super) type Real<'f> = &'f dyn Fn(&Path) -> Option<PathBuf>;

/// Judges one container.
pub(super) fn judge(container: &Surveyed, wanted: &Wanted, all: &[Surveyed], real: Real<'_>) -> Standing {
    let holds = wanted.names.get(container.name());
    if let Err(why) = own(container, wanted, real) {
        return if holds.is_some() { Standing::Foreign } else { Standing::Fine(why) };
    }
    let Some(service) = container.service() else {
        return Standing::Fine("names no service in its labels");
    };
    if holds.is_some_and(|wanting| wanting != service) {
        return Standing::Stale(Staleness::HoldsWantedName);
    }
    if !wanted.services.contains(service) {
        return Standing::Stale(Staleness::NoSuchService);
    }
    if replaces_or_is_replaced(container, wanted, all) {
        return Standing::Stale(Staleness::InterruptedReplacement);
    }
    Standing::Fine("belongs to a service of the project")
}

/// Whether the container is the project's own; why not.
fn own(container: &Surveyed, wanted: &Wanted, real: Real<'_>) -> Result<(), &'static str> {
    match container.project() {
        None => return Err("belongs to no Compose project"),
        Some(project) if project != wanted.project => return Err("belongs to another project"),
        Some(_) => {}
    }
    if container.one_off {
        return Err("was made by `compose run`");
    }
    if made_elsewhere(container, wanted, real) {
        return Err("was made from another directory or from other Compose files");
    }
    Ok(())
}

/// Whether the container's labels name another directory, or a Compose file that is not one of the project's and may
/// define its service. Labels that are missing say nothing; so do files that are gone from the project's own directory.
pub(super) fn made_elsewhere(container: &Surveyed, wanted: &Wanted, real: Real<'_>) -> bool {
    let is_ours = |path: &Path, ours: &Path| {
        path == ours || real(path).is_some_and(|path| path == ours || real(ours).as_ref() == Some(&path))
    };
    let other_directory = container.made_in.as_deref().is_some_and(|path| !is_ours(Path::new(path), &wanted.directory));
    let other_files = container.made_from.as_deref().is_some_and(|files| {
        let ours: Vec<_> = wanted.files.iter().map(|file| file.to_string_lossy()).collect();
        files != ours.join(",")
            && files.split(',').map(Path::new).any(|file| {
                let may_define_it = !file.is_absolute() || real(file).is_some();
                may_define_it && !wanted.files.iter().any(|ours| is_ours(file, ours))
            })
    });
    other_directory || other_files
}

/// Compose makes the container that replaces another as `ID_NAME`, with the first twelve digits of the replaced one's id,
/// and renames it once the other is gone; Compose 1 renamed the replaced one so, with its own id. Either is left over only
/// where another container of its service has the place: alone, it is all that there is of the service.
fn replaces_or_is_replaced(container: &Surveyed, wanted: &Wanted, all: &[Surveyed]) -> bool {
    let Some((id, name)) = temporary_name(container.name()) else { return false };
    if wanted.names.contains_key(container.name()) {
        return false;
    }
    all.iter().any(|other| {
        other.id() != container.id()
            && other.project() == container.project()
            && other.service() == container.service()
            && !other.one_off
            && (other.id().starts_with(id) || other.name() == name)
    })
}

/// `0123456789ab_NAME` in its two parts.
pub(super) fn temporary_name(name: &str) -> Option<(&str, &str)> {
    name.split_once('_').filter(|(id, rest)| {
        id.len() == 12 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) && !rest.is_empty()
    })
}

/// Whether a container in this state may be removed: it does not run, and nothing is about to make it run.
pub(super) fn is_at_rest(state: &ContainerState) -> bool {
    matches!(state, ContainerState::Created | ContainerState::Exited | ContainerState::Dead)
}

impl ComposeDeployment {
    /// Every container of the engine, without those of `gone`.
    pub(super) async fn survey(&self, gone: &BTreeSet<String>) -> Result<Vec<Surveyed>, TargetError> {
        let mut all = self.engine.survey().await.map_err(|error| Self::engine_failed(&error))?;
        all.retain(|container| !gone.contains(container.id()));
        Ok(all)
    }

    /// Answers the query for stale containers. One that vanishes meanwhile is left out.
    pub(super) async fn stale_containers(&mut self) -> Result<Vec<StaleContainer>, TargetError> {
        let wanted = self.wanted().await?;
        let all = self.survey(&BTreeSet::new()).await?;
        let mut found = Vec::new();
        for container in &all {
            let (why, foreign) = match judge(container, &wanted, &all, &|path| path.canonicalize().ok()) {
                Standing::Stale(why) => (why, false),
                Standing::Foreign => (Staleness::HoldsWantedName, true),
                Standing::Fine(_) => continue,
            };
            let details = self.engine.details(container.summary.clone()).await;
            let details = details.map_err(|error| Self::engine_failed(&error))?;
            found.extend(details.map(|container| StaleContainer { container, why, foreign }));
        }
        Ok(found)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;

    use repair_model::container::{ContainerRef, Health};

    use super::*;
    use crate::docker::containers::Summary;

    /// A project `shop` in `/srv/shop` that wants `web` and `db`, and `admin` in a profile that is not active.
    pub(in crate::deployment) fn wanted() -> Wanted {
        let owned = |name: &str| name.to_owned();
        Wanted {
            project: owned("shop"),
            directory: PathBuf::from("/srv/shop"),
            files: vec![PathBuf::from("/srv/shop/compose.yaml")],
            services: ["web", "db", "admin"].map(owned).into(),
            names: [("shop-web-1", "web"), ("shop-database", "db")].map(|(name, of)| (owned(name), owned(of))).into(),
            networks: std::collections::BTreeMap::new(),
        }
    }

    /// A container that was made from the project, and has ended. Its id begins with twelve times `digit`.
    pub(in crate::deployment) fn container(digit: char, name: &str, project: &str, service: &str) -> Surveyed {
        let label = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
        Surveyed {
            summary: Summary {
                container: ContainerRef {
                    id: digit.to_string().repeat(64),
                    name: name.to_owned(),
                    project: label(project),
                    service: label(service),
                },
                state: ContainerState::Exited,
                health: Health::None,
                exit_code: Some(0),
                config_hash: None,
                ports_held: Vec::new(),
            },
            one_off: false,
            made_in: label("/srv/shop"),
            made_from: label("/srv/shop/compose.yaml"),
            number: Some(1),
            networks: BTreeSet::new(),
            anonymous_volumes: 0,
        }
    }

    /// A disk with the project, one more Compose file in it, and a link to its directory.
    fn on_disk(path: &Path) -> Option<PathBuf> {
        let real = Path::new("/srv").join(path.strip_prefix("/link").or(path.strip_prefix("/srv")).ok()?);
        ["/srv/shop", "/srv/shop/compose.yaml", "/srv/shop/extra.yaml"]
            .map(PathBuf::from)
            .contains(&real)
            .then_some(real)
    }

    fn judged(container: &Surveyed, others: &[Surveyed]) -> Standing {
        let all: Vec<Surveyed> = others.iter().chain([container]).cloned().collect();
        judge(container, &wanted(), &all, &on_disk)
    }

    const GONE: Standing = Standing::Stale(Staleness::NoSuchService);
    const IN_THE_WAY: Standing = Standing::Stale(Staleness::HoldsWantedName);
    const LEFTOVER: Standing = Standing::Stale(Staleness::InterruptedReplacement);

    #[test]
    fn a_container_is_stale_when_its_service_is_gone_or_it_holds_the_name_of_another() {
        assert_eq!(judged(&container('a', "shop-api-1", "shop", "api"), &[]), GONE);
        assert_eq!(judged(&container('a', "shop-database", "shop", "web"), &[]), IN_THE_WAY);
        assert_eq!(judged(&container('a', "shop-database", "shop", "gone"), &[]), IN_THE_WAY);
    }

    #[test]
    fn what_belongs_to_a_service_of_any_profile_is_not_stale() {
        for (name, service) in [("shop-web-1", "web"), ("shop-web-7", "web"), ("shop-admin-1", "admin")] {
            assert!(matches!(judged(&container('a', name, "shop", service), &[]), Standing::Fine(_)), "{name}");
        }
    }

    #[test]
    fn what_is_not_the_projects_own_is_never_stale() {
        let other_prefix = container('a', "shop-api-1", "shop-two", "api");
        let shorter = container('a', "shop-api-1", "sho", "api");
        let other_case = container('a', "shop-api-1", "Shop", "api");
        let unlabelled = container('a', "shop-api-1", "", "");
        let one_off = Surveyed { one_off: true, ..container('a', "shop-api-1", "shop", "api") };
        let checkout =
            Surveyed { made_in: Some("/home/me/shop".into()), ..container('a', "shop-api-1", "shop", "api") };
        for foreign in [other_prefix, shorter, other_case, unlabelled, one_off, checkout] {
            assert!(matches!(judged(&foreign, &[]), Standing::Fine(_)), "{foreign:?}");
            let mut in_the_way = foreign;
            in_the_way.summary.container.name = "shop-database".to_owned();
            assert_eq!(judged(&in_the_way, &[]), Standing::Foreign, "{in_the_way:?}");
        }
    }

    #[test]
    fn a_label_without_a_service_proves_nothing() {
        assert!(matches!(judged(&container('a', "shop-api-1", "shop", ""), &[]), Standing::Fine(_)));
    }

    #[test]
    fn another_compose_file_that_still_exists_may_define_the_service() {
        let made_from = |files: &str| {
            let made_from = Some(files.to_owned());
            judged(&Surveyed { made_from, ..container('a', "shop-api-1", "shop", "api") }, &[])
        };
        assert!(matches!(made_from("/srv/shop/compose.yaml,/srv/shop/extra.yaml"), Standing::Fine(_)));
        assert!(matches!(made_from("/srv/shop/extra.yaml"), Standing::Fine(_)));
        assert!(matches!(made_from("-"), Standing::Fine(_)), "a file from standard input may hold anything");
        assert_eq!(made_from("/srv/shop/compose.yaml,/srv/shop/gone.yaml"), GONE);
        assert_eq!(made_from("/srv/shop/docker-compose.yml"), GONE);
        assert_eq!(made_from("/link/shop/compose.yaml"), GONE);
    }

    #[test]
    fn a_directory_reached_through_a_link_is_the_same_one() {
        let linked = Surveyed { made_in: Some("/link/shop".into()), ..container('a', "shop-api-1", "shop", "api") };
        assert_eq!(judged(&linked, &[]), GONE);
        let moved = Surveyed { made_in: Some("/srv/shop-before".into()), ..linked };
        assert!(matches!(judged(&moved, &[]), Standing::Fine(_)), "nobody can tell whether it was this one");
    }

    #[test]
    fn a_replacement_is_left_over_only_beside_the_one_that_has_its_place() {
        let leftover = container('b', "aaaaaaaaaaaa_shop-web-1", "shop", "web");
        let replaced = container('a', "shop-web-1", "shop", "web");
        assert_eq!(judged(&leftover, std::slice::from_ref(&replaced)), LEFTOVER);
        assert!(matches!(judged(&replaced, std::slice::from_ref(&leftover)), Standing::Fine(_)));
        assert!(matches!(judged(&leftover, &[]), Standing::Fine(_)), "it is all that there is of the service");
        let by_compose_1 = container('b', "bbbbbbbbbbbb_shop-web-1", "shop", "web");
        assert_eq!(judged(&by_compose_1, std::slice::from_ref(&replaced)), LEFTOVER);
        let strangers = container('a', "shop-web-1", "shop-two", "web");
        assert!(matches!(judged(&leftover, &[strangers]), Standing::Fine(_)));
    }

    #[test]
    fn names_that_only_look_temporary_are_nobodys_leftover() {
        let replaced = container('a', "shop-web-1", "shop", "web");
        for name in
            ["aaaaaaaaaaa_shop-web-1", "AAAAAAAAAAAA_shop-web-1", "aaaaaaaaaaaa_", "zzzzzzzzzzzz_shop-web-1", "x"]
        {
            let container = container('b', name, "shop", "web");
            assert!(matches!(judged(&container, std::slice::from_ref(&replaced)), Standing::Fine(_)), "{name}");
        }
        let mut wanted = wanted();
        wanted.names.insert("aaaaaaaaaaaa_shop-web-1".to_owned(), "web".to_owned());
        let named = container('b', "aaaaaaaaaaaa_shop-web-1", "shop", "web");
        let standing = judge(&named, &wanted, &[replaced, named.clone()], &on_disk);
        assert!(matches!(standing, Standing::Fine(_)), "somebody really calls it so");
    }

    #[test]
    fn only_what_has_ended_or_never_began_is_at_rest() {
        use ContainerState::{Created, Dead, Exited, Paused, Removing, Restarting, Running, Unknown};
        for state in [Created, Exited, Dead] {
            assert!(is_at_rest(&state), "{state}");
        }
        for state in [Running, Paused, Restarting, Removing, Unknown("hibernating".to_owned())] {
            assert!(!is_at_rest(&state), "{state}");
        }
    }
}
