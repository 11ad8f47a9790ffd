//! Control groups: one below the server's own for each agent, in whichever hierarchies can be written.
//!
//! A group holds all that an agent starts, whatever it does to its environment or its parents, so it is
//! also the surest way to end it. It is named after the installation, so that the next run finds it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runner_core::agent_protection::LimitedBy;
use runner_core::ids::ProcessId;

use crate::claude::settings::AgentLimits;

const PREFIX: &str = "claude-runner.";
/// The group into which a server moves itself where only empty groups may have limited ones below them.
const SERVER: &str = "claude-runner-server";

/// A group can be removed once the kernel has collected the last process in it.
const MAX_TRIES: usize = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Controller {
    Processes,
    Memory,
    Cpu,
}

const CONTROLLERS: [Controller; 3] = [Controller::Processes, Controller::Memory, Controller::Cpu];

/// A file of a group and what is written to it.
type Value = (&'static str, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// The server's own group for one controller.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hierarchy {
    controller: Controller,
    version: Version,
    folder: PathBuf,
}

/// The hierarchies in which groups can be made.
#[derive(Clone, Debug)]
pub(super) struct Cgroups {
    hierarchies: Vec<Hierarchy>,
    prefix: String,
}

/// The group of one agent. Dropping it ends its processes and removes it.
#[derive(Debug)]
pub(crate) struct AgentGroup {
    folders: Vec<PathBuf>,
}

/// Finds the processes in the group of an agent.
#[derive(Clone, Debug)]
pub(crate) struct GroupMembers {
    folder: PathBuf,
}

impl GroupMembers {
    pub(crate) fn pids(&self) -> Vec<i32> {
        members(&self.folder).into_iter().map(Pid::as_raw).collect()
    }
}

impl Controller {
    const fn name(self) -> &'static str {
        match self {
            Self::Processes => "pids",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
        }
    }

    /// The file that must be written, and one that not every system has.
    fn values(self, version: Version, limits: AgentLimits) -> (Value, Option<Value>) {
        let memory = limits.memory_bytes();
        match (self, version) {
            (Self::Processes, _) => (("pids.max", limits.processes), None),
            (Self::Memory, Version::V1) => {
                (("memory.limit_in_bytes", memory), Some(("memory.memsw.limit_in_bytes", memory)))
            }
            (Self::Memory, Version::V2) => (("memory.max", memory), Some(("memory.swap.max", 0))),
            // When all want to compute, the server comes first.
            (Self::Cpu, Version::V1) => (("cpu.shares", 256), None),
            (Self::Cpu, Version::V2) => (("cpu.weight", 25), None),
        }
    }
}

impl Version {
    pub(super) const fn limited_by(self) -> LimitedBy {
        match self {
            Self::V1 => LimitedBy::CgroupV1,
            Self::V2 => LimitedBy::CgroupV2,
        }
    }
}

impl Cgroups {
    /// Finds hierarchies in which this process may make groups below its own, by making one.
    pub(super) fn find(instance: &str) -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mut cgroups =
            Self { hierarchies: hierarchies(&own, &mounts), prefix: format!("{PREFIX}{instance}.") };
        let probe = format!("{}probe", cgroups.prefix);
        cgroups.hierarchies.retain(|hierarchy| {
            let folder = hierarchy.folder.join(&probe);
            let limits = AgentLimits {
                processes: 1000,
                memory_mib: 1000,
                file_mib: 1,
                own_disk_mib: 1,
                free_disk_mib: 1,
            };
            let made = make(&folder).and_then(|()| limit(&folder, hierarchy, limits));
            fs::remove_dir(&folder).ok();
            made.is_ok()
        });
        cgroups
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { hierarchies: vec![], prefix: String::new() }
    }

    pub(super) fn version_for(&self, controller: Controller) -> Option<Version> {
        self.hierarchies
            .iter()
            .find(|hierarchy| hierarchy.controller == controller)
            .map(|found| found.version)
    }

    pub(super) fn create(&self, process: ProcessId, limits: AgentLimits) -> io::Result<Option<AgentGroup>> {
        let mut group = AgentGroup { folders: vec![] };
        for hierarchy in &self.hierarchies {
            let folder = hierarchy.folder.join(format!("{}{process}", self.prefix));
            make(&folder)?;
            if !group.folders.contains(&folder) {
                group.folders.push(folder.clone());
            }
            limit(&folder, hierarchy, limits)?;
        }
        Ok((!group.folders.is_empty()).then_some(group))
    }

    /// Ends and removes all groups of the installation; says how many processes were in them.
    pub(super) fn sweep(&self) -> usize {
        let mut ended = 0;
        for hierarchy in &self.hierarchies {
            let entries = fs::read_dir(&hierarchy.folder).into_iter().flatten().flatten();
            let left = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&self.prefix));
            ended += left.map(|entry| AgentGroup { folders: vec![entry.path()] }.kill_once()).sum::<usize>();
        }
        ended
    }
}

impl AgentGroup {
    pub(crate) fn members(&self) -> Option<GroupMembers> {
        self.folders.first().map(|folder| GroupMembers { folder: folder.clone() })
    }

    /// What the group has in memory, where it is counted.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        self.read("memory.current").or_else(|| self.read("memory.usage_in_bytes"))?.trim().parse().ok()
    }

    /// The processor time of the group since it was made, where it is counted.
    pub(crate) fn cpu_ms(&self) -> Option<u64> {
        if let Some(nanos) = self.read("cpuacct.usage") {
            return Some(nanos.trim().parse::<u64>().ok()? / 1_000_000);
        }
        let stat = self.read("cpu.stat")?;
        let micros = stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
        Some(micros.trim().parse::<u64>().ok()? / 1000)
    }

    fn read(&self, name: &str) -> Option<String> {
        self.folders.iter().find_map(|folder| fs::read_to_string(folder.join(name)).ok())
    }

    /// The files into which a process writes `0` to become a member.
    pub(crate) fn entrances(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.join("cgroup.procs")).collect()
    }

    /// Ends processes until none is left.
    pub(crate) async fn kill_all(&self) {
        for _ in 0..MAX_TRIES {
            if self.kill_once() == 0 {
                return;
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        tracing::error!(groups = ?self.folders, "processes of an agent do not go away");
    }

    /// Ends the processes of one round, without waiting; says how many there were.
    pub(crate) fn kill_once(&self) -> usize {
        let Some(folder) = self.folders.first() else { return 0 };
        let members = members(folder);
        // Only version 2 has it.
        if members.is_empty() || fs::write(folder.join("cgroup.kill"), "1").is_ok() {
            return members.len();
        }
        for pid in &members {
            // The process may have ended since it was found.
            kill(*pid, Signal::SIGKILL).ok();
        }
        members.len()
    }
}

impl Drop for AgentGroup {
    fn drop(&mut self) {
        self.kill_once();
        let folders = std::mem::take(&mut self.folders);
        if !remove(&folders)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                for _ in 0..MAX_TRIES {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                    if remove(&folders) {
                        return;
                    }
                }
            });
        }
    }
}

/// Whether a process is in a group of an agent of an installation.
pub(crate) fn is_in_group_of(instance: &str, pid: i32) -> bool {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    groups.contains(&format!("/{PREFIX}{instance}."))
}

/// Removes groups; says whether all of them are gone.
fn remove(folders: &[PathBuf]) -> bool {
    let gone = |folder: &PathBuf| match fs::remove_dir(folder) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    folders.iter().filter(|folder| !gone(folder)).count() == 0
}

fn members(folder: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).map(Pid::from_raw).collect()
}

fn make(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Memory with swap can only be limited once memory is.
fn limit(folder: &Path, hierarchy: &Hierarchy, limits: AgentLimits) -> io::Result<()> {
    let (needed, wanted) = hierarchy.controller.values(hierarchy.version, limits);
    let write = |(file, value): Value| fs::write(folder.join(file), value.to_string());
    write(needed)?;
    if let Some(wanted) = wanted {
        // Not every system counts swap.
        write(wanted).ok();
    }
    Ok(())
}

/// The groups of this process: of each controller in version 1, or of all that version 2 has.
fn hierarchies(own: &str, mounts: &str) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = vec![];
    for controller in CONTROLLERS {
        let v1 = own_folder(own, mounts, Some(controller.name()));
        found.extend(v1.map(|folder| Hierarchy { controller, version: Version::V1, folder }));
    }
    let Some(unified) = own_folder(own, mounts, None) else { return found };
    let offered = fs::read_to_string(unified.join("cgroup.controllers")).unwrap_or_default();
    let missing = CONTROLLERS.into_iter().filter(|controller| {
        let is_offered = offered.split_whitespace().any(|name| name == controller.name());
        is_offered && !found.iter().any(|hierarchy| hierarchy.controller == *controller)
    });
    let missing: Vec<Controller> = missing.collect();
    let Some(folder) = delegated(&unified, &missing) else { return found };
    let v2 = missing.into_iter();
    found.extend(v2.map(|controller| Hierarchy { controller, version: Version::V2, folder: folder.clone() }));
    found
}

/// The folder of this process's group in the hierarchy of a controller, or in the unified one.
fn own_folder(own: &str, mounts: &str, controller: Option<&str>) -> Option<PathBuf> {
    let has = |list: &str, name: &str| list.split(',').any(|part| part == name);
    let path = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = controller.map_or(controllers.is_empty(), |name| has(controllers, name));
        is_it.then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (file_system, options) = (kind.next()?, kind.nth(1)?);
        let is_it =
            controller.map_or(file_system == "cgroup2", |name| file_system == "cgroup" && has(options, name));
        let mut place = place.split(' ').skip(3);
        let (root, at) = (place.next()?, place.next()?);
        // In a container the mount may begin at the container's own group.
        let below = Path::new(path).strip_prefix(root).ok()?;
        is_it.then(|| Path::new(at).join(below))
    })
}

/// Has the unified hierarchy limit groups below a folder. A group with processes in it may not do that, so
/// a server that is alone in its own moves one further down.
fn delegated(own: &Path, controllers: &[Controller]) -> Option<PathBuf> {
    if controllers.is_empty() {
        return None;
    }
    let base = if own.ends_with(SERVER) { own.parent()? } else { own };
    let enable = || {
        controllers.iter().try_for_each(|controller| {
            fs::write(base.join("cgroup.subtree_control"), format!("+{}", controller.name()))
        })
    };
    if enable().is_ok() {
        return Some(base.to_owned());
    }
    if members(base) != [Pid::this()] {
        return None;
    }
    let server = base.join(SERVER);
    make(&server).and_then(|()| fs::write(server.join("cgroup.procs"), "0")).ok()?;
    if enable().is_ok() {
        return Some(base.to_owned());
    }
    // Moves the server back to its own group.
    fs::write(base.join("cgroup.procs"), "0").ok();
    fs::remove_dir(&server).ok();
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::own_folder;

    const OWN: &str = "8:pids:/\n4:cpu,memory:/user/1\n0::/a/b\n";
    const MOUNTS: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
        35 31 0:32 /user /sys/fs/cgroup/memory rw,relatime shared:4 - cgroup cgroup rw,cpu,memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn own_group_is_found_in_every_kind_of_hierarchy() {
        let folder = |controller| own_folder(OWN, MOUNTS, controller);

        assert_eq!(folder(Some("pids")).as_deref(), Some(Path::new("/sys/fs/cgroup/pids")));
        assert_eq!(folder(Some("memory")).as_deref(), Some(Path::new("/sys/fs/cgroup/memory/1")));
        assert_eq!(folder(Some("freezer")), None);
        assert_eq!(folder(None).as_deref(), Some(Path::new("/sys/fs/cgroup/unified/a/b")));
    }
}
