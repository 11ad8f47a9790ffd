//! `/api/auth`: coming in and going out, one's own account.

pub(super) mod entry;
pub(super) mod logins;
pub(super) mod me;
pub(super) mod password_reset;
