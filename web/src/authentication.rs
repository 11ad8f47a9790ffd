//! Telling who a request comes from.

use actix_web::dev::ServiceRequest;
use runner_core::principal::Principal;

use crate::error::Problem;

/// How requests show whom they come from.
#[derive(Clone, Debug)]
pub(crate) enum Authentication {
    /// Whoever reaches this server sits at the machine.
    Local,
}

impl Authentication {
    /// `None` where the request does not say.
    #[expect(clippy::unused_async, reason = "accounts are looked up in the store")]
    pub(crate) async fn identify(&self, _: &ServiceRequest) -> Result<Option<Principal>, Problem> {
        match self {
            Self::Local => Ok(Some(Principal::local())),
        }
    }
}
