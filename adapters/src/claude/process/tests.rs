//! A running agent, and its end: nothing of it is left behind.

mod process;
mod process_tree;
