//! The meaning of the agent's lines, and the lines for it. They are those of the protocol, as the real program
//! writes them.

mod answers;
mod control;
mod decode;
mod file_changes;
mod odd_lines;
mod outgoing;
mod result_lines;
mod subagent_files;
