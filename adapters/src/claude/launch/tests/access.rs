//! An agent's access to a model, and the variables that say so.

use std::collections::BTreeMap;
use std::sync::Arc;

use runner_core::agent::AgentOptions;
use runner_core::ports::model::ModelKey;
use tokio::sync::mpsc;

use super::launch::{command, program};
use crate::claude::tests::{ScratchFolder, launch_with, settings};
use crate::claude::{ClaudeSettings, Credentials, ModelKind};
use crate::gateway::tests::unlimited;
use crate::gateway::{Anybody, Gateway, OperatorKey};

const KEY: &str = "sk-ant-the-real-one";

#[tokio::test]
async fn each_process_gets_a_token_of_its_own_and_never_the_key() {
    let gateway = gateway().await;
    for (upstream, kind) in [(ModelKind::Api, "api_key"), (ModelKind::Offline, "offline")] {
        let credentials = Credentials::Gateway { gateway: gateway.clone(), upstream };

        let (one, other) = (variables(&credentials), variables(&credentials));

        assert_eq!(one["ANTHROPIC_BASE_URL"], gateway.base_url());
        assert_ne!(one["ANTHROPIC_API_KEY"], other["ANTHROPIC_API_KEY"]);
        let token = one["ANTHROPIC_API_KEY"].strip_prefix("sk-ant-session-").unwrap();
        assert!(token.len() == 64 && token.bytes().all(|digit| digit.is_ascii_hexdigit()), "{token}");
        assert!(!format!("{one:?}").contains(KEY));
        assert_eq!(format!("{credentials:?}"), kind);
    }
}

#[test]
fn login_goes_past_the_gateway_and_hides_its_secret() {
    let login = Credentials::Login { credentials_file: "/home/ada/.claude/.credentials.json".into() };
    let token = Credentials::OauthToken { token: "sk-ant-oat".into() };
    for (credentials, expected) in [(login, vec![]), (token, vec![("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat")])]
    {
        let expected = expected.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        assert_eq!(variables(&credentials), expected);
        assert_eq!(format!("{credentials:?}"), "login");
    }
}

#[tokio::test]
async fn calls_to_the_gateway_do_not_go_through_a_proxy() {
    let folder = ScratchFolder::new();
    let gateway = gateway().await;
    let proxied = |more: &[(&str, &str)]| {
        let settings = settings(&folder, behind(&gateway));
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ClaudeSettings { inherited_env: more.collect(), ..settings }
    };

    let without = no_proxy(&proxied(&[]));
    let with = no_proxy(&proxied(&[("https_proxy", "http://proxy:3128"), ("NO_PROXY", "intern")]));

    assert_eq!(without, [None, None]);
    assert_eq!(with, [Some("intern,127.0.0.1".to_owned()), Some("127.0.0.1".to_owned())]);
}

pub(super) async fn gateway() -> Gateway {
    let key = ModelKey::new(None, Some("http://127.0.0.1:9".into()), KEY);
    Gateway::start(unlimited(Arc::new(OperatorKey(key)))).await.unwrap()
}

fn behind(gateway: &Gateway) -> Credentials {
    Credentials::Gateway { gateway: gateway.clone(), upstream: ModelKind::Api }
}

fn variables(credentials: &Credentials) -> BTreeMap<&'static str, String> {
    let access = credentials
        .access(&launch_with(AgentOptions::default()), Arc::new(Anybody), &mpsc::channel(1).0)
        .unwrap();
    access.env.into_iter().collect()
}

fn no_proxy(settings: &ClaudeSettings) -> [Option<String>; 2] {
    let command = command(settings, &program("/bin/echo"), &launch_with(AgentOptions::default()));
    let variables: BTreeMap<_, _> = command.as_std().get_envs().collect();
    ["NO_PROXY", "no_proxy"].map(|name| {
        let value = variables.get(std::ffi::OsStr::new(name))?.as_ref()?;
        Some(value.to_str().unwrap().to_owned())
    })
}
