//! The rules of an account: names, logins, roles. Those for service tokens and codes, and the stored form
//! of events, are beside this file.

mod password_resets;
mod samples;
mod service_tokens;
mod stored_events;

use super::command::AccountCommand;
use super::event::{AccountEvent, RevokeReason, Tokens};
use super::refusal::AccountRefusal;
use super::{LOGIN_LIFETIME_MS, MAX_LOGINS, REFRESH_LIFETIME_MS};
use crate::money::MicroDollars;
use crate::people::principal::Role;
use crate::session::revoked::Revoked;
use samples::{
    account, at, began, change_password, disabled, given, log_in, logged_in, login, new_login_at,
    password_changed, refresh, refreshed, register, registered, reset_code, revoked,
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[test]
fn somebody_who_registers_is_logged_in() {
    given([]).when(register("ada")).then_expect([registered(), logged_in(1)]);
}

#[test]
fn name_that_is_taken_is_refused_even_if_its_owner_is_disabled() {
    given([registered()]).when(register("ada")).then_refuse(AccountRefusal::UsernameTaken);
    given([registered(), disabled()]).when(register("ada")).then_refuse(AccountRefusal::UsernameTaken);
}

#[test]
fn account_that_nobody_registered_refuses_everything_else() {
    for command in [
        log_in(1, 0),
        refresh(1, 0),
        AccountCommand::LogOut { login: login(1) },
        change_password(1, 0),
        AccountCommand::ChangeRole { role: Role::Admin, by: "eve".into() },
        AccountCommand::Enable { by: "eve".into() },
    ] {
        given([]).when(command).then_refuse(AccountRefusal::NotRegistered);
    }
}

#[test]
fn disabled_account_lets_nobody_in() {
    let events = [registered(), logged_in(1), disabled()];

    given(events.clone()).when(log_in(2, 1)).then_refuse(AccountRefusal::Disabled);
    given(events.clone()).when(change_password(2, 1)).then_refuse(AccountRefusal::Disabled);
    given(events.clone()).when(refresh(1, 0)).then_refuse(AccountRefusal::LoginEnded);
    assert_eq!(account(&events).find_login(login(1), at(0)), None);
}

#[test]
fn enabling_does_not_bring_ended_logins_back() {
    let enabled = AccountEvent::UserEnabled { by: "root".into() };

    let account = account(&[registered(), logged_in(1), disabled(), enabled]);

    assert!(account.is_active());
    assert_eq!(account.find_login(login(1), at(0)), None);
}

#[test]
fn removed_account_is_nobodys_and_its_name_is_taken() {
    let remove = || AccountCommand::Remove { by: "root".into() };
    let removed = AccountEvent::UserRemoved { by: "root".into() };
    given(began()).when(remove()).then_expect([removed.clone()]);
    let events = [registered(), logged_in(1), removed];

    given(events.clone()).when(remove()).then_expect([]);
    given(events.clone()).when(register("ada")).then_refuse(AccountRefusal::UsernameTaken);
    for command in [
        log_in(2, 2),
        AccountCommand::Enable { by: "root".into() },
        AccountCommand::ChangeRole { role: Role::Admin, by: "root".into() },
        AccountCommand::IssuePasswordReset(reset_code(1)),
    ] {
        given(events.clone()).when(command).then_refuse(AccountRefusal::NotRegistered);
    }
    let account = account(&events);
    assert_eq!((account.view(), account.is_active()), (None, false));
    assert_eq!(account.revoked(), Some(Revoked::OwnerDisabled));
    assert!(account.find_login(login(1), at(0)).is_none());
}

#[test]
fn refresh_token_is_exchanged_for_the_next_generation() {
    given(began()).when(refresh(1, 0)).then_expect([refreshed(1, 1)]);
    given([began(), vec![refreshed(1, 1)]].concat()).when(refresh(1, 1)).then_expect([refreshed(1, 2)]);
}

#[test]
fn refresh_token_that_comes_again_ends_its_login_and_no_other() {
    let reused =
        AccountEvent::RefreshReused { login: login(1), generation: 0, at: at(1), address: "::1".into() };
    let events = [began(), vec![logged_in(2), refreshed(1, 1)]].concat();

    given(events.clone())
        .when(refresh(1, 0))
        .then_expect([reused.clone(), revoked(1, RevokeReason::RefreshReused)]);

    let after = [events, vec![reused, revoked(1, RevokeReason::RefreshReused)]].concat();
    given(after.clone()).when(refresh(1, 1)).then_refuse(AccountRefusal::LoginEnded);
    given(after).when(refresh(2, 0)).then_expect([refreshed(2, 1)]);
}

#[test]
fn refresh_token_that_was_never_issued_is_refused() {
    given(began()).when(refresh(1, 1)).then_refuse(AccountRefusal::LoginEnded);
    given(began()).when(refresh(7, 0)).then_refuse(AccountRefusal::LoginEnded);
}

#[test]
fn login_that_is_not_refreshed_ends() {
    let too_late = AccountCommand::Refresh {
        login: login(1),
        generation: 0,
        at: at(REFRESH_LIFETIME_MS),
        address: "::1".into(),
    };

    given(began()).when(too_late).then_refuse(AccountRefusal::LoginEnded);
    assert!(account(&began()).find_login(login(1), at(REFRESH_LIFETIME_MS - 1)).is_some());
    assert_eq!(account(&began()).find_login(login(1), at(REFRESH_LIFETIME_MS)), None);
}

#[test]
fn login_that_is_refreshed_for_ever_ends_all_the_same() {
    let mut events = began();
    let (mut days, mut generation) = (0, 0);
    loop {
        days += 20;
        let now = at(days * DAY_MS);
        let command = AccountCommand::Refresh { login: login(1), generation, at: now, address: "::1".into() };
        match account(&events).events_of(command) {
            Ok(more) => events.extend(more),
            Err(refusal) => break assert_eq!(refusal, AccountRefusal::LoginEnded),
        }
        generation += 1;
    }

    assert_eq!((days, generation), (100, 4));
    assert_eq!(LOGIN_LIFETIME_MS, 90 * DAY_MS);
}

#[test]
fn logging_out_ends_one_login_and_twice_changes_nothing() {
    let log_out = AccountCommand::LogOut { login: login(1) };
    let events = [began(), vec![logged_in(2)]].concat();

    given(events.clone()).when(log_out.clone()).then_expect([revoked(1, RevokeReason::LoggedOut)]);
    let after = [events, vec![revoked(1, RevokeReason::LoggedOut)]].concat();
    given(after.clone()).when(log_out).then_expect([]);
    assert!(account(&after).find_login(login(2), at(1)).is_some());
}

#[test]
fn logins_are_revoked_one_by_one_or_all_others_at_once() {
    let events = [began(), vec![logged_in(2), logged_in(3)]].concat();

    given(events.clone())
        .when(AccountCommand::RevokeLogin { login: login(2) })
        .then_expect([revoked(2, RevokeReason::Revoked)]);
    given(events.clone())
        .when(AccountCommand::RevokeLogin { login: login(9) })
        .then_refuse(AccountRefusal::LoginUnknown);
    given(events)
        .when(AccountCommand::RevokeOtherLogins { kept: login(2) })
        .then_expect([revoked(1, RevokeReason::Revoked), revoked(3, RevokeReason::Revoked)]);
}

#[test]
fn new_password_ends_every_login_and_begins_one() {
    let events = [began(), vec![logged_in(2)]].concat();
    let changed = [password_changed(Tokens::Ended), logged_in(3)];

    given(events.clone()).when(change_password(3, 0)).then_expect(changed.clone());

    let account = account(&[events, changed.to_vec()].concat());
    let live: Vec<_> = account.list_logins(None, at(1)).into_iter().map(|view| view.id).collect();
    assert_eq!(live, [login(3)]);
}

#[test]
fn password_that_was_checked_before_it_changed_is_of_no_use() {
    let events = [began(), vec![password_changed(Tokens::Ended)]].concat();

    for late in [log_in(2, 0), change_password(2, 0)] {
        given(events.clone()).when(late).then_refuse(AccountRefusal::CredentialsOutdated);
    }
    given(events).when(log_in(2, 1)).then_expect([logged_in(2)]);
}

#[test]
fn what_changes_rights_moves_the_authority_and_nothing_else_does() {
    let mut events = began();
    let authority = account(&events).authority();
    for still in [logged_in(2), refreshed(2, 1), revoked(2, RevokeReason::LoggedOut)] {
        events.push(still);
        assert_eq!(account(&events).authority(), authority);
    }
    for (moved, change) in [
        AccountEvent::RoleChanged { role: Role::Viewer, by: "root".into() },
        password_changed(Tokens::Kept),
        disabled(),
        AccountEvent::UserEnabled { by: "root".into() },
    ]
    .into_iter()
    .enumerate()
    {
        events.push(change);
        assert_eq!(account(&events).authority(), authority + 1 + moved as u64);
    }
}

#[test]
fn one_login_too_many_costs_the_one_that_was_idle_longest() {
    let mut events = vec![registered()];
    let many = u64::try_from(MAX_LOGINS).unwrap();
    events.extend((1..=many).map(|number| AccountEvent::LoggedIn(new_login_at(number.into(), at(number)))));
    events.push(AccountEvent::LoginRefreshed {
        login: login(1),
        generation: 1,
        at: at(many + 1),
        address: "::1".into(),
        expires_at: at(many + 1).plus_millis(REFRESH_LIFETIME_MS),
    });
    let one_more = new_login_at(99, at(many + 2));

    given(events)
        .when(AccountCommand::LogIn { login: one_more.clone(), authority: 0 })
        .then_expect([revoked(2, RevokeReason::Superseded), AccountEvent::LoggedIn(one_more)]);
}

#[test]
fn expired_logins_drop_out_of_the_state() {
    let late = new_login_at(2, at(REFRESH_LIFETIME_MS));

    let account = account(&[began(), vec![AccountEvent::LoggedIn(late)]].concat());

    assert_eq!(account.logins.len(), 1);
}

#[test]
fn saying_what_holds_already_changes_nothing() {
    let events = [registered(), disabled()];
    for command in [
        AccountCommand::ChangeRole { role: Role::Member, by: "root".into() },
        AccountCommand::Disable { by: "root".into() },
        AccountCommand::ChangeBudget { monthly_budget: None, by: "root".into() },
        AccountCommand::RevokeOtherLogins { kept: login(1) },
    ] {
        given(events.clone()).when(command).then_expect([]);
    }
    given([registered()]).when(AccountCommand::Enable { by: "root".into() }).then_expect([]);
}

#[test]
fn admins_change_role_budget_and_whether_somebody_may_come_in() {
    let by = || "root".to_owned();
    let monthly_budget = Some(MicroDollars(5_000_000));
    for (command, event) in [
        (
            AccountCommand::ChangeRole { role: Role::Admin, by: by() },
            AccountEvent::RoleChanged { role: Role::Admin, by: by() },
        ),
        (AccountCommand::Disable { by: by() }, AccountEvent::UserDisabled { by: by() }),
        (
            AccountCommand::ChangeBudget { monthly_budget, by: by() },
            AccountEvent::BudgetChanged { monthly_budget_micros: monthly_budget, by: by() },
        ),
    ] {
        given([registered()]).when(command).then_expect([event]);
    }
    given([registered(), disabled()])
        .when(AccountCommand::Enable { by: by() })
        .then_expect([AccountEvent::UserEnabled { by: by() }]);
}

#[test]
fn only_an_active_admin_counts_as_one() {
    let admin = AccountEvent::RoleChanged { role: Role::Admin, by: "root".into() };

    assert!(!account(&[registered()]).is_active_admin());
    assert!(account(&[registered(), admin.clone()]).is_active_admin());
    assert!(!account(&[registered(), admin, disabled()]).is_active_admin());
}
