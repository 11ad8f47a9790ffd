//! The rules of a team.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Beside, NameMalformed, Tenant, TenantCommand, TenantCreated, TenantEvent, TenantName, TenantRefusal,
};
use crate::ids::{InviteId, StreamId, TenantId};
use crate::log::Aggregate;
use crate::time::Timestamp;

#[test]
fn name_and_folder_that_nobody_has_make_a_team() {
    let acme = team("acme", "/srv/acme");

    let made = create("Bolt", "/srv/acme-beside", &[acme]);

    assert_eq!(made, Ok(vec![TenantEvent::TenantCreated(created("Bolt", "/srv/acme-beside"))]));
}

#[test]
fn names_that_look_alike_are_one_name() {
    let acme = [team("Acme", "/srv/acme")];

    for name in ["Acme", "ACME", "ａｃｍｅ", "default", "Default"] {
        assert_eq!(create(name, "/srv/other", &acme), Err(TenantRefusal::NameTaken), "{name}");
    }
}

#[test]
fn folders_of_two_teams_do_not_overlap() {
    let acme = [team("acme", "/srv/teams/acme")];

    for folder in ["/srv/teams/acme", "/srv/teams/acme/deep", "/srv/teams"] {
        let refused = create("bolt", folder, &acme);
        assert_eq!(refused, Err(TenantRefusal::FolderTaken("acme".into())), "{folder}");
    }
}

#[test]
fn folder_in_which_the_operators_work_is_theirs_and_one_below_may_be_given_away() {
    for folder in ["/", "/srv/operators"] {
        assert_eq!(create("bolt", folder, &[]), Err(TenantRefusal::FolderOfOperators), "{folder}");
    }
    assert!(create("bolt", "/srv/operators/bolt", &[]).is_ok());
}

#[test]
fn only_a_team_that_was_made_is_invited_to() {
    let (invite, at) = (InviteId(Uuid::from_u128(9)), Timestamp::from_micros(1));

    let command = || TenantCommand::Invite { invite, by: "ada".into(), at };

    let refused = Tenant::default().events_of(command());
    assert_eq!(refused, Err(TenantRefusal::Unknown));
    let invited = team("acme", "/srv/acme").events_of(command());
    assert_eq!(invited, Ok(vec![TenantEvent::TenantInvited { invite, by: "ada".into(), at }]));
}

#[test]
fn name_is_one_to_sixty_four_visible_characters() {
    for text in ["a", "Acme & Söhne, GmbH", "研发一部", &"x".repeat(64), "é\u{301}"] {
        assert!(TenantName::try_from(text.to_owned()).is_ok(), "{text:?}");
    }
    let (long, huge) = ("x".repeat(65), "x".repeat(100_000));
    for text in
        ["", " ", " a", "a ", "a  b", "a\nb", "a\0", "a\u{a0}b", "a\u{200b}", "\u{202e}a", &long, &huge]
    {
        assert_eq!(TenantName::try_from(text.to_owned()), Err(NameMalformed), "{text:?}");
    }
}

#[test]
fn team_is_found_by_its_id_and_the_first_one_was_made_by_nobody() {
    let id = Uuid::from_u128(7);

    assert_eq!(Tenant::stream(&TenantId(id.to_string())), Some(StreamId(id)));
    assert_eq!(Tenant::stream(&TenantId::first()), None);
}

#[test]
fn events_are_stored_like_this_for_ever() {
    let at = "1970-01-01T00:00:00.000Z";
    let invite = "00000000-0000-0000-0000-000000000003";
    let lines = [
        json!({ "type": "tenant_created", "data": {
            "tenant": "00000000-0000-0000-0000-000000000002", "name": "acme", "working_dir": "/srv/acme",
            "invite": invite, "by": "ada", "at": at } }),
        json!({ "type": "tenant_invited", "data": { "invite": invite, "by": "ada", "at": at } }),
    ];

    let read = lines.clone().map(|line| serde_json::from_value::<TenantEvent>(line).unwrap());
    assert_eq!(read[0], TenantEvent::TenantCreated(created("acme", "/srv/acme")));
    assert_eq!(read.map(|event| serde_json::to_value(event).unwrap()), lines);
}

#[test]
fn state_is_folded_from_events_and_shows_no_invitation() {
    let view = serde_json::to_value(team("acme", "/srv/acme").view()).unwrap();

    assert_eq!(
        view,
        json!({ "id": "00000000-0000-0000-0000-000000000002", "name": "acme", "working_dir": "/srv/acme",
            "created_by": "ada", "created_at": "1970-01-01T00:00:00.000Z" })
    );
    assert_eq!(serde_json::to_value(Tenant::default().view()).unwrap(), Value::Null);
}

fn created(name: &str, working_dir: &str) -> TenantCreated {
    TenantCreated {
        tenant: TenantId(Uuid::from_u128(2).to_string()),
        name: name.into(),
        working_dir: working_dir.into(),
        invite: InviteId(Uuid::from_u128(3)),
        by: "ada".into(),
        at: Timestamp::from_micros(0),
    }
}

fn team(name: &str, working_dir: &str) -> Tenant {
    let mut team = Tenant::default();
    team.apply(TenantEvent::TenantCreated(created(name, working_dir)));
    team
}

fn create(name: &str, working_dir: &str, teams: &[Tenant]) -> Result<Vec<TenantEvent>, TenantRefusal> {
    let beside = Beside { teams: teams.to_vec(), operators_dir: "/srv/operators".into() };
    let (new, name) = (created(name, working_dir), TenantName::try_from(name.to_owned()).unwrap());
    Tenant::default().events_of(TenantCommand::Create { new, name, beside })
}
