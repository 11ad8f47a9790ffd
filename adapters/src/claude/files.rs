//! The folders that an agent works in, and the files that it keeps of its session.

pub(super) mod agent_folder;
pub(super) mod git_folders;
pub(super) mod project;
#[cfg(test)]
mod tests;
pub(super) mod transcript;
pub(super) mod transcript_copy;
pub(super) mod work_folder;
