//! `/api/users`: the team, for admins.

pub(super) mod invites;
pub(super) mod people;
