//! Accounts over HTTP: coming in, staying in, being put out.

mod browsers;
mod entry;
mod password_resets;
mod people;
mod programs;
mod removal;
mod strangers;
