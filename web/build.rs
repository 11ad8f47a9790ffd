//! Puts the built pages where the program embeds them from; it never builds them.
//!
//! Without pages the server compiles with one that says how to build them, so that who works on the server
//! needs no Node. `REQUIRE_UI=1`, for what is shipped, refuses that.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

const STUB: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Claude Code Runner</title>\
<h1>The pages are not built</h1><p>Run <code>make ui</code> and build the server again.</p></html>\n";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../migrations");
    println!("cargo:rerun-if-env-changed=UI_DIST");
    println!("cargo:rerun-if-env-changed=REQUIRE_UI");
    let dist = env::var_os("UI_DIST").map_or_else(|| PathBuf::from("ui/dist"), PathBuf::from);
    let target = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?).join("ui");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::create_dir_all(&target)?;
    println!("cargo:rerun-if-changed={}", dist.join("index.html").display());
    if dist.join("index.html").exists() {
        return copy(&dist, &target);
    }
    if env::var_os("REQUIRE_UI").is_some_and(|required| required == "1") {
        println!("cargo::error=there are no pages in {}; `make ui` builds them", dist.display());
    } else {
        println!("cargo::warning=the pages are not built; `make ui` does that");
    }
    fs::write(target.join("index.html"), STUB)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            println!("cargo:rerun-if-changed={}", entry.path().display());
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
