//! The configuration: environment and `.env` file, read once, every mistake named at once.

mod access;
mod checks;
mod dotenv;
mod limits;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runner_core::money::MicroDollars;
use thiserror::Error;

use crate::secrets;
pub use access::{AccessSettings, BypassPolicy};
pub use limits::LimitSettings;

/// Variables of the server's environment that an agent may see. Everything else stays here.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TERM",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "IS_SANDBOX",
];

/// A value that must not be shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// When the offline model plays the agent's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offline {
    /// When there is neither a key nor a login.
    Auto,
    Always,
    Never,
}

/// Whether agents are put into a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// Where the machine has one.
    Auto,
    Required,
    Off,
}

/// Everything that can be set. Paths are absolute.
#[derive(Clone, Debug)]
pub struct Config {
    pub host: IpAddr,
    pub port: u16,
    pub allowed_hosts: Vec<String>,
    pub access: AccessSettings,
    pub working_dir: PathBuf,
    pub allowed_roots: Vec<PathBuf>,
    pub data_dir: PathBuf,
    pub database: PathBuf,
    pub claude_bin: Option<PathBuf>,
    pub search_path: Option<OsString>,
    pub home: Option<PathBuf>,
    pub api_key: Option<Secret>,
    pub oauth_token: Option<Secret>,
    pub base_url: Option<String>,
    pub offline: Offline,
    pub offline_script: Option<PathBuf>,
    pub max_api_retries: u32,
    /// For all turns of a session together.
    pub session_budget: Option<MicroDollars>,
    /// For each user, in a calendar month of UTC.
    pub monthly_budget: Option<MicroDollars>,
    pub agent_idle: Duration,
    /// Agents that are started before their sessions are opened.
    pub spare_agents: usize,
    pub max_sessions: usize,
    pub limits: LimitSettings,
    pub shutdown_grace: Duration,
    pub node: String,
    pub inherited_env: Vec<(String, String)>,
    /// Names of the proxies through which the server goes out.
    pub proxies: Vec<String>,
    pub sandbox: Sandbox,
    pub sandbox_read_only: Vec<PathBuf>,
    pub agent_max_processes: u64,
    pub agent_max_memory_mib: u64,
    pub agent_max_file_mib: u64,
    pub agent_max_disk_mib: u64,
    pub min_free_disk_mib: u64,
}

/// All mistakes in the configuration.
#[derive(Debug, Error)]
#[error("the configuration is wrong:{}", .0.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Reads the environment, and `.env` in the current folder for what the environment does not set. To be
    /// called once, before anything is started: if there are secrets in the environment, the program starts
    /// itself anew without them.
    pub fn from_env() -> Result<Self, ConfigError> {
        let mut variables = BTreeMap::new();
        let mut problems = Vec::new();
        let secrets = secrets::leave_environment().unwrap_or_else(|error| {
            tracing::warn!(%error, "secrets stay in the environment, where agents may read them");
            BTreeMap::new()
        });
        dotenv::read(Path::new(".env"), &mut variables, &mut problems);
        for (name, value) in std::env::vars_os() {
            // Variables that are not text are not ours.
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                variables.insert(name, value);
            }
        }
        variables.extend(secrets);
        Self::read(variables, problems)
    }

    /// Reads given variables; for tests and for [`Config::from_env`].
    pub fn read(variables: BTreeMap<String, String>, problems: Vec<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader { variables, problems };
        let host = reader.host();
        let access = AccessSettings::read(&mut reader, host);
        let working_dir = reader.folder("WORKING_DIR", Path::new("."));
        let roots = reader.list("ALLOWED_ROOTS");
        let allowed_roots = match roots.is_empty() {
            true => vec![working_dir.clone()],
            false => {
                roots.iter().map(|root| reader.existing_folder("ALLOWED_ROOTS", Path::new(root))).collect()
            }
        };
        let data_dir = absolute(&reader.text("DATA_DIR").map_or_else(|| "data".into(), PathBuf::from));
        let database = reader.database(&data_dir);
        let offline = reader.offline();
        let max_sessions = usize::try_from(reader.positive("MAX_SESSIONS", 32)).unwrap_or(usize::MAX);
        let config = Self {
            host,
            port: reader.parse("PORT", 8000, "a port number"),
            allowed_hosts: reader.hosts("ALLOWED_HOSTS"),
            access,
            working_dir,
            allowed_roots,
            data_dir,
            database,
            claude_bin: reader.text("CLAUDE_BIN").map(|path| absolute(Path::new(&path))),
            search_path: reader.text("PATH").map(OsString::from),
            home: reader.text("HOME").map(PathBuf::from),
            api_key: reader.text("ANTHROPIC_API_KEY").map(Secret),
            oauth_token: reader.text("CLAUDE_CODE_OAUTH_TOKEN").map(Secret),
            base_url: reader.base_url(),
            offline,
            offline_script: reader.existing_file("OFFLINE_SCRIPT"),
            session_budget: reader.dollars("SESSION_BUDGET_USD"),
            monthly_budget: reader.dollars("MONTHLY_BUDGET_USD"),
            max_api_retries: reader.parse("MAX_API_RETRIES", 5, "a number"),
            agent_idle: Duration::from_secs(reader.positive("AGENT_IDLE_SECONDS", 600)),
            spare_agents: reader.parse("SPARE_AGENTS", 1, "a number"),
            max_sessions,
            limits: reader.limits(max_sessions),
            shutdown_grace: Duration::from_secs(reader.parse(
                "SHUTDOWN_GRACE_SECONDS",
                10,
                "a number of seconds",
            )),
            node: reader.text("HOSTNAME").unwrap_or_else(node_name),
            inherited_env: reader.inherited(),
            proxies: reader.proxies(),
            sandbox: reader.sandbox(),
            sandbox_read_only: reader.existing_paths("SANDBOX_READ_ONLY"),
            agent_max_processes: reader.positive("AGENT_MAX_PROCESSES", 1024),
            agent_max_memory_mib: reader.positive("AGENT_MAX_MEMORY_MB", 4096),
            agent_max_file_mib: reader.positive("AGENT_MAX_FILE_MB", 4096),
            agent_max_disk_mib: reader.positive("AGENT_MAX_DISK_MB", 10_240),
            min_free_disk_mib: reader.parse("MIN_FREE_DISK_MB", 128, "a number"),
        };
        reader.log_filter();
        reader.misspelt();
        reader.contradictions(&config);
        if reader.problems.is_empty() { Ok(config) } else { Err(ConfigError(reader.problems)) }
    }
}

struct Reader {
    variables: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Reader {
    fn text(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    fn parse<T: std::str::FromStr>(&mut self, name: &str, default: T, what: &str) -> T {
        let Some(text) = self.text(name) else { return default };
        text.parse().unwrap_or_else(|_| {
            self.problems.push(format!("{name}: `{text}` is not {what}"));
            default
        })
    }

    fn dollars(&mut self, name: &str) -> Option<MicroDollars> {
        let text = self.text(name)?;
        let amount = text.parse().ok().filter(|usd| (1e-6..=1e9).contains(usd)).map(MicroDollars::from_usd);
        if amount.is_none() {
            self.problems.push(format!("{name}: `{text}` is not a number of dollars above 0"));
        }
        amount
    }

    fn positive(&mut self, name: &str, default: u64) -> u64 {
        match self.parse(name, default, "a positive number") {
            0 => {
                self.problems.push(format!("{name}: must be at least 1"));
                default
            }
            number => number,
        }
    }

    fn folder(&mut self, name: &str, default: &Path) -> PathBuf {
        let path = self.text(name).map_or_else(|| default.to_owned(), PathBuf::from);
        self.existing_folder(name, &path)
    }

    fn existing_folder(&mut self, name: &str, path: &Path) -> PathBuf {
        match path.canonicalize() {
            Ok(resolved) if resolved.is_dir() => resolved,
            Ok(_) => {
                self.problems.push(format!("{name}: `{}` is not a folder", path.display()));
                path.to_owned()
            }
            Err(error) => {
                self.problems.push(format!("{name}: `{}`: {error}", path.display()));
                path.to_owned()
            }
        }
    }

    fn existing_file(&mut self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(name)?);
        match path.metadata() {
            Ok(found) if found.is_dir() => {
                self.problems.push(format!("{name}: `{}` is a folder", path.display()));
            }
            Ok(_) => {}
            Err(error) => self.problems.push(format!("{name}: `{}`: {error}", path.display())),
        }
        Some(path)
    }

    fn database(&mut self, data_dir: &Path) -> PathBuf {
        let Some(url) = self.text("DATABASE_URL") else { return data_dir.join("runner.db") };
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => absolute(Path::new(path)),
            Some(_) | None => {
                self.problems.push("DATABASE_URL: only sqlite://<path> is supported".to_owned());
                data_dir.join("runner.db")
            }
        }
    }

    fn base_url(&mut self) -> Option<String> {
        let url = self.text("ANTHROPIC_BASE_URL")?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            // There may be a password in it.
            self.problems.push("ANTHROPIC_BASE_URL: is not an http or https address".to_owned());
        }
        Some(url)
    }

    fn offline(&mut self) -> Offline {
        match self.text("OFFLINE").as_deref() {
            None | Some("auto") => Offline::Auto,
            Some("true" | "1" | "always") => Offline::Always,
            Some("false" | "0" | "never") => Offline::Never,
            Some(other) => {
                self.problems.push(format!("OFFLINE: `{other}` is none of auto, true, false"));
                Offline::Auto
            }
        }
    }

    fn sandbox(&mut self) -> Sandbox {
        match self.text("SANDBOX").as_deref() {
            None | Some("auto") => Sandbox::Auto,
            Some("required") => Sandbox::Required,
            Some("off") => Sandbox::Off,
            Some(other) => {
                self.problems.push(format!("SANDBOX: `{other}` is none of auto, required, off"));
                Sandbox::Auto
            }
        }
    }

    fn existing_paths(&mut self, name: &str) -> Vec<PathBuf> {
        let paths = self.list(name).into_iter().map(PathBuf::from);
        let (good, bad): (Vec<_>, Vec<_>) =
            paths.partition(|path| path.is_absolute() && path.parent().is_some() && path.exists());
        let problems =
            bad.iter().map(|path| format!("{name}: `{}` is no absolute path of something", path.display()));
        self.problems.extend(problems);
        good
    }

    /// Their names only: there may be a password beside them.
    fn proxies(&self) -> Vec<String> {
        let urls = PROXIES.iter().filter_map(|name| self.text(name));
        let urls = urls.map(|text| if text.contains("://") { text } else { format!("http://{text}") });
        urls.filter_map(|url| Some(url::Url::parse(&url).ok()?.host_str()?.to_owned())).collect()
    }

    fn inherited(&self) -> Vec<(String, String)> {
        let inherited = INHERITED.iter().filter_map(|name| {
            let value = self.variables.get(*name)?;
            Some(((*name).to_owned(), value.clone()))
        });
        inherited.collect()
    }
}

/// The variables by which programs are told their proxy.
const PROXIES: &[&str] =
    &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn node_name() -> String {
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    match name.trim() {
        "" => "localhost".to_owned(),
        name => name.to_owned(),
    }
}
