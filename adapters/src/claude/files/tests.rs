//! Folders that agents work in, and the agent's own files.

mod transcript;
mod transcript_copies;
mod work_folders;
