//! A project in the shape of DevLake's release: four published ports, an address in a variable that names one of them,
//! a secret in `.env`, plain `depends_on`, no health checks.

use anyhow::{Context as _, Result};

use crate::port::{banner, http_get, wait_for};
use crate::project::Project;

/// The name of its Compose file.
const FILE: &str = "docker-compose.yml";

/// The host ports of its four services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevLakePorts {
    /// A server that greets, in front of port 3306.
    pub mysql: u16,
    /// A web server in front of port 3000.
    pub grafana: u16,
    /// A web server in front of port 8080, with `/ping` and `/ready`.
    pub devlake: u16,
    /// A web server in front of port 4000.
    pub config_ui: u16,
}

/// The files and the look of that project.
#[derive(Clone, Copy, Debug)]
pub struct DevLake;

impl DevLake {
    /// Writes Compose file and `.env` into the project.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(project: &Project<'_>, ports: DevLakePorts) -> Result<()> {
        project.write(FILE, &Self::compose_file(ports))?;
        project.write(".env", "# Settings of the server.\nENCRYPTION_SECRET=not-a-real-secret\nLOGGING_LEVEL=info\n")
    }

    /// The Compose file's text.
    pub fn compose_file(ports: DevLakePorts) -> String {
        let DevLakePorts { mysql, grafana, devlake, config_ui } = ports;
        format!(
            r#"# A small DevLake: a store, two user interfaces and a server.
services:
  mysql:
    image: repair-test/mysql:1
    ports:
      - {mysql}:3306
    restart: always

  grafana:
    image: repair-test/grafana:1
    ports:
      - {grafana}:3000
    environment:
      GF_SERVER_ROOT_URL: "http://localhost:{config_ui}/grafana"
    restart: always

  devlake:
    image: repair-test/devlake:1
    ports:
      - {devlake}:8080  # the API
    env_file:
      - ./.env
    depends_on:
      - mysql
    restart: always

  config-ui:
    image: repair-test/config-ui:1
    ports:
      - "{config_ui}:4000"
    depends_on:
      - devlake
      - grafana
    restart: always
"#
        )
    }

    /// The host ports on which the project publishes now, as Compose sees its files.
    ///
    /// # Errors
    /// When Compose rejects the files, or a service publishes something else than its one port.
    pub fn published(project: &Project<'_>) -> Result<DevLakePorts> {
        let config = project.compose(["config", "--format", "json"])?.success()?;
        let config: serde_json::Value = serde_json::from_str(&config.stdout).context("compose config answers JSON")?;
        let port = |service: &str| {
            let ports = config["services"][service]["ports"].as_array().map(Vec::as_slice);
            let [only] = ports.unwrap_or_default() else {
                anyhow::bail!("service `{service}` publishes not exactly one port: {ports:?}")
            };
            let published = only["published"].as_str().unwrap_or_default();
            published.parse().with_context(|| format!("service `{service}` publishes `{published}`"))
        };
        Ok(DevLakePorts {
            mysql: port("mysql")?,
            grafana: port("grafana")?,
            devlake: port("devlake")?,
            config_ui: port("config-ui")?,
        })
    }

    /// Checks that all four services really answer on `ports`.
    ///
    /// # Errors
    /// Names the first that does not within ten seconds.
    pub fn answers(ports: DevLakePorts) -> Result<()> {
        let greeting = wait_for(10, || banner(ports.mysql)).context("service `mysql`")?;
        anyhow::ensure!(greeting.contains("5.7"), "service `mysql` greets with `{greeting}`");
        wait_for(10, || http_get(ports.grafana, "/")).context("service `grafana`")?;
        let ready = wait_for(10, || http_get(ports.devlake, "/ready")).context("service `devlake`")?;
        anyhow::ensure!(ready.contains("\"ready\":true"), "service `devlake` is not ready: `{ready}`");
        wait_for(10, || http_get(ports.config_ui, "/")).context("service `config-ui`")?;
        Ok(())
    }
}
