//! Several teams on one server: making them, and the walls between them.

mod commands;
mod folders;
mod making;
mod walls;
