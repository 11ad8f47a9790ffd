//! What an agent may not do to the machine, and what sees to that.

/// What keeps agents from harming the machine and each other, as it really is here.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct AgentProtection {
    pub sandbox: Sandboxing,
    /// Why agents are not in a sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_problem: Option<String>,
    pub limits: Vec<AgentLimit>,
}

/// What agents are put into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sandboxing {
    Bubblewrap,
    /// They see and may do what the server may.
    #[default]
    None,
}

/// The most that one agent may take of something, with all it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct AgentLimit {
    /// `processes`, `memory_mib`, or `file_mib` for the size of each file.
    pub name: &'static str,
    pub limit: u64,
    pub limited_by: LimitedBy,
}

/// What enforces a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    CgroupV1,
    CgroupV2,
    Rlimit,
    /// This machine has nothing that does.
    Nothing,
}
