//! Whose account the agent works with.

use std::path::PathBuf;

/// How the agent reaches a model. `Debug` shows the kind only.
#[derive(Clone)]
pub enum Credentials {
    /// The operator's Anthropic key, and the API to use if it is not the public one.
    ApiKey { key: String, base_url: Option<String> },
    /// The operator's own Claude Code login: the file that holds it.
    Login { credentials_file: PathBuf },
    /// The same as a long-lived token.
    OauthToken { token: String },
    /// The offline model at this address. Its key is worth nothing anywhere else.
    Offline { base_url: String },
}

impl Credentials {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::ApiKey { .. } => "api_key",
            Self::Login { .. } | Self::OauthToken { .. } => "login",
            Self::Offline { .. } => "offline",
        }
    }

    pub(super) const fn is_offline(&self) -> bool {
        matches!(self, Self::Offline { .. })
    }

    /// The environment variables that hand them to the agent.
    pub(super) fn env(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::ApiKey { key, base_url } => {
                let base_url = base_url.iter().map(|url| ("ANTHROPIC_BASE_URL", url.clone()));
                base_url.chain([("ANTHROPIC_API_KEY", key.clone())]).collect()
            }
            Self::Login { .. } => vec![],
            Self::OauthToken { token } => vec![("CLAUDE_CODE_OAUTH_TOKEN", token.clone())],
            Self::Offline { base_url } => vec![
                ("ANTHROPIC_BASE_URL", base_url.clone()),
                ("ANTHROPIC_API_KEY", "sk-ant-offline".to_owned()),
            ],
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}
