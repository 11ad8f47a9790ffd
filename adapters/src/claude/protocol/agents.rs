//! The subagents that Claude Code 2.1 brings itself, by the names of its `init` message.

use runner_core::ports::BuiltInAgent;

const fn agent(name: &'static str, description: &'static str) -> BuiltInAgent {
    BuiltInAgent { name, description }
}

/// All of them. A definition of the same name would take the place of one.
pub(crate) const BUILT_IN: &[BuiltInAgent] = &[
    agent("claude", "Does whatever no other agent is made for."),
    agent("Explore", "Searches and reads, and changes nothing."),
    agent("general-purpose", "Researches questions and carries out tasks of several steps."),
    agent("Plan", "Designs how something is to be done, and changes nothing."),
    agent("statusline-setup", "Sets up the status line of a terminal."),
];
