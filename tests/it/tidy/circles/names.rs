//! Finds the file that defines what a path names.

use std::collections::BTreeSet;

use super::Arrows;
use super::reading::{Crate, Path};

/// Imports that lead through more modules than this lead in a loop: `use name::name` of another crate.
const MOST_STEPS: usize = 64;

/// Which file takes which names from which other.
pub(super) fn arrows(read: &Crate) -> Arrows {
    let mut arrows = Arrows::new();
    for (here, module) in &read.modules {
        for path in &module.named {
            let found = resolve(read, Name { here, path }, &mut BTreeSet::new());
            if let Some((file, name)) = found.filter(|(file, _)| *file != module.file) {
                arrows.entry((module.file.clone(), file)).or_default().insert(name);
            }
        }
    }
    arrows
}

/// A path, and the module in which it stands.
#[derive(Clone, Copy)]
struct Name<'a> {
    here: &'a [String],
    path: &'a [String],
}

/// The file and the item that a path leads to, unless it leads out of the crate or to a module.
fn resolve(read: &Crate, name: Name<'_>, seen: &mut BTreeSet<(Path, Path)>) -> Option<(String, String)> {
    let Name { here, path } = name;
    let (first, rest) = path.split_first()?;
    if seen.len() > MOST_STEPS || !seen.insert((here.to_vec(), path.to_vec())) {
        return None;
    }
    let module = read.modules.get(here)?;
    match first.as_str() {
        "crate" => return resolve(read, Name { here: &[], path: rest }, seen),
        "self" => return resolve(read, Name { here, path: rest }, seen),
        "super" => return resolve(read, Name { here: here.split_last()?.1, path: rest }, seen),
        _ => {}
    }
    let child = [here, std::slice::from_ref(first)].concat();
    let in_child =
        module.children.contains(first).then(|| resolve(read, Name { here: &child, path: rest }, seen));
    if let Some(found) = in_child.flatten() {
        return Some(found);
    }
    if module.items.contains(first) {
        return Some((module.file.clone(), first.clone()));
    }
    let paths: Vec<Path> = match module.imports.get(first) {
        Some(imported) => imported.iter().map(|import| [import, rest].concat()).collect(),
        None if module.children.contains(first) => vec![],
        None => {
            let globs = module.globs.iter().filter(|glob| glob.first() != Some(first));
            globs.map(|glob| [&glob[..], path].concat()).collect()
        }
    };
    paths.iter().find_map(|path| resolve(read, Name { here, path }, seen))
}
