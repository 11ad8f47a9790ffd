//! `/api/users`: the team, for admins.

pub(super) mod invites;
pub(super) mod password_resets;
pub(super) mod people;
pub(super) mod view;
