//! The places of transcripts, the files that are kept of them, and the ids of their sessions.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use runner_core::ids::{SessionId, TurnId};
use runner_core::session::adoption::Shared;
use runner_core::session::event::{LifecycleEvent, Parent, SessionEvent, TurnEvent};
use serde_json::json;
use uuid::Uuid;

use super::samples::{Folder, Reading, SESSION, Sample};
use crate::claude::import::{CopyOf, Found, Project, Transcript, find_projects};

fn kept(reading: Reading) -> Vec<(String, String)> {
    let files = reading.session.unwrap().files.into_iter();
    files.map(|file| (file.path, String::from_utf8(file.bytes).unwrap())).collect()
}

#[test]
fn files_are_kept_under_the_names_that_the_agent_looks_for() {
    let sample = Sample::new()
        .prompt("go")
        .beside("subagents/agent-a.jsonl", "{}\n")
        .beside("tool-results/1.txt", "x");

    let expected = [
        (format!("projects/-srv-app/{SESSION}.jsonl"), format!("{}\n", sample.text_of())),
        (format!("projects/-srv-app/{SESSION}/subagents/agent-a.jsonl"), "{}\n".to_owned()),
        (format!("projects/-srv-app/{SESSION}/tool-results/1.txt"), "x".to_owned()),
    ];
    assert_eq!(kept(sample.read()), expected);
}

#[test]
fn torn_last_line_is_counted_and_not_kept() {
    let whole = Sample::new().prompt("go").text("m1", "done");
    let torn = whole.clone().raw("{\"parentUuid\":\"00000000");

    let reading = torn.read();

    assert_eq!(reading.unreadable[0].lines, [3]);
    assert_eq!(reading.session.as_ref().unwrap().events, whole.session().events);
    assert_eq!(kept(reading), kept(whole.read()));
}

#[test]
fn line_with_half_a_character_is_told_and_kept_as_it_is() {
    let half = Sample::new().prompt("go").text("m1", "cut HALF").text_of().replace("HALF", r"\ud83d");
    let sample = half.lines().fold(Sample::new(), Sample::raw);

    let reading = sample.read();

    assert_eq!(reading.unreadable, []);
    assert!(sample.told().contains(&"text: cut \u{fffd}".to_owned()), "{:#?}", sample.told());
    assert_eq!(kept(reading)[0].1, format!("{half}\n"));
}

#[test]
fn id_is_the_name_of_the_file_or_else_what_its_lines_say() {
    let sample = Sample::new().prompt("go");
    let nameless = Sample::new().add(json!({ "type": "user", "sessionId": "mine",
        "message": { "role": "user", "content": "go" } }));
    let id = |reading: Reading| reading.session.unwrap().session.to_string();

    assert_eq!(
        id(sample.read_as("5f1d3a52-7c1c-4b0e-9d5e-00000000000f.jsonl", None)),
        "5f1d3a52-7c1c-4b0e-9d5e-00000000000f"
    );
    assert_eq!(id(sample.read_as("copy.jsonl", None)), SESSION);
    assert_ne!(id(nameless.read_as("notes.jsonl", None)), SESSION);
}

#[test]
fn copy_names_where_it_comes_from_and_counts_only_its_own() {
    let parent = SessionId(Uuid::from_u128(7));
    let forked = |sample: Sample| sample.from(parent, |sample| sample.prompt("one").text("m1", "1"));
    let copy = forked(Sample::new()).prompt("two").text("m2", "2");
    let shared = Shared { version: 5, parts: ["m1".to_owned()].into() };

    let reading = copy.read_as("copy.jsonl", Some(&CopyOf { session: parent, shared }));

    assert_eq!(reading.copied_from, Some(parent));
    let told = reading.session.unwrap();
    let SessionEvent::Lifecycle(LifecycleEvent::Opened(opened)) = &told.events[0].event else { panic!() };
    assert_eq!(opened.parent, Some(Parent { session: parent, version: 5 }));
    let accounts = told.events.iter().filter_map(|past| {
        let SessionEvent::Turn(TurnEvent::Completed(completed)) = &past.event else { return None };
        Some(&completed.account)
    });
    let tokens: Vec<u64> = accounts.map(|account| account.spend.usage().input_tokens).collect();
    assert_eq!(tokens, [0, 100]);
    assert_eq!(Sample::new().prompt("one").read().copied_from, None);
}

#[test]
fn branch_gets_files_of_its_own() {
    let folder = Folder::new();
    let path = folder.0.join(format!("{SESSION}.jsonl"));
    fs::write(&path, Sample::new().prompt("go").text_of()).unwrap();
    let transcript = Transcript::read(&path).unwrap();
    let branch = Transcript::branch(transcript.session, TurnId(Uuid::from_u128(1)));

    let told = transcript.tell(branch, None, "local").unwrap();

    assert_eq!(told.files[0].path, format!("projects/-srv-app/{branch}.jsonl"));
    let text = String::from_utf8_lossy(&told.files[0].bytes).into_owned();
    assert!(text.contains(&format!(r#""sessionId":"{branch}""#)) && !text.contains(SESSION), "{text}");
}

#[test]
fn file_without_a_conversation_is_no_session() {
    let sample = Sample::new()
        .aside(json!({ "type": "summary", "summary": "Old", "leafUuid": "x" }))
        .raw("")
        .raw("[1]")
        .raw("\0\0");

    let reading = sample.read();

    assert_eq!(reading.session, None);
    assert_eq!(reading.unreadable[0].lines, [3, 4], "blank lines are none");
}

#[test]
fn transcripts_are_found_by_project_and_subagents_are_none() {
    let folder = Folder::new();
    let projects = folder.0.join("projects");
    for name in
        ["-srv-a/1.jsonl", "-srv-a/1/subagents/agent-x.jsonl", "-srv-a/agent-y.jsonl", "-srv-b/2.jsonl"]
    {
        fs::create_dir_all(projects.join(name).parent().unwrap()).unwrap();
        fs::write(projects.join(name), "").unwrap();
    }
    fs::write(folder.0.join("history.jsonl"), "").unwrap();
    let project = |name: &str, transcript: &str| Project {
        name: name.to_owned(),
        transcripts: vec![projects.join(name).join(transcript)],
    };
    let expected = [project("-srv-a", "1.jsonl"), project("-srv-b", "2.jsonl")];
    let found = |folder: &Path| find_projects(folder).unwrap();

    assert_eq!(found(&folder.0), Found { projects: expected.to_vec(), links: vec![] });
    assert_eq!(found(&projects).projects, expected, "a folder of projects");
    assert_eq!(found(&projects.join("-srv-b")).projects, expected[1..], "a project");
    assert!(find_projects(&folder.0.join("missing")).is_err());
}

#[test]
fn links_to_projects_are_followed_and_others_are_named() {
    let (folder, shared) = (Folder::new(), Folder::new());
    let projects = folder.0.join("projects");
    for path in [
        shared.0.join("team/1.jsonl"),
        shared.0.join("team/1/subagents/agent-x.jsonl"),
        projects.join("-srv-b/2.jsonl"),
        projects.join("-srv-b/2/a.txt"),
    ] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    symlink(shared.0.join("team"), projects.join("-srv-a")).unwrap();
    symlink(&projects, projects.join("again")).unwrap();
    symlink(projects.join("-srv-b"), projects.join("twice")).unwrap();
    symlink(shared.0.join("gone"), projects.join("gone")).unwrap();
    symlink(shared.0.join("team/1.jsonl"), projects.join("-srv-b/3.jsonl")).unwrap();

    let found = find_projects(&folder.0).unwrap();

    let transcripts: Vec<_> = found.projects.iter().flat_map(|project| &project.transcripts).collect();
    assert_eq!(transcripts, [&projects.join("-srv-a/1.jsonl"), &projects.join("-srv-b/2.jsonl")]);
    let links = ["-srv-b/3.jsonl", "again", "gone", "twice"].map(|name| projects.join(name));
    assert_eq!(found.links, links);
}
