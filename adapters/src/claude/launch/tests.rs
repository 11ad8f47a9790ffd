//! The command line, the environment and the access to a model that an agent is started with.

mod access;
mod environment;
mod launch;
