//! The rules of extensions, and how their events are stored.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use uuid::Uuid;

use super::active::{ActiveExtension, ActiveExtensions};
use super::definition::{Defined, Definition, DefinitionEdit, Scope};
use super::event::{CreatedExtension, ExtensionEvent};
use super::mcp_server::{McpServer, McpServerEdit};
use super::secrets::SecretValues;
use super::{Extension, ExtensionChange, ExtensionCommand, ExtensionRefusal, Restored};
use crate::ids::{ExtensionId, SecretId};
use crate::log::Aggregate;
use crate::time::Timestamp;

const AT: Timestamp = Timestamp::from_micros(7);

#[test]
fn a_name_is_taken_until_its_extension_is_removed() {
    let create = ExtensionCommand::Create(created());
    let extension = given(vec![ExtensionEvent::ExtensionCreated(created())]);
    assert_eq!(extension.events_of(create.clone()), Err(ExtensionRefusal::NameTaken));

    let removed = after(extension, ExtensionCommand::Remove(AT));

    assert_eq!(removed.created(), None);
    assert_eq!(removed.events_of(ExtensionCommand::Remove(AT)), Err(ExtensionRefusal::NoSuchExtension));
    assert_eq!(after(removed, create).created(), Some(&created()));
}

#[test]
fn nothing_happens_where_nothing_would_change() {
    let extension = given(vec![ExtensionEvent::ExtensionCreated(created())]);
    let same = vec![
        ExtensionChange::Enabled,
        ExtensionChange::Scope(Scope::User),
        ExtensionChange::Definition(Box::new(stdio("node")), created().secret),
    ];

    assert_eq!(extension.events_of(ExtensionCommand::Change(same, AT)), Ok(vec![]));
}

#[test]
fn a_change_sets_what_it_names_and_a_restore_sets_it_back() {
    let scope = Scope::Workspace { working_dir: "/srv".into() };
    let changes = vec![
        ExtensionChange::Disabled,
        ExtensionChange::Scope(scope.clone()),
        ExtensionChange::Definition(Box::new(stdio("deno")), None),
    ];
    let extension = given(vec![ExtensionEvent::ExtensionCreated(created())]);

    let changed = after(extension, ExtensionCommand::Change(changes, AT));
    assert!(!changed.is_enabled);
    let made = changed.created().unwrap();
    assert_eq!((&made.scope, &made.definition), (&scope, &stdio("deno")));
    assert_eq!(changed.secret(), None);

    let first = Restored { version: 1, scope: Scope::User, definition: stdio("node") };
    let restored = after(changed, ExtensionCommand::Restore(first, AT));
    assert_eq!(restored.created().map(|created| &created.definition), Some(&stdio("node")));
    assert!(!restored.is_enabled);
}

#[test]
fn a_scope_covers_its_owners_sessions_or_everybodys_in_a_folder() {
    let folder = Scope::Workspace { working_dir: "/srv/app".into() };

    assert!(Scope::User.covers("ada", ("ada", Path::new("/anywhere"))));
    assert!(!Scope::User.covers("ada", ("bob", Path::new("/anywhere"))));
    assert!(folder.covers("ada", ("bob", Path::new("/srv/app/deep"))));
    assert!(!folder.covers("ada", ("ada", Path::new("/srv/application"))));
}

#[test]
fn an_edit_of_a_server_keeps_what_it_does_not_name() {
    let before = Defined { definition: stdio("node"), secrets: secrets(&[("KEY", "old"), ("OTHER", "x")]) };
    let env = BTreeMap::from([("KEY".into(), Some("new".into())), ("OTHER".into(), None)]);
    let edit = McpServerEdit { args: Some(vec!["b.js".into()]), env, ..McpServerEdit::default() };

    let after = DefinitionEdit::McpServer(edit).apply(before.clone()).unwrap();

    let args = vec!["b.js".into()];
    let server = McpServer::Stdio { command: "node".into(), args, env: vec!["KEY".into()] };
    assert_eq!(
        after,
        Defined { definition: Definition::McpServer(server), secrets: secrets(&[("KEY", "new")]) }
    );
    let edit = McpServerEdit { url: Some("https://a.example".into()), ..McpServerEdit::default() };
    assert_eq!(DefinitionEdit::McpServer(edit).apply(before).unwrap_err().pointer, "/url");
}

#[test]
fn the_fingerprint_is_that_of_versions_in_any_order() {
    let active = |number, version| ActiveExtension {
        id: ExtensionId(Uuid::from_u128(number)),
        name: format!("server-{number}"),
        version,
        definition: stdio("node"),
        secrets: SecretValues::default(),
    };
    let loaded = |extensions| ActiveExtensions::new(extensions).loaded();

    assert_eq!(loaded(vec![active(1, 1), active(2, 1)]), loaded(vec![active(2, 1), active(1, 1)]));
    assert_ne!(
        loaded(vec![active(1, 1)]).map(|loaded| loaded.fingerprint),
        loaded(vec![active(1, 2)]).map(|loaded| loaded.fingerprint)
    );
    assert_eq!(loaded(vec![]), None);
}

#[test]
fn secret_values_show_their_names_alone() {
    assert_eq!(format!("{:?}", secrets(&[("KEY", "canary")])), r#"{"KEY"}"#);
}

#[test]
fn events_are_stored_like_this_for_ever() {
    let at = "2026-11-22T10:24:13.000Z";
    let time: Timestamp = serde_json::from_value(json!(at)).unwrap();
    let secret = SecretId(Uuid::from_u128(9));
    let definition = json!({ "kind": "mcp_server", "type": "stdio", "command": "node",
        "args": ["s.js"], "env": ["KEY"] });
    let lines: [Value; 8] = [
        json!({ "type": "extension_created", "data": {
            "owner": "ada", "name": "files", "scope": { "type": "user" }, "definition": definition,
            "secret": secret, "is_enabled": true, "at": at } }),
        json!({ "type": "extension_changed", "data": { "definition": definition, "secret": secret, "at": at } }),
        json!({ "type": "extension_changed", "data": { "definition": { "kind": "mcp_server", "type": "http",
            "url": "https://a.example", "headers": [] }, "at": at } }),
        json!({ "type": "extension_moved", "data": {
            "scope": { "type": "workspace", "working_dir": "/srv" }, "at": at } }),
        json!({ "type": "extension_enabled", "data": { "at": at } }),
        json!({ "type": "extension_disabled", "data": { "at": at } }),
        json!({ "type": "extension_restored", "data": {
            "version": 1, "scope": { "type": "user" }, "definition": { "kind": "mcp_server", "type": "sse",
            "url": "https://a.example", "headers": [] }, "at": at } }),
        json!({ "type": "extension_removed", "data": { "at": at } }),
    ];
    let (url, headers) = ("https://a.example".to_owned(), vec![]);
    let http = Definition::McpServer(McpServer::Http { url: url.clone(), headers: headers.clone() });
    let sse = Definition::McpServer(McpServer::Sse { url, headers });
    let events = [
        ExtensionEvent::ExtensionCreated(CreatedExtension { at: time, ..created() }),
        ExtensionEvent::ExtensionChanged { definition: stdio("node"), secret: Some(secret), at: time },
        ExtensionEvent::ExtensionChanged { definition: http, secret: None, at: time },
        ExtensionEvent::ExtensionMoved { scope: Scope::Workspace { working_dir: "/srv".into() }, at: time },
        ExtensionEvent::ExtensionEnabled { at: time },
        ExtensionEvent::ExtensionDisabled { at: time },
        ExtensionEvent::ExtensionRestored {
            restored: Restored { version: 1, scope: Scope::User, definition: sse },
            at: time,
        },
        ExtensionEvent::ExtensionRemoved { at: time },
    ];

    assert_eq!(events.clone().map(|event| serde_json::to_value(event).unwrap()), lines);
    assert_eq!(lines.map(|line| serde_json::from_value::<ExtensionEvent>(line).unwrap()), events);
}

fn given(events: Vec<ExtensionEvent>) -> Extension {
    let mut extension = Extension::default();
    events.into_iter().for_each(|event| extension.apply(event));
    extension
}

fn after(mut extension: Extension, command: ExtensionCommand) -> Extension {
    extension.events_of(command).unwrap().into_iter().for_each(|event| extension.apply(event));
    extension
}

fn created() -> CreatedExtension {
    CreatedExtension {
        owner: "ada".into(),
        name: "files".into(),
        scope: Scope::User,
        definition: stdio("node"),
        secret: Some(SecretId(Uuid::from_u128(9))),
        is_enabled: true,
        at: AT,
    }
}

fn stdio(command: &str) -> Definition {
    Definition::McpServer(McpServer::Stdio {
        command: command.into(),
        args: vec!["s.js".into()],
        env: vec!["KEY".into()],
    })
}

fn secrets(values: &[(&str, &str)]) -> SecretValues {
    SecretValues(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}
