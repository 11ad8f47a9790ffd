//! Reads the files of a crate into modules: what each defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, UseTree, VisRestricted, Visibility};

/// `crate::session::view` is `["session", "view"]` as a module, and starts with `"crate"` as a path.
pub(super) type Path = Vec<String>;

/// A module of a file. Modules with a body share the file that they stand in.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) file: String,
    pub(super) children: BTreeSet<String>,
    pub(super) items: BTreeSet<String>,
    /// Names that stand for paths; one name may stand for a module and for a function.
    pub(super) imports: BTreeMap<String, Vec<Path>>,
    /// What `use path::*` names.
    pub(super) globs: Vec<Path>,
    /// Paths in the code, and the imports that are not handed on.
    pub(super) named: Vec<Path>,
}

/// The modules of a crate, without those that are compiled for its tests only.
#[derive(Debug, Default)]
pub(super) struct Crate {
    pub(super) modules: BTreeMap<Path, Module>,
}

impl Crate {
    /// Follows `mod` from the root through `sources`, which are texts by path.
    pub(super) fn read(sources: &BTreeMap<String, String>, root: &str) -> Self {
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let mut reader =
            Reader { sources, read: Self::default(), here: vec![], file: root.to_owned(), folder };
        reader.enter_file();
        reader.read
    }
}

struct Reader<'a> {
    sources: &'a BTreeMap<String, String>,
    read: Crate,
    here: Path,
    file: String,
    /// The folder of the root.
    folder: String,
}

impl Reader<'_> {
    fn enter_file(&mut self) {
        let text = self.sources.get(&self.file).unwrap_or_else(|| panic!("there is no {}", self.file));
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", self.file));
        self.module();
        self.visit_file(&parsed);
    }

    fn module(&mut self) -> &mut Module {
        let file = &self.file;
        self.read
            .modules
            .entry(self.here.clone())
            .or_insert_with(|| Module { file: file.clone(), ..Module::default() })
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_handed_on: bool) {
        let with = |name: String| [before, &[name]].concat();
        let (path, alias) = match tree {
            UseTree::Path(next) => {
                return self.import(&next.tree, &with(next.ident.to_string()), is_handed_on);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, before, is_handed_on));
            }
            UseTree::Glob(_) => return self.module().globs.push(before.to_vec()),
            UseTree::Name(name) if name.ident == "self" => (before.to_vec(), before.last().cloned()),
            UseTree::Name(name) => (with(name.ident.to_string()), Some(name.ident.to_string())),
            UseTree::Rename(name) => (with(name.ident.to_string()), Some(name.rename.to_string())),
        };
        if !is_handed_on {
            self.module().named.push(path.clone());
        }
        self.module().imports.entry(alias.unwrap_or_default()).or_default().push(path);
    }

    /// Paths in tokens that are not parsed: what stands between the parentheses of a macro.
    fn scan(&mut self, tokens: TokenStream) {
        let (mut path, mut before) = (Path::new(), String::new());
        for token in tokens {
            match &token {
                TokenTree::Ident(name) if before == "::" => path.push(name.to_string()),
                TokenTree::Ident(name) => {
                    self.end(&mut path);
                    // Neither a field nor a lifetime.
                    if !matches!(before.as_str(), "." | "'") {
                        path.push(name.to_string());
                    }
                }
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            before = match &token {
                TokenTree::Punct(mark) if mark.as_char() == ':' && before == ":" => "::".to_owned(),
                TokenTree::Group(_) => String::new(),
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => token.to_string(),
            };
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Path) {
        if !path.is_empty() {
            self.module().named.push(std::mem::take(path));
        }
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_item(&mut self, item: &'a Item) {
        let (attributes, name) = described(item);
        if !is_for_tests(attributes) {
            self.module().items.extend(name);
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'a ImplItem) {
        let attributes = if let ImplItem::Fn(function) = item { &function.attrs[..] } else { &[] };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        let name = module.ident.to_string();
        self.module().children.insert(name.clone());
        self.here.push(name);
        if let Some((_, items)) = &module.content {
            self.module();
            for item in items {
                self.visit_item(item);
            }
        } else {
            let folder = if self.folder.is_empty() { String::new() } else { format!("{}/", self.folder) };
            let outer = std::mem::replace(&mut self.file, format!("{folder}{}.rs", self.here.join("/")));
            self.enter_file();
            self.file = outer;
        }
        self.here.pop();
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        let is_handed_on = !matches!(item.vis, Visibility::Inherited);
        if item.leading_colon.is_none() {
            self.import(&item.tree, &[], is_handed_on);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        if path.leading_colon.is_none() {
            let path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.module().named.push(path);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a Macro) {
        visit::visit_macro(self, call);
        self.scan(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
        }
    }

    /// `pub(in path)` says who may use, and uses nothing.
    fn visit_vis_restricted(&mut self, _: &'a VisRestricted) {}
}

/// The attributes of an item, and the name that it gives its module.
fn described(item: &Item) -> (&[Attribute], Option<String>) {
    let (attributes, name) = match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Impl(item) => (&item.attrs, None),
        Item::Mod(item) => (&item.attrs, None),
        Item::Use(item) => (&item.attrs, None),
        Item::ExternCrate(_) | Item::ForeignMod(_) | Item::TraitAlias(_) | Item::Verbatim(_) | _ => {
            return (&[], None);
        }
    };
    (attributes, name.map(ToString::to_string))
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}
