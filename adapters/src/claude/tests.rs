//! What the agent's lines mean, what it is started with, and that nothing of it is left behind.
//! The lines are those of the protocol, as the real program writes them.

mod access;
mod answers;
mod control;
mod decode;
mod environment;
mod file_changes;
mod folders;
mod forks;
mod launch;
mod odd_lines;
mod process;
mod process_tree;
mod reported;
mod reports;
mod requests;
mod transcript;
