//! The rules of the repository that no compiler checks.

mod circles;
mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Who may depend on whom; any other edge between packages is wrong.
const ALLOWED: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("actors", &["core"]),
    ("adapters", &["core"]),
    ("lambda", &["web"]),
    ("web", &["core", "actors", "adapters"]),
    ("tests", &["core", "actors", "adapters", "web"]),
];

/// Where the crates of the product begin.
const ROOTS: [&str; 6] = [
    "core/src/lib.rs",
    "actors/src/lib.rs",
    "adapters/src/lib.rs",
    "web/src/lib.rs",
    "web/src/main.rs",
    "lambda/src/main.rs",
];

const MAX_LINES: usize = 400;

/// Files below a folder of the repository, without what is built or installed.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_made = ["target", "node_modules", "dist", "data", ".git", ".agent", "venv", "generated"]
            .iter()
            .chain(&["schema.d.ts", "routeTree.gen.ts"])
            .any(|made| name == *made);
        match (path.is_dir(), is_made) {
            (true, false) => files(&path, found),
            (false, false) => found.push(path),
            (_, true) => {}
        }
    }
}

fn sources(extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = vec![];
    files(runner_tests::root(), &mut found);
    let chosen = found.into_iter().filter(|path| {
        path.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
    });
    chosen.map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect()
}

/// `path:line` of what is found in the sources that `is_meant` takes, by their paths from the root.
fn places(is_meant: impl Fn(&Path) -> bool, find: fn(&str) -> Vec<usize>) -> Vec<String> {
    let own = |path: PathBuf| path.strip_prefix(runner_tests::root()).unwrap().to_owned();
    let sources = sources(&["rs"]).into_iter().map(|(path, text)| (own(path), text));
    let meant = sources.filter(|(path, _)| is_meant(path));
    let place = |path: &Path, line: usize| format!("{}:{line}", path.display());
    meant.flat_map(|(path, text)| find(&text).into_iter().map(move |line| place(&path, line))).collect()
}

#[test]
fn packages_depend_only_on_those_they_may() {
    for (package, allowed) in ALLOWED {
        let manifest =
            std::fs::read_to_string(runner_tests::root().join(package).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let own: BTreeSet<&str> = manifest["dependencies"]
            .as_table()
            .unwrap()
            .keys()
            .filter_map(|name| name.strip_prefix("runner-"))
            .collect();
        let allowed = allowed.iter().copied().collect();
        assert!(own.is_subset(&allowed), "{package} depends on {own:?}, may depend on {allowed:?}");
    }
}

#[test]
fn every_shared_version_is_of_a_package_that_is_used() {
    let manifest = |folder: &str| -> toml::Table {
        let path = runner_tests::root().join(folder).join("Cargo.toml");
        std::fs::read_to_string(path).unwrap().parse().unwrap()
    };
    let used: BTreeSet<String> = ALLOWED
        .iter()
        .map(|(package, _)| manifest(package))
        .flat_map(|manifest| {
            let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
            let names = tables.map(|table| manifest.get(table).and_then(toml::Value::as_table).cloned());
            names.into_iter().flatten().flat_map(|table| table.into_iter().map(|(name, _)| name))
        })
        .collect();
    let shared = manifest("")["workspace"]["dependencies"].as_table().unwrap().clone();
    let unused: Vec<String> =
        shared.into_iter().map(|(name, _)| name).filter(|name| !used.contains(name)).collect();
    assert_eq!(unused, [""; 0]);
}

#[test]
fn only_composition_roots_name_adapters() {
    let web = runner_tests::root().join("web/src");
    for (path, text) in sources(&["rs"]) {
        let is_root = ["app.rs", "import.rs", "main.rs"].iter().any(|name| path == web.join(name));
        let may = is_root || path.starts_with(web.join("app"));
        assert!(!path.starts_with(&web) || may || !text.contains("runner_adapters"), "{}", path.display());
    }
}

#[test]
fn the_domain_does_no_input_or_output_and_reads_no_clock() {
    let core = runner_tests::root().join("core/src");
    for (path, text) in sources(&["rs"]).into_iter().filter(|(path, _)| path.starts_with(&core)) {
        for forbidden in
            ["tokio::", "std::fs", "std::net", "std::process", "::now()", "now_v7", "sqlx", "actix"]
        {
            assert!(!text.contains(forbidden), "{} mentions {forbidden}", path.display());
        }
    }
}

#[test]
fn wire_names_of_the_agent_stay_in_its_adapter() {
    for (path, text) in sources(&["rs"]) {
        let is_adapter = path.starts_with(runner_tests::root().join("adapters"));
        let is_test = path.starts_with(runner_tests::root().join("tests"));
        for name in ["can_use_tool", "control_request", "structuredPatch", "modelUsage"] {
            assert!(is_adapter || is_test || !text.contains(name), "{} spells {name}", path.display());
        }
    }
}

#[test]
fn no_file_is_longer_than_a_person_reads_at_once() {
    for (path, text) in sources(&["rs", "ts", "tsx", "js", "mjs", "css", "sql"]) {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn modules_are_named_by_their_idea() {
    for (path, _) in sources(&["rs"]) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_heap =
            ["mod", "utils", "util", "helpers", "common", "types", "models"].contains(&name.as_str());
        assert!(!is_heap, "{}", path.display());
    }
}

#[test]
fn people_are_they() {
    for (path, text) in sources(&["rs", "md"]) {
        for (number, line) in text.lines().enumerate() {
            let prose = if path.extension().is_some_and(|extension| extension == "rs") {
                line.split_once("//").map_or("", |(_, comment)| comment)
            } else {
                line
            };
            let found = prose
                .split(|character: char| !character.is_alphabetic())
                .find(|word| ["he", "his", "him", "himself"].contains(&word.to_lowercase().as_str()));
            assert!(found.is_none(), "{}:{} says {found:?}", path.display(), number + 1);
        }
    }
}

#[test]
fn links_of_the_pages_lead_to_files_of_the_repository() {
    for (path, text) in sources(&["md"]) {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("http")) {
            let file = link.split('#').next().unwrap();
            let target = path.parent().unwrap().join(file);
            assert!(file.is_empty() || target.exists(), "{} links to {link}", path.display());
        }
    }
}

#[test]
fn words_of_the_glossary_are_those_of_the_code() {
    let glossary = std::fs::read_to_string(runner_tests::root().join("docs/words.md")).unwrap();
    let is_code = |path: &Path| !path.starts_with(runner_tests::root().join("tests"));
    let code = sources(&["rs", "sql", "json"]).into_iter().filter(|(path, _)| is_code(path));
    let code: String = code.map(|(_, text)| text).collect();
    let tables = glossary.lines().filter(|line| line.starts_with("| "));

    let names = tables.flat_map(|line| line.split('`').skip(1).step_by(2));

    let gone: Vec<&str> = names.filter(|name| !code.contains(name)).collect();
    assert_eq!(gone, Vec::<&str>::new(), "docs/words.md names what is nowhere in the code");
}

#[test]
fn versions_of_the_agents_program_that_pass_untried_are_those_of_the_suite() {
    let makefile = std::fs::read_to_string(runner_tests::root().join("Makefile")).unwrap();
    let version = |name: &str| makefile.lines().find_map(|line| line.strip_prefix(&format!("{name} ?= ")));
    let tested = [version("OLDER_CLAUDE_VERSION"), version("CLAUDE_VERSION")].map(Option::unwrap);

    assert_eq!(runner_adapters::claude::TESTED_VERSIONS, tested);
}

#[test]
fn every_page_is_in_the_list_of_pages() {
    let docs = runner_tests::root().join("docs");
    let list = std::fs::read_to_string(docs.join("README.md")).unwrap();
    for (path, _) in sources(&["md"]).into_iter().filter(|(path, _)| path.starts_with(&docs)) {
        let page = path.strip_prefix(&docs).unwrap().display().to_string();
        assert!(page == "README.md" || list.contains(&format!("({page})")), "docs/README.md misses {page}");
    }
}

#[test]
fn comments_are_no_wider_than_code() {
    assert_eq!(places(|_| true, lines::wide_comments), [""; 0]);
}

#[test]
fn events_are_matched_and_not_tried_one_after_the_other() {
    let is_test = |path: &Path| path.iter().any(|part| part == "tests" || part == "tests.rs");

    assert_eq!(places(|path| !is_test(path), lines::ladders_over_events), [""; 0]);
}

#[test]
fn modules_of_a_crate_have_no_circles() {
    let name = |path: PathBuf| path.strip_prefix(runner_tests::root()).unwrap().display().to_string();
    let sources: BTreeMap<String, String> =
        sources(&["rs"]).into_iter().map(|(path, text)| (name(path), text)).collect();

    let circles = ROOTS.iter().flat_map(|root| circles::circles(&sources, root));

    let told: Vec<String> = circles.map(|circle| circle.to_string()).collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}
