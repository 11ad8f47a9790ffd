//! Codes for new passwords that several use at once, or that cannot be checked.

use runner_core::people::account::event::Tokens;
use runner_core::people::account::password::Password;

use super::fakes::{World, principal_of};
use crate::accounts::{AccountError, Admission, NewPassword};

async fn reset(world: &World, code: &str, password: &str) -> Result<Admission, AccountError> {
    let (code, password, tokens) = (code.to_owned(), Password::new(password), Tokens::Ended);
    world.accounts.reset_password(NewPassword { code, password, tokens }, world.client()).await
}

async fn issued(world: &World) -> String {
    let root = principal_of(&world.register("root", None).await.unwrap());
    world.register("ada", None).await.unwrap();
    let provenance = world.client().provenance;
    world.accounts.issue_password_reset(&root, "ada".to_owned(), provenance).await.unwrap().1.0
}

#[tokio::test]
async fn code_that_two_use_at_once_is_good_for_one() {
    let world = World::open();
    let code = issued(&world).await;

    let (one, two) = tokio::join!(reset(&world, &code, "one-password"), reset(&world, &code, "two-password"));

    let (winner, loser) = if one.is_ok() { ("one-password", two) } else { ("two-password", one) };
    assert!(matches!(loser, Err(AccountError::CodeInvalid)), "{loser:?}");
    assert!(world.log_in("ada", winner).await.is_ok());
}

#[tokio::test]
async fn code_is_still_good_after_an_attempt_that_could_not_be_decided() {
    let world = World::open();
    let code = issued(&world).await;
    world.hasher.refuse_next(1);

    let failed = reset(&world, &code, "another-password").await;

    assert!(matches!(failed, Err(AccountError::Overloaded)), "{failed:?}");
    assert!(reset(&world, &code, "another-password").await.is_ok());
}
