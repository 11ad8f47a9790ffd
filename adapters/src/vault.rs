//! The vault: XChaCha20-Poly1305 with a key that lies outside the database.
//!
//! A sealed value is one byte for the layout, eight that tell which key sealed it, a random nonce of 24
//! bytes, and the ciphertext with its tag. Team, owner and id are authenticated with it. Telling keys apart
//! is what makes a wrong `SECRET_KEY` an error that says so, and a rotation that broke off repeatable.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use runner_core::setup::vault::{SealedFor, Vault, VaultError};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::secret_key::{Purpose, SecretKey};

const LAYOUT: u8 = 1;
const KEY_NAME_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;

/// Seals with one key.
#[derive(Clone)]
pub struct KeyVault {
    cipher: XChaCha20Poly1305,
    key_name: [u8; KEY_NAME_BYTES],
}

impl std::fmt::Debug for KeyVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyVault").finish_non_exhaustive()
    }
}

impl KeyVault {
    pub fn new(secret_key: &SecretKey) -> Self {
        let key = secret_key.derive(Purpose::Vault);
        let digest: [u8; 32] =
            Sha256::new().chain_update(b"claude-runner vault key").chain_update(key).finalize().into();
        let mut key_name = [0; KEY_NAME_BYTES];
        key_name.copy_from_slice(&digest[..KEY_NAME_BYTES]);
        Self { cipher: XChaCha20Poly1305::new(&key.into()), key_name }
    }

    /// Whether a value was sealed with this key.
    pub fn is_sealed_with(&self, sealed: &[u8]) -> bool {
        sealed.get(1..=KEY_NAME_BYTES) == Some(&self.key_name[..])
    }
}

impl Vault for KeyVault {
    fn seal(&self, value: &SecretString, bound_to: &SealedFor) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
        let payload = Payload { msg: value.expose_secret().as_bytes(), aad: &authenticated(bound_to) };
        let ciphertext =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::Damaged)?;
        Ok([&[LAYOUT][..], &self.key_name, &nonce, &ciphertext].concat())
    }

    fn open(&self, sealed: &[u8], bound_to: &SealedFor) -> Result<SecretString, VaultError> {
        let (layout, rest) = sealed.split_first().ok_or(VaultError::Damaged)?;
        let (_, rest) = rest.split_at_checked(KEY_NAME_BYTES).ok_or(VaultError::Damaged)?;
        if *layout != LAYOUT {
            return Err(VaultError::Damaged);
        }
        if !self.is_sealed_with(sealed) {
            return Err(VaultError::OtherKey);
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Damaged)?;
        let payload = Payload { msg: ciphertext, aad: &authenticated(bound_to) };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| VaultError::Damaged)?;
        Ok(SecretString::from(String::from_utf8(opened).map_err(|_| VaultError::Damaged)?))
    }
}

/// Each part with its length in front, so that no two are the same bytes.
fn authenticated(bound_to: &SealedFor) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [bound_to.tenant.0.as_bytes(), bound_to.owner.as_bytes(), bound_to.secret.0.as_bytes()] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use runner_core::ids::{SecretId, TenantId};
    use runner_core::setup::vault::{SealedFor, Vault, VaultError};
    use secrecy::{ExposeSecret as _, SecretString};
    use uuid::Uuid;

    use super::KeyVault;
    use crate::secret_key::SecretKey;

    const VALUE: &str = "sk-ant-api03-canary";

    #[test]
    fn what_was_sealed_opens_and_does_not_show() {
        let sealed = vault("a").seal(&SecretString::from(VALUE), &bound_to(1)).unwrap();

        assert_eq!(vault("a").open(&sealed, &bound_to(1)).unwrap().expose_secret(), VALUE);
        assert!(!sealed.windows(6).any(|window| VALUE.as_bytes().windows(6).any(|part| part == window)));
    }

    #[test]
    fn same_value_is_sealed_differently_each_time() {
        let seal = || vault("a").seal(&SecretString::from(VALUE), &bound_to(1)).unwrap();

        assert_ne!(seal(), seal());
    }

    #[test]
    fn no_changed_bit_goes_unnoticed() {
        let sealed = vault("a").seal(&SecretString::from(VALUE), &bound_to(1)).unwrap();

        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(vault("a").open(&changed, &bound_to(1)).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(vault("a").open(&sealed[..length], &bound_to(1)).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn opens_only_for_what_it_was_sealed_for() {
        let sealed = vault("a").seal(&SecretString::from(VALUE), &bound_to(1)).unwrap();
        let tenant = SealedFor { tenant: TenantId("other".into()), ..bound_to(1) };
        let owner = SealedFor { owner: "grace".into(), ..bound_to(1) };

        for other in [tenant, owner, bound_to(2)] {
            assert_eq!(vault("a").open(&sealed, &other).err(), Some(VaultError::Damaged));
        }
    }

    #[test]
    fn another_secret_key_is_told_apart() {
        let sealed = vault("a").seal(&SecretString::from(VALUE), &bound_to(1)).unwrap();

        assert_eq!(vault("b").open(&sealed, &bound_to(1)).err(), Some(VaultError::OtherKey));
        assert!(vault("a").is_sealed_with(&sealed) && !vault("b").is_sealed_with(&sealed));
    }

    fn vault(letter: &str) -> KeyVault {
        KeyVault::new(&SecretKey::from_setting(&letter.repeat(32)).unwrap())
    }

    fn bound_to(number: u128) -> SealedFor {
        SealedFor {
            tenant: TenantId::first(),
            owner: "ada".into(),
            secret: SecretId(Uuid::from_u128(number)),
        }
    }
}
