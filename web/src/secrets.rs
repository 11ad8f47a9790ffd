//! Secrets leave the environment before anything is started.
//!
//! The environment of a program stands in `/proc/<pid>/environ` as long as it runs, readable for every
//! program of the same user, and so for the agents. Overwriting it afterwards is not possible in safe code.
//! So the server starts itself anew, in place: with an environment that has no secrets, which come through
//! a pipe that is empty when it has been read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// Settings that nobody else needs to see. The address of the model's API may have a password in it.
pub(crate) const SECRETS: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "DATABASE_URL",
    "NEW_SECRET_KEY",
    "SECRET_KEY",
];

/// Which descriptor the secrets come through.
const DESCRIPTOR: &str = "CLAUDE_RUNNER_SECRETS_FD";

/// The secrets that came with the environment, which has none of them any more when this returns. Where it
/// must, it starts the program anew and does not return.
pub(crate) fn leave_environment() -> io::Result<BTreeMap<String, String>> {
    let variables: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    if let Some(descriptor) = variables.get(&OsString::from(DESCRIPTOR)) {
        let descriptor = descriptor.to_str().and_then(|number| number.parse().ok());
        return receive(descriptor.ok_or(io::ErrorKind::InvalidInput)?);
    }
    let text = |name: &str| variables.get(&OsString::from(name))?.clone().into_string().ok();
    let secrets: BTreeMap<&str, String> =
        SECRETS.iter().filter_map(|name| Some((*name, text(name)?))).collect();
    if secrets.is_empty() {
        return Ok(BTreeMap::new());
    }
    Err(start_anew(&secrets))
}

/// Returns only if that is not possible.
fn start_anew(secrets: &BTreeMap<&str, String>) -> io::Error {
    let prepare = || -> io::Result<(File, Command)> {
        let program = std::env::current_exe()?;
        let (reader, mut writer) = io::pipe()?;
        // They are far smaller than what a pipe holds, so this does not wait for a reader.
        writer.write_all(&serde_json::to_vec(secrets)?)?;
        let reader = File::from(std::os::fd::OwnedFd::from(reader));
        fcntl(&reader, FcntlArg::F_SETFD(FdFlag::empty()))?;
        let mut command = Command::new(program);
        let mut arguments = std::env::args_os();
        command.arg0(arguments.next().unwrap_or_default()).args(arguments);
        for name in SECRETS {
            command.env_remove(name);
        }
        command.env(DESCRIPTOR, reader.as_raw_fd().to_string());
        Ok((reader, command))
    };
    match prepare() {
        Ok((_reader, mut command)) => command.exec(),
        Err(error) => error,
    }
}

fn receive(descriptor: i32) -> io::Result<BTreeMap<String, String>> {
    let mut secrets = Vec::new();
    File::open(format!("/proc/self/fd/{descriptor}"))?.read_to_end(&mut secrets)?;
    // No program that is started later shall have it.
    nix::unistd::close(descriptor)?;
    Ok(serde_json::from_slice(&secrets)?)
}
