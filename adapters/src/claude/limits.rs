//! The limits of one agent with everything it starts.
//!
//! Control groups count processes and memory. A limit on single processes cannot replace them: `claude`
//! itself reserves some 70 GB of addresses, and a limit on processes counts all those of a user. Where no
//! control group can be made, the size of files stays limited and, in a user namespace, the number of
//! processes.

mod cgroup;
pub(super) mod free_disk;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::Uid;
use runner_core::agent_protection::{AgentLimit, Hold, LimitedBy};
use runner_core::ids::ProcessId;

pub(super) use self::cgroup::{AgentGroup, GroupMembers, is_in_group_of};
use self::cgroup::{Cgroups, Controller};
use crate::claude::program::on_search_path;
use crate::claude::settings::{AgentLimits, ClaudeSettings};

/// The limit on open files: more than an agent needs, and fewer than make the machine run out of them.
const MAX_OPEN_FILES: u64 = 16_384;

/// Sets limits with the means that this machine has.
#[derive(Debug)]
pub(super) struct Limiter {
    limits: AgentLimits,
    cgroups: Cgroups,
    /// `prlimit` of util-linux, which starts another program with limits.
    prlimit: Option<PathBuf>,
    counts_processes: bool,
    in_sandbox: InSandbox,
}

impl Limiter {
    /// In the sandbox of a server that is not root, each agent's processes are counted apart.
    pub(super) fn new(settings: &ClaudeSettings, in_sandbox: InSandbox) -> Self {
        let cgroups = Cgroups::find(&settings.instance);
        let prlimit = on_search_path(settings, "prlimit");
        let counts_processes = in_sandbox == InSandbox::Yes
            && !Uid::effective().is_root()
            && prlimit.is_some()
            && cgroups.version_for(Controller::Processes).is_none();
        Self { limits: settings.limits, cgroups, prlimit, counts_processes, in_sandbox }
    }

    /// A limiter that sets no limits.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        let limits =
            AgentLimits { processes: 0, memory_mib: 0, file_mib: 0, own_disk_mib: 0, free_disk_mib: 0 };
        let cgroups = Cgroups::none();
        Self { limits, cgroups, prlimit: None, counts_processes: false, in_sandbox: InSandbox::No }
    }

    /// A group for one more agent; absent where none can be made.
    pub(super) fn group(&self, process: ProcessId) -> io::Result<Option<AgentGroup>> {
        self.cgroups.create(process, self.limits)
    }

    /// The beginning of a limited command line.
    pub(super) fn outer_command(&self) -> Vec<OsString> {
        let within = |resource: Resource, wanted: u64| match getrlimit(resource) {
            Ok((_, hard)) => wanted.min(hard),
            Err(_) => wanted,
        };
        let file = within(Resource::RLIMIT_FSIZE, self.limits.file_bytes());
        let open = within(Resource::RLIMIT_NOFILE, MAX_OPEN_FILES);
        self.prlimit(&[format!("--fsize={file}"), format!("--nofile={open}"), "--core=0".to_owned()])
    }

    /// The beginning of a limited command line inside of a sandbox.
    pub(super) fn inner_command(&self) -> Vec<OsString> {
        match self.counts_processes {
            true => self.prlimit(&[format!("--nproc={}", self.limits.processes)]),
            false => vec![],
        }
    }

    fn prlimit(&self, limits: &[String]) -> Vec<OsString> {
        let Some(prlimit) = &self.prlimit else { return vec![] };
        let limits = limits.iter().map(OsString::from);
        [prlimit.into()].into_iter().chain(limits).chain(["--".into()]).collect()
    }

    /// Ends and removes the groups of an earlier run.
    pub(super) fn sweep(&self) -> usize {
        self.cgroups.sweep()
    }

    /// The limits and what enforces them. `data_dir` is on the disk that must not get full.
    pub(super) fn report(&self, data_dir: &Path) -> Vec<AgentLimit> {
        let by_group = |controller| self.cgroups.version_for(controller).map(cgroup::Version::limited_by);
        let by_program = |is_set: bool| if is_set { LimitedBy::Rlimit } else { LimitedBy::Nothing };
        let processes = by_group(Controller::Processes).unwrap_or_else(|| by_program(self.counts_processes));
        let memory = by_group(Controller::Memory).unwrap_or(LimitedBy::Nothing);
        let limit = |name, limit, limited_by| {
            let (hold, now) = (self.hold_of(limited_by), None);
            AgentLimit { name, limit, limited_by, hold, now }
        };
        let free = limit("free_disk_mib", self.limits.free_disk_mib, LimitedBy::Server);
        vec![
            limit("processes", self.limits.processes, processes),
            limit("memory_mib", self.limits.memory_mib, memory),
            limit("file_mib", self.limits.file_mib, by_program(self.prlimit.is_some())),
            limit("own_disk_mib", self.limits.own_disk_mib, LimitedBy::Server),
            AgentLimit { now: free_disk::free_mib(data_dir), ..free },
        ]
    }

    /// How firmly a limit holds. Outside of a sandbox an agent may write where the server may, and so move
    /// itself into another group. Only root can raise an rlimit again.
    fn hold_of(&self, limited_by: LimitedBy) -> Hold {
        match (self.in_sandbox, limited_by) {
            (InSandbox::No, LimitedBy::CgroupV1 | LimitedBy::CgroupV2) => Hold::UntilLeft,
            (InSandbox::No, LimitedBy::Rlimit) if Uid::effective().is_root() => Hold::UntilLeft,
            (InSandbox::Yes | InSandbox::No, LimitedBy::Nothing) => Hold::Nothing,
            (
                InSandbox::Yes | InSandbox::No,
                LimitedBy::CgroupV1 | LimitedBy::CgroupV2 | LimitedBy::Rlimit | LimitedBy::Server,
            ) => Hold::Always,
        }
    }
}

/// Whether agents run in a sandbox, which is a user namespace of their own unless the server is root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InSandbox {
    Yes,
    No,
}
