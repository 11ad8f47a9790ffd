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
    /// `processes`, `memory_mib`, `file_mib` for the size of each file, `own_disk_mib` for its home and its
    /// configuration folder, or `free_disk_mib`: with less than that free, no turn begins.
    pub name: &'static str,
    pub limit: u64,
    pub limited_by: LimitedBy,
    pub hold: Hold,
    /// What it is now, where that is the same for all agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<u64>,
}

/// Whether an agent that wants to get rid of a limit can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    Always,
    /// It can leave: outside of a sandbox it may write what the server may.
    UntilLeft,
    /// There is no limit.
    Nothing,
}

/// What enforces a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    CgroupV1,
    CgroupV2,
    Rlimit,
    /// The server looks now and then.
    Server,
    /// This machine has nothing that does.
    Nothing,
}
