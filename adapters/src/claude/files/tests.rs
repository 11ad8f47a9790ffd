//! Folders that agents work in, and the agent's own files.

mod git_folders;
mod transcript;
mod transcript_copies;
mod work_folders;
