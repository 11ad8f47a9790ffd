//! The only list of all aggregates beside sessions.

use crate::log::aggregate::{Aggregate as _, Fold, fold};
use crate::people::account::Account;
use crate::people::invite::Invite;
use crate::people::tenant::Tenant;
use crate::setup::api_key::ApiKey;
use crate::setup::trust::TrustedFolder;

/// How every kind of aggregate is folded, for writing their states anew.
pub const FOLDS: &[(&str, Fold)] = &[
    (Account::KIND, fold::<Account>),
    (ApiKey::KIND, fold::<ApiKey>),
    (Invite::KIND, fold::<Invite>),
    (Tenant::KIND, fold::<Tenant>),
    (TrustedFolder::KIND, fold::<TrustedFolder>),
];
