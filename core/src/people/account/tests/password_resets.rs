//! The rules of a code with which somebody sets a new password.

use super::samples::{
    account, at, began, disabled, given, login, new_login_at, password_changed, password_reset, registered,
    reset_code, reset_password,
};
use crate::log::Digest;
use crate::people::account::command::AccountCommand;
use crate::people::account::event::{AccountEvent, Tokens};
use crate::people::account::refusal::AccountRefusal;

fn issued(code: u8) -> AccountEvent {
    AccountEvent::PasswordResetIssued(reset_code(code))
}

#[test]
fn code_sets_a_new_password_and_begins_a_login() {
    let issue = AccountCommand::IssuePasswordReset(reset_code(1));
    given(began()).when(issue).then_expect([issued(1)]);

    let logged_in = AccountEvent::LoggedIn(new_login_at(9, at(1)));
    given([registered(), issued(1)]).when(reset_password(1, 1)).then_expect([password_reset(1), logged_in]);
}

#[test]
fn new_password_by_a_code_ends_what_the_old_one_began() {
    let before = account(&[began(), vec![issued(1)]].concat());
    let after = account(&[began(), vec![issued(1), password_reset(1)]].concat());

    assert!(after.find_login(login(1), at(2)).is_none());
    assert!(after.authority() > before.authority());
    assert!(before.find_reset(Digest([1; 32]), at(2)).is_some());
    assert!(after.find_reset(Digest([1; 32]), at(2)).is_none());
}

#[test]
fn code_that_is_wrong_used_replaced_or_too_old_is_refused() {
    let invalid = AccountRefusal::ResetCodeInvalid;

    given(began()).when(reset_password(1, 1)).then_refuse(invalid);
    given([registered(), issued(1)]).when(reset_password(2, 1)).then_refuse(invalid);
    given([registered(), issued(1)]).when(reset_password(1, 10)).then_refuse(invalid);
    given([registered(), issued(1), issued(2)]).when(reset_password(1, 1)).then_refuse(invalid);
    given([registered(), issued(1), password_reset(1)]).when(reset_password(1, 2)).then_refuse(invalid);
    let changed = password_changed(Tokens::Kept);
    given([registered(), issued(1), changed]).when(reset_password(1, 2)).then_refuse(invalid);
}

#[test]
fn disabled_account_gets_no_code_and_loses_the_one_it_had() {
    let issue = AccountCommand::IssuePasswordReset(reset_code(1));

    given([registered(), disabled()]).when(issue).then_refuse(AccountRefusal::Disabled);
    let enabled = AccountEvent::UserEnabled { by: "root".into() };
    given([registered(), issued(1), disabled(), enabled])
        .when(reset_password(1, 1))
        .then_refuse(AccountRefusal::ResetCodeInvalid);
}
