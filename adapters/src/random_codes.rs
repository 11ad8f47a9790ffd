//! Service tokens and invitation codes: a prefix, an id to find them by, and a secret of 256 random bits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runner_core::log::Digest;
use runner_core::people::credentials::{Code, CodeKind, CodeMaker, CredentialError};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

const ID_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

/// Codes with the system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomCodes;

impl CodeMaker for RandomCodes {
    fn make(&self, kind: CodeKind, id: Uuid) -> Result<(Code, Digest), CredentialError> {
        let mut bytes = [0; ID_BYTES + SECRET_BYTES];
        bytes[..ID_BYTES].copy_from_slice(id.as_bytes());
        getrandom::fill(&mut bytes[ID_BYTES..]).map_err(|error| CredentialError::Unexpected(error.into()))?;
        let code = format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(bytes));
        Ok((Code(code), hash(&bytes[ID_BYTES..])))
    }

    fn read(&self, kind: CodeKind, text: &str) -> Option<(Uuid, Digest)> {
        let mut bytes = [0; ID_BYTES + SECRET_BYTES];
        let encoded = text.strip_prefix(kind.prefix())?;
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        let id = Uuid::from_slice(&bytes[..ID_BYTES]).ok()?;
        (length == bytes.len()).then(|| (id, hash(&bytes[ID_BYTES..])))
    }
}

fn hash(secret: &[u8]) -> Digest {
    Digest(Sha256::digest(secret).into())
}

#[cfg(test)]
mod tests {
    use runner_core::people::credentials::{CodeKind, CodeMaker};
    use uuid::Uuid;

    use super::RandomCodes;

    #[test]
    fn code_leads_to_its_id_and_the_hash_of_its_secret() {
        let id = Uuid::from_u128(7);
        let (code, hash) = RandomCodes.make(CodeKind::ServiceToken, id).unwrap();

        assert!(code.0.starts_with("ccr_") && code.0.len() == 68, "{}", code.0);
        assert_eq!(RandomCodes.read(CodeKind::ServiceToken, &code.0), Some((id, hash)));
        let (other, other_hash) = RandomCodes.make(CodeKind::ServiceToken, id).unwrap();
        assert!(other != code && other_hash != hash);
    }

    #[test]
    fn what_is_no_such_code_is_nothing() {
        let (code, hash) = RandomCodes.make(CodeKind::Invite, Uuid::from_u128(7)).unwrap();

        assert_eq!(RandomCodes.read(CodeKind::ServiceToken, &code.0), None);
        for end in 0..code.0.len() {
            assert_eq!(RandomCodes.read(CodeKind::Invite, &code.0[..end]), None);
        }
        assert_eq!(RandomCodes.read(CodeKind::Invite, &format!("{}AAAA", code.0)), None);
        // The last letter carries fewer bits than it could, the others do not.
        for at in "cci_".len()..code.0.len() {
            let mut changed = code.0.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let read = RandomCodes.read(CodeKind::Invite, std::str::from_utf8(&changed).unwrap());
            assert_ne!(read, Some((Uuid::from_u128(7), hash)), "{at}");
        }
    }
}
