//! Lines from the agent and their meaning, and lines for it. They are those of the protocol, as the real
//! program writes them.

mod answers;
mod control;
mod decode;
mod file_changes;
mod odd_lines;
mod outgoing;
mod result_lines;
mod subagent_files;
