//! Makes the folder of the built pages exist, so that the server compiles before they are built.

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=ui/dist");
    println!("cargo:rerun-if-changed=../migrations");
    std::fs::create_dir_all("ui/dist/assets")
}
