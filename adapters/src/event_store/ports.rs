//! The ports of the domain that the store serves, a file each.

mod agent_files;
mod audit_log;
mod event_log;
mod session_directory;
mod spend_record;
mod statistics_record;
mod subagent_record;
