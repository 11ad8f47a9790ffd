use std::collections::BTreeMap;

use super::Config;

pub(super) fn read(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::read(variables, vec![]).map_err(|error| error.0)
}

#[test]
fn nothing_set_means_the_documented_defaults() {
    let config = read(&[]).unwrap();

    assert_eq!(config.host.to_string(), "127.0.0.1");
    assert_eq!(config.port, 8000);
    assert_eq!(config.allowed_roots, std::slice::from_ref(&config.working_dir));
    assert!(config.database.ends_with("data/runner.db"));
}

#[test]
fn every_mistake_is_named_at_once() {
    let problems = read(&[
        ("PORT", "eighty"),
        ("WORKING_DIR", "/no/such/folder"),
        ("MAX_SESSIONS", "0"),
        ("OFFLINE", "perhaps"),
        ("DATABASE_URL", "mysql://x"),
        ("SESSION_BUDGET_USD", "-1"),
        ("MONTHLY_BUDGET_USD", "much"),
        ("OFFLINE_SCRIPT", "/no/such/script.json"),
    ])
    .unwrap_err();

    let named: Vec<_> = problems.iter().filter_map(|problem| problem.split(':').next()).collect();
    assert_eq!(
        named,
        [
            "WORKING_DIR",
            "DATABASE_URL",
            "OFFLINE",
            "MAX_SESSIONS",
            "PORT",
            "OFFLINE_SCRIPT",
            "SESSION_BUDGET_USD",
            "MONTHLY_BUDGET_USD",
        ]
    );
}

#[test]
fn more_turns_than_sessions_are_named() {
    let problems = read(&[("MAX_TURNS", "5"), ("MAX_SESSIONS", "4")]).unwrap_err();
    assert_eq!(problems, ["MAX_TURNS: 5 is more than MAX_SESSIONS, 4"]);

    assert_eq!(read(&[("MAX_TURNS", "4"), ("MAX_SESSIONS", "4")]).unwrap().limits.max_turns, 4);
}

#[test]
fn only_harmless_variables_reach_the_agent() {
    let config = read(&[("PATH", "/bin"), ("ANTHROPIC_API_KEY", "sk-ant-x"), ("AWS_SECRET", "y")]).unwrap();

    assert_eq!(config.inherited_env, [("PATH".to_owned(), "/bin".to_owned())]);
}

#[test]
fn value_of_a_secret_that_is_wrong_is_not_repeated() {
    let canary = "canary-canary-canary";
    for name in crate::secrets::SECRETS {
        let Err(problems) = read(&[(name, canary), ("PORT", "eighty")]) else { panic!("PORT is wrong") };

        assert!(!problems.join("\n").contains(canary), "{name}: {problems:?}");
    }
}

#[test]
fn proxies_are_known_by_name() {
    let config =
        read(&[("HTTPS_PROXY", "http://me:pw@Proxy.example:3128"), ("http_proxy", "other:80")]).unwrap();

    assert_eq!(config.proxies, ["proxy.example", "other"]);
}
