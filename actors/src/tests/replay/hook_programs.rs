//! No program of a hook runs here.

use async_trait::async_trait;
use runner_core::ports::hooks::{HookNotRun, HookProgram, HookPrograms, HookReply};

use super::ReplayRunner;

#[async_trait]
impl HookPrograms for ReplayRunner {
    async fn run(&self, _: HookProgram) -> Result<HookReply, HookNotRun> {
        Err(HookNotRun("no program runs in a replay".to_owned()))
    }
}
