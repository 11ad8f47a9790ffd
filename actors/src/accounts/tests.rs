//! What needs several accounts, or several people at once. Hashes, signatures and codes are played; the log
//! is in memory and refuses what was decided on an older version.

mod fakes;
mod password_resets;

use std::net::IpAddr;

use futures_util::future::join_all;
use runner_core::people::account::event::Tokens;
use runner_core::people::account::password::Password;
use runner_core::people::account::refusal::AccountRefusal;
use runner_core::people::account::username::UsernameError;
use runner_core::people::principal::{Means, Permission, Principal, Role};
use runner_core::ports::model::{BudgetError, BudgetLimits as _};
use runner_core::session::revoked::Revoked;
use runner_core::spend::Payer;

use super::{AccountError, Client, LocalUser, PasswordChange, RegistrationPolicy, UserChange};
use crate::{Repository, StoredBudgets};
use fakes::{World, principal_of};

#[tokio::test]
async fn of_all_who_register_first_at_once_one_is_admin() {
    let world = World::open();

    let names: Vec<_> = (0..20).map(|number| format!("user{number}")).collect();
    let admitted = join_all(names.iter().map(|name| world.register(name, None))).await;

    let roles: Vec<_> = admitted.into_iter().map(|admission| admission.unwrap().user.role).collect();
    assert_eq!(roles.iter().filter(|role| **role == Role::Admin).count(), 1, "{roles:?}");
}

#[tokio::test]
async fn name_that_many_want_at_once_goes_to_one() {
    let world = World::open();
    world.register("root", None).await.unwrap();

    let admitted = join_all((0..10).map(|_| world.register("Ada", None))).await;

    let taken = admitted
        .iter()
        .filter(|admitted| matches!(admitted, Err(AccountError::Refused(AccountRefusal::UsernameTaken))));
    assert_eq!((admitted.iter().flatten().count(), taken.count()), (1, 9));
}

#[tokio::test]
async fn name_that_looks_like_somebody_elses_is_taken() {
    let world = World::open();
    world.register("асе", None).await.unwrap();

    let latin = world.register("ace", None).await;
    let mixed = world.register("aсe", None).await;

    assert!(matches!(latin, Err(AccountError::Refused(AccountRefusal::UsernameTaken))), "{latin:?}");
    assert!(matches!(mixed, Err(AccountError::Username(UsernameError::Illegible))), "{mixed:?}");
}

#[tokio::test]
async fn invitation_that_many_use_at_once_makes_one_account() {
    let world = World::with(RegistrationPolicy::Invite, LocalUser::Admitted);
    let admin = principal_of(&world.register("root", None).await.unwrap());
    let (_, code) =
        world.accounts.invite(&admin, (Role::Viewer, None, None), world.client().provenance).await.unwrap();

    let names: Vec<_> = (0..10).map(|number| format!("user{number}")).collect();
    let admitted = join_all(names.iter().map(|name| world.register(name, Some(&code.0)))).await;

    let roles: Vec<_> = admitted.iter().flatten().map(|admission| admission.user.role).collect();
    assert_eq!(roles, [Role::Viewer]);
    assert!(admitted.iter().all(|admitted| matches!(admitted, Ok(_) | Err(AccountError::CodeInvalid))));
    assert_eq!(world.accounts.list_users(&admin).await.unwrap().len(), 2);
}

#[tokio::test]
async fn invitation_whose_account_could_not_be_made_is_not_lost() {
    let world = World::with(RegistrationPolicy::Invite, LocalUser::Admitted);
    let admin = principal_of(&world.register("root", None).await.unwrap());
    let (_, code) =
        world.accounts.invite(&admin, (Role::Viewer, None, None), world.client().provenance).await.unwrap();
    world.log.fail_after(1);
    let failed = world.register("ada", Some(&code.0)).await;
    assert!(matches!(failed, Err(AccountError::LogUnavailable(_))), "{failed:?}");

    let stranger = world.register("eve", Some(&code.0)).await;
    assert!(matches!(stranger, Err(AccountError::CodeInvalid)), "{stranger:?}");
    assert_eq!(world.register("ada", Some(&code.0)).await.unwrap().user.role, Role::Viewer);
    let again = world.register("ada", Some(&code.0)).await;
    assert!(matches!(again, Err(AccountError::Refused(AccountRefusal::UsernameTaken))), "{again:?}");
}

#[tokio::test]
async fn two_admins_who_demote_each_other_leave_one() {
    let world = World::open();
    let root = principal_of(&world.register("root", None).await.unwrap());
    let ada = principal_of(&world.register("ada", None).await.unwrap());
    world.change(&root, "ada", role(Role::Admin)).await.unwrap();

    let (one, two) = tokio::join!(
        world.change(&root, "ada", role(Role::Member)),
        world.change(&ada, "root", disabled(true))
    );

    assert!(one.is_ok() && matches!(two, Err(AccountError::LastAdmin)), "{one:?} {two:?}");
}

#[tokio::test]
async fn two_admins_who_remove_each_other_leave_one() {
    let world = World::open();
    let root = principal_of(&world.register("root", None).await.unwrap());
    let ada = principal_of(&world.register("ada", None).await.unwrap());
    world.change(&root, "ada", role(Role::Admin)).await.unwrap();
    let remove = |by, name: &str| world.accounts.remove_user(by, name.to_owned(), world.client().provenance);

    let (one, two) = tokio::join!(remove(&root, "ada"), remove(&ada, "root"));

    assert!(one.is_ok() && matches!(two, Err(AccountError::LastAdmin)), "{one:?} {two:?}");
}

#[tokio::test]
async fn last_admin_stays_and_a_disabled_one_does_not_count() {
    let world = World::open();
    let root = principal_of(&world.register("root", None).await.unwrap());
    world.register("ada", None).await.unwrap();
    world.change(&root, "ada", role(Role::Admin)).await.unwrap();
    world.change(&root, "ada", disabled(true)).await.unwrap();

    for change in [role(Role::Viewer), disabled(true)] {
        assert!(matches!(world.change(&root, "root", change).await, Err(AccountError::LastAdmin)));
    }
    world.change(&root, "ada", disabled(false)).await.unwrap();
    world.change(&root, "root", role(Role::Member)).await.unwrap();
}

#[tokio::test]
async fn disabled_user_may_spend_nothing() {
    let world = World::open();
    let root = principal_of(&world.register("root", None).await.unwrap());
    world.register("ada", None).await.unwrap();
    let repository = Repository::new(std::sync::Arc::clone(&world.log) as _);
    let budgets = StoredBudgets { repository, of_each_user: None };
    let ada = Payer::User { tenant: root.tenant.clone(), owner: "ada".into() };
    let local = Payer::User { tenant: root.tenant.clone(), owner: "nobody".into() };

    let before = budgets.monthly_limit(&ada).await;
    world.change(&root, "ada", disabled(true)).await.unwrap();
    let after = budgets.monthly_limit(&ada).await;

    assert!(matches!(before, Ok(None)) && matches!(after, Err(BudgetError::Revoked(Revoked::OwnerDisabled))));
    assert!(matches!(budgets.monthly_limit(&local).await, Ok(None)), "who has no account is not disabled");
}

#[tokio::test]
async fn people_of_another_team_are_not_there() {
    let world = World::open();
    let root = principal_of(&world.register("root", None).await.unwrap());
    let stranger = Principal { tenant: runner_core::ids::TenantId("other".into()), ..root };

    assert!(world.accounts.list_users(&stranger).await.unwrap().is_empty());
    let changed = world.change(&stranger, "root", role(Role::Viewer)).await;
    assert!(matches!(changed, Err(AccountError::UserUnknown)), "{changed:?}");
}

#[tokio::test]
async fn what_an_admin_changes_holds_from_the_next_question_on() {
    let world = World::open();
    let root = principal_of(&world.register("root", None).await.unwrap());
    let ada = world.register("ada", None).await.unwrap();
    let token = Some(ada.access_token.as_str());
    let address = world.client().address;
    assert!(world.accounts.identify(token, address).await.is_ok());

    world.change(&root, "ada", role(Role::Viewer)).await.unwrap();

    assert!(matches!(world.accounts.identify(token, address).await, Err(AccountError::TokenInvalid)));
    let again = world.accounts.refresh(&ada.refresh_token, world.client()).await.unwrap();
    let known = world.accounts.identify(Some(&again.access_token), address).await.unwrap();
    assert_eq!(known.map(|principal| principal.role), Some(Role::Viewer));
}

#[tokio::test]
async fn refresh_tokens_used_at_once_leave_no_login() {
    let world = World::open();
    let ada = world.register("ada", None).await.unwrap();

    let refreshed =
        join_all((0..5).map(|_| world.accounts.refresh(&ada.refresh_token, world.client()))).await;

    let admitted: Vec<_> = refreshed.iter().flatten().collect();
    assert_eq!(admitted.len(), 1);
    let address = world.client().address;
    let identified = world.accounts.identify(Some(&admitted[0].access_token), address).await;
    assert!(matches!(identified, Err(AccountError::TokenInvalid)), "{identified:?}");
}

#[tokio::test]
async fn nobody_and_a_wrong_password_are_told_and_slowed_down_alike() {
    let world = World::open();
    world.register("ada", None).await.unwrap();

    let mut told = vec![];
    for name in ["ada", "nobody"] {
        let mut answers = vec![];
        for _ in 0..6 {
            let answer = world.log_in(name, "wrong-password").await.unwrap_err();
            answers.push(answer.to_string());
        }
        told.push(answers);
    }

    assert_eq!(told[0], told[1]);
    assert!(matches!(
        world.log_in("ada", "your-password").await,
        Err(AccountError::Throttled { retry_after_ms: 1..=1000 })
    ));
    assert_eq!(world.hasher.checked(), 10, "each was hashed, known or not, until there were too many");
}

#[tokio::test]
async fn nobody_is_locked_out_by_what_strangers_guess() {
    let world = World::open();
    let mut ada = principal_of(&world.register("ada", None).await.unwrap());
    ada.means = Means::Login(uuid::Uuid::from_u128(1));
    let guess = async |network: u8, number: u8| {
        let client = Client { address: IpAddr::from([203, network, 113, number]), ..world.client() };
        world.accounts.log_in("ada".into(), Password::new("wrong-password"), client).await.unwrap_err()
    };
    for number in 0..200 {
        guess(1, number).await;
    }
    assert!(matches!(guess(2, 0).await, AccountError::Throttled { .. }), "from everywhere together");

    let change = password_change("another-password");
    let changed = world.accounts.change_password(&ada, change, world.client()).await;

    assert!(changed.is_ok(), "{changed:?}");
    world.log_in("ada", "another-password").await.unwrap();
}

#[tokio::test]
async fn attempt_that_the_server_could_not_decide_costs_nothing() {
    let world = World::open();
    let ada = principal_of(&world.register("ada", None).await.unwrap());
    let change = async || {
        let change = password_change("another-password");
        world.accounts.change_password(&ada, change, world.client()).await
    };

    for _ in 0..100 {
        world.hasher.refuse_next(3);
        assert!(matches!(world.log_in("ada", "wrong-password").await, Err(AccountError::Overloaded)));
        assert!(matches!(world.register("bob", None).await, Err(AccountError::Overloaded)));
        assert!(matches!(change().await, Err(AccountError::Overloaded)));
        world.log.fail_after(0);
        assert!(matches!(world.register("bob", None).await, Err(AccountError::LogUnavailable(_))));
    }

    world.log_in("ada", "your-password").await.unwrap();
    world.register("bob", None).await.unwrap();
    change().await.unwrap();
}

#[tokio::test]
async fn login_with_a_password_that_changes_meanwhile_is_refused() {
    let world = World::open();
    let ada = principal_of(&world.register("ada", None).await.unwrap());
    let release = world.hasher.hold_next();
    let change = password_change("another-password");

    let (logged_in, changed) = tokio::join!(biased; world.log_in("ada", "your-password"), async {
        let changed = world.accounts.change_password(&ada, change, world.client()).await;
        release.send(()).unwrap();
        changed
    });

    assert!(changed.is_ok(), "{changed:?}");
    assert!(matches!(logged_in, Err(AccountError::CredentialsWrong)), "{logged_in:?}");
    assert_eq!(world.accounts.list_logins(&ada).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_new_passwords_at_once_one_is_taken() {
    let world = World::open();
    let ada = principal_of(&world.register("ada", None).await.unwrap());
    let change = async |new: &str| {
        let change = password_change(new);
        world.accounts.change_password(&ada, change, world.client()).await
    };

    let (one, two) = tokio::join!(biased; change("one-password"), change("two-password"));

    assert!(one.is_ok() && matches!(two, Err(AccountError::PasswordWrong)), "{one:?} {two:?}");
    world.log_in("ada", "one-password").await.unwrap();
}

#[tokio::test]
async fn log_that_cannot_be_written_leaves_everything_as_it_was() {
    let world = World::open();
    world.log.fail_after(0);

    let refused = world.register("ada", None).await;

    assert!(matches!(refused, Err(AccountError::LogUnavailable(_))), "{refused:?}");
    assert!(!world.accounts.has_users().await.unwrap());
    assert_eq!(world.register("ada", None).await.unwrap().user.role, Role::Admin);
}

#[tokio::test]
async fn local_user_is_there_until_somebody_registers() {
    let world = World::open();
    let address = world.client().address;
    assert_eq!(world.accounts.identify(None, address).await.unwrap(), Some(Principal::local()));

    world.register("ada", None).await.unwrap();

    assert_eq!(world.accounts.identify(None, address).await.unwrap(), None);
}

#[tokio::test]
async fn closed_server_registers_nobody() {
    let world = World::with(RegistrationPolicy::Closed, LocalUser::Admitted);

    assert!(matches!(world.register("ada", None).await, Err(AccountError::RegistrationClosed)));
}

#[tokio::test]
async fn stream_is_told_when_its_reader_may_no_longer_read() {
    let world = World::open();
    let root = principal_of(&world.register("root", None).await.unwrap());
    let ada = world.register("ada", None).await.unwrap();
    let address = world.client().address;
    let reader = world.accounts.identify(Some(&ada.access_token), address).await.unwrap().unwrap();
    let watching = world.accounts.until_changed(&reader);
    tokio::pin!(watching);
    let a_while = std::time::Duration::from_secs(3);
    assert!(tokio::time::timeout(a_while, watching.as_mut()).await.is_err());

    world.change(&root, "ada", disabled(true)).await.unwrap();

    let in_time = std::time::Duration::from_secs(5);
    assert!(tokio::time::timeout(in_time, watching).await.is_ok());
}

#[tokio::test]
async fn use_of_a_service_token_is_noted_once() {
    let world = World::open();
    let root = principal_of(&world.register("root", None).await.unwrap());
    let scopes = [Permission::RunTasks].into();
    let provenance = world.client().provenance;
    let (made, code) =
        world.accounts.create_token(&root, ("ci".into(), scopes, None), provenance).await.unwrap();
    assert_eq!(made.last_used_at, None);
    let before = world.log.appends();

    for _ in 0..3 {
        let program = world.accounts.identify(Some(&code.0), world.client().address).await.unwrap().unwrap();
        assert!(matches!(program.means, Means::ServiceToken { .. }) && program.may(Permission::RunTasks));
        assert!(!program.may(Permission::Administer));
    }

    assert_eq!(world.log.appends(), before + 1);
    assert!(world.accounts.list_tokens(&root).await.unwrap()[0].last_used_at.is_some());
}

fn password_change(new: &str) -> PasswordChange {
    let current = Password::new("your-password");
    PasswordChange { current, new: Password::new(new), tokens: Tokens::Ended }
}

fn role(role: Role) -> UserChange {
    UserChange { role: Some(role), ..UserChange::default() }
}

fn disabled(disabled: bool) -> UserChange {
    UserChange { disabled: Some(disabled), ..UserChange::default() }
}
