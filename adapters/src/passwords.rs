//! Passwords as Argon2id hashes: 19 MiB and two passes each, one or two at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use runner_core::people::account::password::Password;
use runner_core::people::credentials::{CredentialError, PasswordHasher};
use tokio::sync::Semaphore;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The most that may wait for their turn.
const MAX_WAITING: usize = 256;

/// Hashes on threads of their own, so few at once that everything else goes on.
#[derive(Clone)]
pub struct Argon2Hasher {
    argon2: Argon2<'static>,
    /// The hash of nobody's password, for names that nobody has.
    nobody: Arc<str>,
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Argon2Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Argon2Hasher").finish_non_exhaustive()
    }
}

impl Argon2Hasher {
    /// Hashes once to have something to compare with where there is no account.
    pub fn new() -> Result<Self, CredentialError> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(unexpected)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(unexpected)?;
        let nobody = argon2.hash_password(&secret).map_err(unexpected)?.to_string();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            argon2,
            nobody: nobody.into(),
            turns: Arc::new(Semaphore::new((cores / 2).clamp(1, 2))),
            waiting: Arc::new(AtomicUsize::new(0)),
        })
    }

    /// Runs on a thread where it holds nobody up, when it is its turn.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, CredentialError> {
        let _place = Place::take(&self.waiting)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(unexpected)?;
        let argon2 = self.argon2.clone();
        // The turn goes along: whoever asked may leave, the work is still being done.
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&argon2);
            drop(turn);
            done
        });
        done.await.map_err(unexpected)
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &Password) -> Result<Vec<u8>, CredentialError> {
        let password = password.clone();
        let hashed = self.in_turn(move |argon2| {
            argon2.hash_password(password.expose().as_bytes()).map(|hash| hash.to_string().into_bytes())
        });
        hashed.await?.map_err(unexpected)
    }

    async fn verify(&self, password: &Password, hash: Option<Vec<u8>>) -> Result<bool, CredentialError> {
        let is_somebody = hash.is_some();
        let hash = match hash {
            Some(hash) => String::from_utf8(hash).map_err(unexpected)?,
            None => self.nobody.to_string(),
        };
        let password = password.clone();
        let fits = self.in_turn(move |argon2| {
            let hash = PasswordHash::new(&hash).map_err(unexpected)?;
            Ok(argon2.verify_password(password.expose().as_bytes(), &hash).is_ok())
        });
        Ok(fits.await?? && is_somebody)
    }
}

/// A place among those who wait.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Result<Self, CredentialError> {
        let place = Self(Arc::clone(waiting));
        match waiting.fetch_add(1, Ordering::Relaxed) {
            0..MAX_WAITING => Ok(place),
            _ => Err(CredentialError::Overloaded),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn unexpected(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CredentialError {
    CredentialError::Unexpected(source.into())
}

#[cfg(test)]
mod tests {
    use runner_core::people::account::password::Password;
    use runner_core::people::credentials::{CredentialError, PasswordHasher};

    use super::{Argon2Hasher, MAX_WAITING, Place};

    #[tokio::test]
    async fn password_fits_its_own_hash_and_no_other_does() {
        let hasher = Argon2Hasher::new().unwrap();
        let password = Password::new("correct horse, 电池");
        let hash = hasher.hash(&password).await.unwrap();

        assert!(hasher.verify(&password, Some(hash.clone())).await.unwrap());
        for other in ["correct horse, 电", "Correct horse, 电池", ""] {
            assert!(!hasher.verify(&Password::new(other), Some(hash.clone())).await.unwrap(), "{other}");
        }
    }

    #[tokio::test]
    async fn hash_is_salted_and_says_how_it_was_made() {
        let hasher = Argon2Hasher::new().unwrap();
        let password = Password::new("your-password");

        let (one, two) = (hasher.hash(&password).await.unwrap(), hasher.hash(&password).await.unwrap());

        assert_ne!(one, two);
        let text = String::from_utf8(one).unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        assert!(!text.contains("your-password"));
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let hasher = Argon2Hasher::new().unwrap();

        assert!(!hasher.verify(&Password::new(""), None).await.unwrap());
    }

    #[tokio::test]
    async fn damaged_hash_is_an_error_and_not_a_wrong_password() {
        let hasher = Argon2Hasher::new().unwrap();

        let answered = hasher.verify(&Password::new("your-password"), Some(b"$argon2id$".to_vec())).await;

        assert!(matches!(answered, Err(CredentialError::Unexpected(_))), "{answered:?}");
    }

    #[tokio::test]
    async fn those_who_would_wait_too_long_are_turned_away() {
        let hasher = Argon2Hasher::new().unwrap();
        let places: Vec<_> = (0..MAX_WAITING).map(|_| Place::take(&hasher.waiting).unwrap()).collect();

        let refused = hasher.hash(&Password::new("your-password")).await;
        assert!(matches!(refused, Err(CredentialError::Overloaded)));

        drop(places);
        assert!(hasher.hash(&Password::new("your-password")).await.is_ok());
    }
}
