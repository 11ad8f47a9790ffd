//! `/api/sessions`: what people do with sessions, one file each.

pub(super) mod changes;
pub(super) mod events;
pub(super) mod export;
pub(super) mod files;
pub(super) mod fork;
pub(super) mod handover;
pub(super) mod interrupt;
pub(super) mod list;
pub(super) mod messages;
pub(super) mod open;
pub(super) mod prompts;
pub(super) mod replay;
pub(super) mod requests;
pub(super) mod rewind;
pub(super) mod settings;
pub(super) mod turns;
pub(super) mod verify;
pub(super) mod view;
