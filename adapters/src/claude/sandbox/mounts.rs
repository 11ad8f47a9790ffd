//! The file system of an agent, as arguments of bubblewrap.
//!
//! A path that is not named here does not exist inside. Folders of outer names are mounted first, so that
//! deeper ones are on top: a workspace on the private home, the server's data folder, emptied, on a workspace
//! that holds it, and the session's own folder on that. Paths that are hidden or read-only inside of a folder
//! that an agent writes in keep their names there: `mounts/name_guard.rs`.

mod name_guard;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use self::name_guard::NameGuard;
use super::agent_paths::{AgentPaths, private_home};
use crate::claude::settings::ClaudeSettings;

/// The namespaces, and the end of all with the first process. That process is bubblewrap's own and collects
/// orphans.
const ALWAYS: &[&str] = &[
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
];

/// The rights that root keeps inside: to act as every user's owner of files, as installers need. Nothing that
/// mounts, loads, traces or opens devices.
const OF_ROOT: &[&str] =
    &["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"];

const SYSTEM: &[&str] = &["/usr", "/opt", "/nix/store", "/run/current-system"];
/// Links into `/usr` on most systems, folders on others.
const BESIDE_USR: &[&str] = &["/bin", "/sbin", "/lib", "/lib32", "/libx32", "/lib64"];

/// Files below `/etc` that programs look up, and the policy that the operator sets for every `claude`.
/// Password hashes, host keys and settings of services are not among them.
const ETC: &[&str] = &[
    "alternatives",
    "bash.bashrc",
    "bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "claude-code",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "gitconfig",
    "group",
    "host.conf",
    "hostname",
    "hosts",
    "inputrc",
    "java",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "login.defs",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki/ca-trust",
    "pki/tls/certs",
    "pki/tls/cert.pem",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "resolv.conf",
    "services",
    "shells",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

/// Parts of `/proc` through which root could change the machine outside.
const PROC_READ_ONLY: &[&str] = &["acpi", "bus", "fs", "irq", "scsi", "sys", "sysrq-trigger"];

/// Folders that are not shown because one program lies in them: they hold too much else.
const SHARED: &[&str] = &["/", "/home", "/tmp", "/var/tmp", "/var", "/mnt", "/srv"];

/// The variables of the environment that name files with certificates.
const CERTIFICATES: &[&str] = &["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"];

#[derive(Clone, Debug)]
enum Source {
    ReadOnly(PathBuf),
    Writable(PathBuf),
    Emptied,
    Hidden,
}

#[derive(Clone, Debug)]
struct Mount {
    at: PathBuf,
    source: Source,
}

/// The mounts of every agent of this server, and the way in which an agent's own folders are added.
#[derive(Clone, Debug)]
pub(super) struct Mounts {
    fixed: Vec<OsString>,
    shown: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
    data_dir: PathBuf,
    home: Option<PathBuf>,
}

impl Mounts {
    pub(super) fn of_system(settings: &ClaudeSettings) -> Self {
        let sandbox = &settings.sandbox;
        let home = sandbox.home.clone().filter(|home| home.is_absolute() && !is_system(home));
        let mut mounts = Self {
            fixed: fixed(settings.limits.memory_bytes()),
            shown: sandbox.read_only.clone(),
            hidden: sandbox.hidden.clone(),
            data_dir: sandbox.data_dir.clone(),
            home: home.filter(|home| home != Path::new("/")),
        };
        let search_path = settings.search_path.clone().unwrap_or_default();
        let certificates =
            settings.inherited_env.iter().filter(|(name, _)| CERTIFICATES.contains(&&name[..]));
        let mut found: Vec<PathBuf> = std::env::split_paths(&search_path).collect();
        found.extend(certificates.map(|(_, value)| PathBuf::from(value)));
        found.retain(|path| path.is_absolute() && path.exists() && !is_system(path));
        found.retain(|path| !mounts.is_shared(path));
        mounts.shown.extend(found);
        mounts.shown.sort();
        mounts.shown.dedup();
        mounts
    }

    /// All arguments but the command. Without an agent's folders they are the probe's. The program is looked
    /// at anew, for it may have been installed only now.
    pub(super) fn arguments(&self, program: Option<&Path>, agent: Option<AgentPaths<'_>>) -> Vec<OsString> {
        let mut arguments = self.fixed.clone();
        let mut mounts: Vec<Mount> = vec![];
        if let (Some(agent), Some(home)) = (agent, &self.home) {
            mounts.push(writable(home.clone(), private_home(agent.config_dir)));
        }
        let program = program.map(|program| self.folder_of(program)).filter(|path| !is_system(path));
        let shown: Vec<PathBuf> = self.shown.iter().chain(&program).cloned().collect();
        mounts.extend(shown.iter().map(|path| read_only(path)));
        if let Some(agent) = agent {
            mounts.extend(agent.git_folders.iter().map(|shown| match shown.is_writable {
                true => writable(shown.folder.named.clone(), shown.folder.real.clone()),
                false => read_only(&shown.folder.real),
            }));
            let folders = agent.folders.iter();
            mounts.extend(folders.map(|folder| writable(folder.named.clone(), folder.real.clone())));
            mounts.extend(
                self.name_guard(agent, &shown).pins().into_iter().map(|path| writable(path.clone(), path)),
            );
            let own = agent.login.into_iter().chain([agent.config_dir]);
            mounts.extend(own.map(|path| writable(path.to_owned(), path.to_owned())));
            mounts.extend(agent.extensions.map(read_only));
        }
        let folders: Vec<&Path> = agent
            .map(|agent| agent.folders.iter().map(|folder| folder.real.as_path()).collect())
            .unwrap_or_default();
        let is_seen = |path: &&PathBuf| {
            name_guard::is_named_in(path, &folders)
                || path.exists()
                    && (is_system(path) || mounts.iter().any(|mount| path.starts_with(&mount.at)))
        };
        let hidden: Vec<Mount> = self.hidden.iter().filter(is_seen).map(|path| hidden(path)).collect();
        mounts.extend(hidden);
        mounts.push(Mount { at: self.data_dir.clone(), source: Source::Emptied });
        mounts.sort_by_key(|mount| mount.at.components().count());
        arguments.extend(mounts.iter().flat_map(Mount::arguments));
        arguments.extend(["--remount-ro".into(), self.data_dir.clone().into()]);
        arguments.extend(["--remount-ro", "/"].map(OsString::from));
        arguments
    }

    fn name_guard<'a>(&'a self, agent: AgentPaths<'a>, shown: &'a [PathBuf]) -> NameGuard<'a> {
        let paths = self.hidden.iter().chain([&self.data_dir]).chain(shown).map(PathBuf::as_path);
        NameGuard {
            paths: paths.chain(agent.login).collect(),
            folders: agent.folders.iter().map(|folder| folder.real.as_path()).collect(),
        }
    }

    pub(super) fn home(&self, config_dir: &Path) -> PathBuf {
        self.home.clone().unwrap_or_else(|| private_home(config_dir))
    }

    /// The folder that a program needs: its own, or all packages if it was installed with npm.
    fn folder_of(&self, program: &Path) -> PathBuf {
        let packages = program.ancestors().filter(|path| path.ends_with("node_modules")).last();
        let folder = packages.or(program.parent()).unwrap_or(program);
        if self.is_shared(folder) { program.to_owned() } else { folder.to_owned() }
    }

    /// Whether a folder holds a home, the server's data, or simply too much.
    pub(super) fn is_shared(&self, path: &Path) -> bool {
        let resolved = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let private = self.home.iter().chain([&self.data_dir]);
        SHARED.iter().any(|shared| resolved == Path::new(shared))
            || private.into_iter().any(|private| private.starts_with(&resolved))
            || resolved.starts_with(&self.data_dir)
    }
}

impl Mount {
    fn arguments(&self) -> Vec<OsString> {
        let at = self.at.clone().into_os_string();
        match &self.source {
            Source::ReadOnly(source) => vec!["--ro-bind".into(), source.into(), at],
            Source::Writable(source) => vec!["--bind".into(), source.into(), at],
            Source::Emptied => vec!["--tmpfs".into(), at],
            Source::Hidden => vec!["--ro-bind".into(), "/dev/null".into(), at],
        }
    }
}

fn writable(at: PathBuf, source: PathBuf) -> Mount {
    Mount { at, source: Source::Writable(source) }
}

fn read_only(path: &Path) -> Mount {
    Mount { at: path.to_owned(), source: Source::ReadOnly(path.to_owned()) }
}

fn hidden(at: &Path) -> Mount {
    Mount { at: at.to_owned(), source: Source::Hidden }
}

/// Whether every agent sees the path anyway.
fn is_system(path: &Path) -> bool {
    let resolved = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    SYSTEM.iter().chain(BESIDE_USR).any(|folder| resolved.starts_with(folder))
}

fn fixed(tmp_bytes: u64) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ALWAYS.iter().map(OsString::from).collect();
    if nix::unistd::Uid::effective().is_root() {
        arguments.extend(OF_ROOT.iter().flat_map(|name| ["--cap-add", name].map(OsString::from)));
    }
    let mut bind = |path: &str| arguments.extend(["--ro-bind-try", path, path].map(OsString::from));
    SYSTEM.iter().for_each(|path| bind(path));
    ETC.iter().for_each(|name| bind(&format!("/etc/{name}")));
    for path in BESIDE_USR {
        match fs::read_link(path) {
            Ok(target) => arguments.extend(["--symlink".into(), target.into(), OsString::from(path)]),
            Err(_) => arguments.extend(["--ro-bind-try", path, path].map(OsString::from)),
        }
    }
    arguments.extend(["--proc", "/proc"].map(OsString::from));
    for name in PROC_READ_ONLY {
        let path = format!("/proc/{name}");
        arguments.extend(["--ro-bind-try", &path, &path].map(OsString::from));
    }
    arguments
        .extend(["--dev", "/dev", "--size", &tmp_bytes.to_string(), "--tmpfs", "/tmp"].map(OsString::from));
    arguments.extend(["--symlink", "/tmp", "/var/tmp"].map(OsString::from));
    arguments
}

#[cfg(test)]
mod tests {
    use super::fixed;

    #[test]
    fn policy_of_the_operator_is_seen_inside() {
        let policy = ["--ro-bind-try", "/etc/claude-code", "/etc/claude-code"];

        assert!(fixed(1).windows(3).any(|arguments| arguments == policy));
    }
}
