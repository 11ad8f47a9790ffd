//! What is wrong with the settings together: names that nobody asks for, and settings of which one makes the
//! other senseless.

use std::str::FromStr as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::{Config, Offline, Reader, Sandbox};

/// The settings, as `docs/settings.md` has them.
const SETTINGS: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "OFFLINE",
    "OFFLINE_SCRIPT",
    "WORKING_DIR",
    "ALLOWED_ROOTS",
    "DATA_DIR",
    "DATABASE_URL",
    "HOST",
    "PORT",
    "ALLOWED_HOSTS",
    "AUTH",
    "REGISTRATION",
    "SECRET_KEY",
    "NEW_SECRET_KEY",
    "PUBLIC_URL",
    "TRUSTED_PROXIES",
    "CLAUDE_BIN",
    "SESSION_BUDGET_USD",
    "MONTHLY_BUDGET_USD",
    "MAX_API_RETRIES",
    "MAX_SESSIONS",
    "MAX_TURNS",
    "MAX_STREAMS",
    "MAX_STREAMS_PER_USER",
    "RATE_LIMIT_REQUESTS_PER_MINUTE",
    "RATE_LIMIT_TURNS_PER_MINUTE",
    "AGENT_IDLE_SECONDS",
    "SPARE_AGENTS",
    "SANDBOX",
    "SANDBOX_READ_ONLY",
    "AGENT_MAX_PROCESSES",
    "AGENT_MAX_MEMORY_MB",
    "AGENT_MAX_FILE_MB",
    "AGENT_MAX_DISK_MB",
    "MIN_FREE_DISK_MB",
    "BYPASS_PERMISSIONS",
    "SHUTDOWN_GRACE_SECONDS",
    "RUST_LOG",
];

/// Variables of other programs that look like one of the settings.
const FOREIGN: &[&str] = &["DATABASE_URI", "ANTHROPIC_AUTH_TOKEN"];

impl Reader {
    /// Names what somebody meant to set. A variable beside the setting that it looks like is another
    /// program's.
    pub(super) fn misspelt(&mut self) {
        let is_known = |name: &str| SETTINGS.contains(&name) || FOREIGN.contains(&name);
        let unknown = self.variables.keys().filter(|name| !is_known(name));
        let named = unknown.filter_map(|name| Some((name, meant_by(name)?)));
        let problems = named
            .filter(|(_, meant)| !self.variables.contains_key(*meant))
            .map(|(name, meant)| format!("{name}: is no setting; did you mean {meant}?"));
        let problems: Vec<String> = problems.collect();
        self.problems.extend(problems);
    }

    /// Checks what [`crate::telemetry_init`] reads.
    pub(super) fn log_filter(&mut self) {
        let Some(text) = self.text("RUST_LOG") else { return };
        let is_word = |part: &&str| part.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
        let senseless = |part: &&str| is_word(part) && LevelFilter::from_str(part).is_err();
        let wrong = text.split(',').map(str::trim).find(senseless);
        match (wrong, EnvFilter::builder().parse(&text)) {
            (None, Ok(_)) => {}
            (wrong, _) => {
                let wrong = wrong.unwrap_or(&text);
                let problem = format!(
                    "RUST_LOG: `{wrong}` is neither a level (error, warn, info, debug, trace, off) nor <target>=<level>"
                );
                self.problems.push(problem);
            }
        }
    }

    /// Names settings of which one makes the other senseless.
    pub(super) fn contradictions(&mut self, config: &Config) {
        let is_set = |name: &str| self.text(name).is_some();
        let is_allowed = config.allowed_roots.iter().any(|root| config.working_dir.starts_with(root));
        let limits = &config.limits;
        let pairs = [
            (
                config.api_key.is_some() && config.oauth_token.is_some(),
                "ANTHROPIC_API_KEY and CLAUDE_CODE_OAUTH_TOKEN: set one of them; agents work with one",
            ),
            (
                config.offline == Offline::Never && is_set("OFFLINE_SCRIPT"),
                "OFFLINE_SCRIPT and OFFLINE: with `false` nobody plays the script",
            ),
            (
                config.sandbox == Sandbox::Off && is_set("SANDBOX_READ_ONLY"),
                "SANDBOX_READ_ONLY and SANDBOX: with `off` agents read what the server's user may",
            ),
            (
                !is_allowed,
                "WORKING_DIR and ALLOWED_ROOTS: agents may not work in WORKING_DIR, for it is below none of the roots",
            ),
            (
                config.working_dir.starts_with(&config.data_dir),
                "WORKING_DIR and DATA_DIR: agents may not work in the data folder",
            ),
            (
                limits.max_streams > 0
                    && limits.max_streams_per_user > limits.max_streams
                    && is_set("MAX_STREAMS_PER_USER"),
                "MAX_STREAMS_PER_USER and MAX_STREAMS: one user may not have more streams than all together",
            ),
        ];
        let problems = pairs.into_iter().filter(|(is_there, _)| *is_there);
        let problems: Vec<String> = problems.map(|(_, problem)| problem.to_owned()).collect();
        self.problems.extend(problems);
    }
}

/// The setting that a name is a slip of the finger away from. Short names look like too many others.
fn meant_by(name: &str) -> Option<&'static str> {
    let distances = SETTINGS.iter().map(|setting| (strsim::osa_distance(name, setting), *setting));
    let (distance, setting) = distances.min()?;
    let most = match setting.len() {
        ..7 => 0,
        7..12 => 1,
        12.. => 2,
    };
    (distance <= most).then_some(setting)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::SETTINGS;
    use crate::config::tests::read;

    #[test]
    fn settings_are_those_of_the_documentation() {
        let page = include_str!("../../../docs/settings.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
        let names = rows.flat_map(|cell| cell.split('`').filter(|part| part.contains(char::is_alphabetic)));

        let documented: BTreeSet<&str> = names.collect();

        let expected = SETTINGS.iter().copied().filter(|name| *name != "NEW_SECRET_KEY");
        assert_eq!(documented, expected.collect());
    }

    #[test]
    fn slip_of_the_finger_is_named_with_what_was_meant() {
        for (name, meant) in [
            ("WORKIN_DIR", "WORKING_DIR"),
            ("MAX_SESION", "MAX_SESSIONS"),
            ("ALLOWED_HOST", "ALLOWED_HOSTS"),
            ("RSUT_LOG", "RUST_LOG"),
        ] {
            let problems = read(&[(name, "x")]).unwrap_err();

            assert_eq!(problems, [format!("{name}: is no setting; did you mean {meant}?")]);
        }
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        for name in [
            "HOME",
            "HOSTNAME",
            "SORT",
            "PATH",
            "LANG",
            "DATABASE_URI",
            "FTP_PROXY",
            "CLAUDE_DIR",
            "GIT_DIR",
            "SECRET_KEY_BASE",
            "XDG_DATA_DIRS",
            "RUST_BACKTRACE",
            "ANTHROPIC_MODEL",
            "CLAUDE_CONFIG_DIR",
        ] {
            assert!(read(&[(name, "x")]).is_ok(), "{name}");
        }
        assert!(read(&[("WORKIN_DIR", "x"), ("WORKING_DIR", "/")]).is_ok(), "the setting is there");
    }

    #[test]
    fn filter_of_the_log_is_checked() {
        for wrong in ["loud", "info,verbose", "runner_web=loud", "a=b=c"] {
            let problems = read(&[("RUST_LOG", wrong)]).unwrap_err();

            assert!(problems.len() == 1 && problems[0].starts_with("RUST_LOG: `"), "{wrong}: {problems:?}");
        }
        for right in
            ["warn", "DEBUG", "info,runner_web=trace", "off,runner_actors", "runner_web::http[request]=debug"]
        {
            assert!(read(&[("RUST_LOG", right)]).is_ok(), "{right}");
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_named() {
        let here = std::env::temp_dir().canonicalize().unwrap();
        let here = here.to_str().unwrap();
        for (variables, named) in [
            (
                &[("ANTHROPIC_API_KEY", "sk-ant-x"), ("CLAUDE_CODE_OAUTH_TOKEN", "t")][..],
                "ANTHROPIC_API_KEY and CLAUDE_CODE_OAUTH_TOKEN:",
            ),
            (&[("OFFLINE", "false"), ("OFFLINE_SCRIPT", "/etc/hosts")], "OFFLINE_SCRIPT and OFFLINE:"),
            (&[("SANDBOX", "off"), ("SANDBOX_READ_ONLY", "/etc")], "SANDBOX_READ_ONLY and SANDBOX:"),
            (&[("WORKING_DIR", here), ("ALLOWED_ROOTS", "/etc")], "WORKING_DIR and ALLOWED_ROOTS:"),
            (&[("WORKING_DIR", here), ("DATA_DIR", here)], "WORKING_DIR and DATA_DIR:"),
            (&[("MAX_STREAMS", "5"), ("MAX_STREAMS_PER_USER", "6")], "MAX_STREAMS_PER_USER and MAX_STREAMS:"),
        ] {
            let problems = read(variables).unwrap_err();

            assert!(problems.len() == 1 && problems[0].starts_with(named), "{named}: {problems:?}");
        }
        assert!(read(&[("MAX_STREAMS", "5")]).is_ok(), "the default for one user is no setting");
    }
}
