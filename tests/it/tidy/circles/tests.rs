//! The finder on crates of a few lines.

use std::collections::BTreeMap;

use super::circles;

fn tree(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// The files of each circle of a made-up crate.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let circles = circles(&tree(files), "lib.rs");
    circles.iter().map(|circle| Vec::from_iter(circle.files.iter().cloned()).join(" ")).collect()
}

#[test]
fn two_files_that_use_each_other_are_a_circle_that_names_what_ties_it() {
    let sources = tree(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::{Second, Third}; pub struct First(Second, Third);"),
        ("b.rs", "use crate::c::Ground; pub struct Second; pub struct Third(Box<super::a::First>, Ground);"),
        ("c.rs", "pub struct Ground;"),
    ]);

    let circles = circles(&sources, "lib.rs");

    let told: Vec<String> = circles.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["2 files use each other in a circle:\n  a.rs -> b.rs: Second, Third\n  b.rs -> a.rs: First\n"]
    );
}

#[test]
fn a_longer_way_round_is_a_circle_and_a_stair_is_none() {
    let a = ("a.rs", "pub struct A(crate::b::B);");
    let b = ("b.rs", "pub struct B(crate::c::C);");
    let root = ("lib.rs", "mod a; mod b; mod c; pub use a::A;");

    assert_eq!(found(&[root, a, b, ("c.rs", "pub struct C(Option<Box<crate::A>>);")]), ["a.rs b.rs c.rs"]);
    assert_eq!(found(&[root, a, b, ("c.rs", "pub struct C;")]), [""; 0]);
}

#[test]
fn a_name_that_is_handed_on_belongs_to_the_file_that_defines_it() {
    let hands_on =
        ("parent.rs", "mod child; pub use child::Thing as Renamed; pub fn own(_: crate::user::User) {}");
    let user = ("user.rs", "use crate::parent::Renamed; pub struct User(Renamed);");
    let child = |text| ("parent/child.rs", text);

    let apart = found(&[("lib.rs", "mod parent; mod user;"), hands_on, user, child("pub struct Thing;")]);
    let tied = "pub struct Thing; fn back(_: &crate::user::User) {}";
    let tied = found(&[("lib.rs", "mod parent; mod user;"), hands_on, user, child(tied)]);

    assert_eq!(apart, [""; 0]);
    assert_eq!(tied, ["parent/child.rs user.rs"]);
}

#[test]
fn a_child_closes_no_circle_with_its_parent_and_others_do() {
    let found = |parent, user| {
        let child = ("parent/child.rs", "pub fn help(_: super::Shared) {}");
        found(&[("lib.rs", "mod parent; mod user;"), ("parent.rs", parent), ("user.rs", user), child])
    };
    let uses_parent = "use crate::parent::Shared; pub struct User(Shared);";

    assert_eq!(found("mod child; use child::help; pub struct Shared;", uses_parent), [""; 0]);
    assert_eq!(found("mod child; pub struct Shared(crate::user::User);", uses_parent), ["parent.rs user.rs"]);
}

#[test]
fn names_are_seen_wherever_code_has_them() {
    let other = ("b.rs", "use crate::a::A; pub struct B; pub fn b(_: A) {} pub mod inner { pub struct B; }");

    for names_it in [
        "fn run(_: A) { crate::b::b(A) }",
        "fn run(_: A) { super::b::b(A) }",
        "use super::b; fn run(_: A) { b::b(A) }",
        "fn run(_: A) { use crate::b::b as done; done(A) }",
        "use crate::b::inner::{self}; fn run(_: inner::B) {}",
        "use super::b::*; fn run(_: B) {}",
        "pub use crate::b::b; fn run(_: A) { b(A) }",
        "fn run(_: A) { say!(\"{}\", [crate::b::b(A)]); }",
        "macro_rules! run { () => { $crate::b::b($crate::a::A) } }",
        "#[says(body = crate::b::B)] fn run() {}",
        "mod within { fn run(_: super::super::b::B) {} }",
    ] {
        let a = format!("pub struct A; {names_it}");
        assert_eq!(found(&[("lib.rs", "mod a; mod b;"), ("a.rs", &a), other]), ["a.rs b.rs"], "{names_it}");
    }
}

#[test]
fn what_is_compiled_for_tests_only_ties_nothing() {
    let found = found(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "#[cfg(test)] mod tests; pub struct A; impl A { #[cfg(test)] fn sample() -> crate::b::B {} }",
        ),
        ("a/tests.rs", "use crate::b::B; use super::A; pub fn sample() {}"),
        ("b.rs", "pub struct B(crate::a::A); #[cfg(test)] use crate::a::tests::sample;"),
    ]);

    assert_eq!(found, [""; 0]);
}

#[test]
fn names_that_lead_to_no_definition_of_the_crate_tie_nothing() {
    let found = found(&[
        ("lib.rs", "mod a; mod b; use crate::b; pub use loops::*; mod loops { pub use super::*; }"),
        (
            "a.rs",
            "use std::fmt::Debug; use same::same; pub(in crate::b) struct A; fn field(of: A) -> same { say!(of.B, 'B) }",
        ),
        ("b.rs", "pub struct B(crate::a::A, uuid::Uuid, ::a::A);"),
    ]);

    assert_eq!(found, [""; 0]);
}
