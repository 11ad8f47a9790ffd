//! Access and refresh tokens: JWTs, signed with HMAC-SHA-256 and nothing else.
//!
//! What a token may look like is written down as narrowly as can be: one algorithm, one type, every claim
//! there and of its own kind, none beside them. The two kinds of token have keys, types and audiences of
//! their own, so that neither passes for the other.

#[cfg(test)]
mod tests;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use runner_core::ids::{LoginId, TenantId};
use runner_core::people::account::username::Username;
use runner_core::people::credentials::{AccessGrant, CredentialError, GrantSigner, RefreshGrant};
use runner_core::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::secret_key::{Purpose, SecretKey};

const ISSUER: &str = "claude-code-runner";

/// How far clocks of two machines may differ, in seconds.
const LEEWAY_S: u64 = 30;

/// Nothing that is longer was signed here.
const MAX_TOKEN_BYTES: usize = 4096;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessClaims {
    iss: String,
    aud: String,
    sub: String,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    tenant: String,
    login: Uuid,
    authority: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefreshClaims {
    iss: String,
    aud: String,
    sub: String,
    /// The login; with the generation it names one token.
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    generation: u32,
}

/// One kind of token.
struct Kind {
    header: Header,
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
}

/// Both kinds of token, signed with keys derived from the installation's.
pub struct JwtSigner {
    access: Kind,
    refresh: Kind,
}

impl std::fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtSigner").finish_non_exhaustive()
    }
}

impl JwtSigner {
    pub fn new(secret: &SecretKey) -> Self {
        Self {
            access: Kind::new("at+jwt", "claude-code-runner/api", &secret.derive(Purpose::AccessTokens)),
            refresh: Kind::new(
                "rt+jwt",
                "claude-code-runner/refresh",
                &secret.derive(Purpose::RefreshTokens),
            ),
        }
    }
}

impl Kind {
    fn new(typ: &str, audience: &str, key: &[u8]) -> Self {
        let header = Header { typ: Some(typ.to_owned()), ..Header::new(Algorithm::HS256) };
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        let (signing, checking) = (EncodingKey::from_secret(key), DecodingKey::from_secret(key));
        Self { header, signing, checking, validation }
    }

    fn audience(&self) -> String {
        self.validation.aud.iter().flatten().next().cloned().unwrap_or_default()
    }

    fn sign(&self, claims: &impl Serialize) -> Result<String, CredentialError> {
        encode(&self.header, claims, &self.signing).map_err(|error| CredentialError::Unexpected(error.into()))
    }

    fn read<C: DeserializeOwned>(&self, token: &str) -> Option<C> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let read = decode::<C>(token, &self.checking, &self.validation).ok()?;
        (read.header == self.header).then_some(read.claims)
    }
}

impl GrantSigner for JwtSigner {
    fn sign_access(&self, grant: &AccessGrant) -> Result<String, CredentialError> {
        let iat = seconds(grant.issued_at);
        self.access.sign(&AccessClaims {
            iss: ISSUER.to_owned(),
            aud: self.access.audience(),
            sub: grant.username.to_string(),
            jti: grant.id,
            iat,
            nbf: iat,
            exp: seconds(grant.expires_at),
            tenant: grant.tenant.to_string(),
            login: grant.login.0,
            authority: grant.authority,
        })
    }

    fn read_access(&self, token: &str) -> Option<AccessGrant> {
        let claims: AccessClaims = self.access.read(token)?;
        Some(AccessGrant {
            id: claims.jti,
            username: Username::try_from(claims.sub).ok()?,
            tenant: TenantId(claims.tenant),
            login: LoginId(claims.login),
            authority: claims.authority,
            issued_at: timestamp(claims.iat)?,
            expires_at: timestamp(claims.exp)?,
        })
    }

    fn sign_refresh(&self, grant: &RefreshGrant) -> Result<String, CredentialError> {
        let iat = seconds(grant.issued_at);
        self.refresh.sign(&RefreshClaims {
            iss: ISSUER.to_owned(),
            aud: self.refresh.audience(),
            sub: grant.username.to_string(),
            jti: grant.login.0,
            iat,
            nbf: iat,
            exp: seconds(grant.expires_at),
            generation: grant.generation,
        })
    }

    fn read_refresh(&self, token: &str) -> Option<RefreshGrant> {
        let claims: RefreshClaims = self.refresh.read(token)?;
        Some(RefreshGrant {
            username: Username::try_from(claims.sub).ok()?,
            login: LoginId(claims.jti),
            generation: claims.generation,
            issued_at: timestamp(claims.iat)?,
            expires_at: timestamp(claims.exp)?,
        })
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

fn timestamp(seconds: i64) -> Option<Timestamp> {
    seconds.checked_mul(1_000_000).map(Timestamp::from_micros)
}
