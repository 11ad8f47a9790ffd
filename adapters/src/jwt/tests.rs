//! Tokens that are good, and more than a hundred that are not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use runner_core::ids::{LoginId, TenantId};
use runner_core::people::account::username::Username;
use runner_core::people::credentials::{AccessGrant, GrantSigner, RefreshGrant};
use runner_core::ports::Clock;
use runner_core::time::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{JwtSigner, MAX_TOKEN_BYTES};
use crate::clock::SystemClock;
use crate::secret_key::{Purpose, SecretKey};

const DAY_S: i64 = 24 * 60 * 60;

#[test]
fn grants_are_read_as_they_were_signed() {
    let signer = signer();

    let access = signer.sign_access(&access_grant()).unwrap();
    assert_eq!(signer.read_access(&access), Some(access_grant()));
    let refresh = signer.sign_refresh(&refresh_grant()).unwrap();
    assert_eq!(signer.read_refresh(&refresh).map(|grant| grant.generation), Some(3));
}

#[test]
fn neither_token_passes_for_the_other() {
    let signer = signer();
    let (access, refresh) =
        (signer.sign_access(&access_grant()).unwrap(), signer.sign_refresh(&refresh_grant()).unwrap());

    assert_eq!(signer.read_access(&refresh), None);
    assert_eq!(signer.read_refresh(&access), None);
}

#[test]
fn token_of_another_installation_is_refused() {
    let other = JwtSigner::new(&SecretKey::from_setting("another secret of thirty-two bytes").unwrap());

    assert_eq!(signer().read_access(&other.sign_access(&access_grant()).unwrap()), None);
}

/// Correctly signed, but not what is signed here.
#[test]
fn signed_tokens_with_other_claims_are_refused() {
    let mut refused = 0;
    for (name, wrong) in wrong_claims() {
        let mut claims = good_claims();
        match wrong {
            Some(value) => claims[name] = value,
            None => drop(claims.as_object_mut().unwrap().remove(name)),
        }
        assert_eq!(signer().read_access(&sign(&header(), &claims)), None, "{name}: {claims}");
        refused += 1;
    }
    assert!(signer().read_access(&sign(&header(), &good_claims())).is_some());
    assert!(refused >= 60, "{refused}");
}

#[test]
fn signed_tokens_with_other_headers_are_refused() {
    let good = header();
    for (name, wrong) in [
        ("typ", json!("JWT")),
        ("typ", json!("rt+jwt")),
        ("typ", json!("AT+JWT")),
        ("typ", Value::Null),
        ("kid", json!("../../dev/null")),
        ("jku", json!("https://evil.test/keys")),
        ("x5u", json!("https://evil.test/cert")),
        ("jwk", json!({ "kty": "oct", "k": "AAAA" })),
        ("crit", json!(["exp"])),
        ("cty", json!("JWT")),
        ("b64", json!(false)),
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("NONE")),
        ("alg", json!("")),
        ("alg", json!("HS384")),
        ("alg", json!("HS512")),
        ("alg", json!("RS256")),
        ("alg", json!("ES256")),
        ("alg", json!("EdDSA")),
        ("alg", json!("hs256")),
        ("alg", json!(["HS256"])),
    ] {
        let mut other = good.clone();
        other[name] = wrong;
        // Signed with the right key over exactly this header.
        let token = sign(&other, &good_claims());
        assert_eq!(signer().read_access(&token), None, "{other}");
        // And without any signature.
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(signer().read_access(&unsigned), None, "{other}");
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let header = Header { typ: Some("at+jwt".into()), ..Header::new(algorithm) };
        let token = encode(&header, &good_claims(), &EncodingKey::from_secret(&key())).unwrap();
        assert_eq!(signer().read_access(&token), None, "{algorithm:?}");
    }
}

#[test]
fn token_with_one_bit_or_byte_changed_is_refused() {
    let token = signer().sign_access(&access_grant()).unwrap();
    let mut mutations = 0;
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let mutated = String::from_utf8(bytes).unwrap();
            assert_eq!(signer().read_access(&mutated), None, "{at}:{bit}");
            mutations += 1;
        }
        let (before, after) = token.split_at(at);
        assert_eq!(signer().read_access(before), None, "cut at {at}");
        assert_eq!(signer().read_access(&format!("{before}{}", &after[1..])), None, "without {at}");
        assert_eq!(signer().read_access(&format!("{before}A{after}")), None, "more at {at}");
    }
    assert!(mutations > 1000, "{mutations}");
}

#[test]
fn what_is_no_token_at_all_is_refused() {
    let token = signer().sign_access(&access_grant()).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let huge = "a".repeat(MAX_TOKEN_BYTES + 1);
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "null",
        "Bearer",
        huge.as_str(),
        &format!("{token}."),
        &format!(".{token}"),
        &format!("{token} "),
        &format!(" {token}"),
        &format!("{token}\n"),
        &format!("{token}="),
        &format!("{token}.{}", parts[2]),
        &format!("{}.{}", parts[0], parts[1]),
        &format!("{}.{}.", parts[0], parts[1]),
        &format!("{}..{}", parts[0], parts[2]),
        &format!("{}.{}.{}", parts[1], parts[0], parts[2]),
        &token.replace('.', ","),
        &token.to_uppercase(),
        &token.to_lowercase(),
    ] {
        assert_eq!(signer().read_access(text), None, "{text:?}");
    }
}

fn wrong_claims() -> Vec<(&'static str, Option<Value>)> {
    let now = now_seconds();
    let names = ["iss", "aud", "sub", "jti", "iat", "nbf", "exp", "tenant", "login", "authority"];
    let mut wrong: Vec<_> = names.into_iter().map(|name| (name, None)).collect();
    for name in names {
        wrong.extend([Value::Null, json!({}), json!([]), json!(true)].map(|value| (name, Some(value))));
    }
    let exp = now + 600;
    wrong.extend(
        [
            ("exp", json!(exp.to_string())),
            ("exp", json!(now - 3600)),
            ("exp", json!(now - 61)),
            ("exp", json!(0)),
            ("exp", json!(-1)),
            ("exp", json!(exp as f64 + 0.5)),
            ("exp", json!(1e300)),
            ("nbf", json!(now.to_string())),
            ("nbf", json!(now + 61)),
            ("nbf", json!(now + DAY_S)),
            ("iat", json!(now.to_string())),
            ("iss", json!("claude-code-runner ")),
            ("iss", json!("https://evil.test")),
            ("iss", json!(["claude-code-runner"])),
            ("aud", json!("claude-code-runner/refresh")),
            ("aud", json!("claude-code-runner")),
            ("aud", json!(["claude-code-runner/api"])),
            ("aud", json!(["claude-code-runner/api", "other"])),
            ("sub", json!("")),
            ("sub", json!("local")),
            ("sub", json!("../ada")),
            ("jti", json!("1")),
            ("login", json!("not-an-id")),
            ("authority", json!("0")),
            ("authority", json!(-1)),
            ("role", json!("admin")),
            ("scope", json!("admin")),
        ]
        .map(|(name, value)| (name, Some(value))),
    );
    wrong
}

fn now_seconds() -> i64 {
    SystemClock::default().now().as_micros() / 1_000_000
}

fn key() -> [u8; 32] {
    secret().derive(Purpose::AccessTokens)
}

fn secret() -> SecretKey {
    SecretKey::from_setting("a secret of at least thirty-two bytes").unwrap()
}

fn signer() -> JwtSigner {
    JwtSigner::new(&secret())
}

fn username() -> Username {
    Username::try_from("ada".to_owned()).unwrap()
}

fn access_grant() -> AccessGrant {
    let now = Timestamp::from_micros(now_seconds() * 1_000_000);
    AccessGrant {
        id: Uuid::from_u128(1),
        username: username(),
        tenant: TenantId::first(),
        login: LoginId(Uuid::from_u128(2)),
        authority: 4,
        issued_at: now,
        expires_at: now.plus_millis(900_000),
    }
}

fn refresh_grant() -> RefreshGrant {
    let AccessGrant { username, login, issued_at, expires_at, .. } = access_grant();
    RefreshGrant { username, login, generation: 3, issued_at, expires_at }
}

fn header() -> Value {
    json!({ "typ": "at+jwt", "alg": "HS256" })
}

fn good_claims() -> Value {
    let now = now_seconds();
    json!({
        "iss": "claude-code-runner", "aud": "claude-code-runner/api", "sub": "ada",
        "jti": Uuid::from_u128(1), "iat": now, "nbf": now, "exp": now + 600,
        "tenant": "default", "login": Uuid::from_u128(2), "authority": 4,
    })
}

/// Signs any header and claims whatever with the key for access tokens.
fn sign(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(&key()), Algorithm::HS256);
    format!("{message}.{}", signature.unwrap())
}
