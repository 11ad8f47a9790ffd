//! Programs that hooks run: as an agent runs its tools, with JSON on their standard input.

use std::process::Stdio;

use async_trait::async_trait;
use runner_core::ports::hooks::{HookNotRun, HookProgram, HookPrograms, HookReply};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::ChildStdin;

use super::ClaudeRuntime;
use super::tool_program::{ToolPlace, ToolProgram};

/// The shell that runs the line.
const SHELL: &str = "/bin/sh";

/// Where the program is started, as Claude Code's own hooks are told.
const PROJECT_VARIABLE: &str = "CLAUDE_PROJECT_DIR";

/// The most bytes of a program's words that are kept; the rest is read and dropped.
const MAX_OUTPUT_BYTES: u64 = 256 * 1024;

#[async_trait]
impl HookPrograms for ClaudeRuntime {
    async fn run(&self, program: HookProgram) -> Result<HookReply, HookNotRun> {
        let place = ToolPlace {
            tenant: program.tenant,
            owner: program.owner,
            working_dir: program.working_dir,
            add_dirs: program.add_dirs,
            within: program.within,
        };
        let args = ["-c".to_owned(), program.command];
        let project = place.working_dir.display().to_string();
        let env = [(PROJECT_VARIABLE.to_owned(), project)].into();
        let tool = ToolProgram { command: SHELL, args: &args, env: &env };
        let prepared = self.tool_command(&place, tool).await;
        let (mut command, prepared) = prepared.map_err(|error| HookNotRun(error.to_string()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child =
            command.spawn().map_err(|error| HookNotRun(format!("it cannot be started: {error}")))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = (tokio::spawn(read(stdout)), tokio::spawn(read(stderr)));
        let input = program.input.to_string();
        let told_and_ended = async { tokio::join!(tell(stdin, &input), child.wait()).1 };
        let ended = tokio::time::timeout(program.timeout, told_and_ended).await;
        // What it left behind must not hold its output open.
        prepared.end().await;
        let late = |_| HookNotRun(format!("it took longer than {} ms", program.timeout.as_millis()));
        let status =
            ended.map_err(late)?.map_err(|error| HookNotRun(format!("it cannot be run: {error}")))?;
        let words = |said: Result<String, _>| said.unwrap_or_default();
        Ok(HookReply { code: status.code(), stdout: words(stdout.await), stderr: words(stderr.await) })
    }
}

/// One that ends without reading is told nothing.
async fn tell(stdin: Option<ChildStdin>, input: &str) {
    if let Some(mut stdin) = stdin {
        stdin.write_all(input.as_bytes()).await.ok();
    }
}

async fn read(output: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut output) = output else { return String::new() };
    let mut kept = vec![];
    (&mut output).take(MAX_OUTPUT_BYTES).read_to_end(&mut kept).await.ok();
    tokio::io::copy(&mut output, &mut tokio::io::sink()).await.ok();
    String::from_utf8_lossy(&kept).into_owned()
}
