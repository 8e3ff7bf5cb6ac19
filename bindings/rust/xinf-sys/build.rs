//! Finds libxinf (pkg-config, or with feature `vendored` builds the checkout's) and makes declarations from its header.
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn call(command: &mut Command) {
    let status = command.status().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(status.success(), "{command:?} failed");
}

/// The checkout's library as an archive, and the folder of its header.
fn vendored(out: &Path) -> Vec<PathBuf> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../..");
    let build = out.join("library");
    if !build.join("build.ninja").is_file() {
        call(Command::new("meson").arg("setup").arg(&build).arg(&root).args([
            "--buildtype=release",
            "-Dtests=false",
            "-Dexamples=false",
            "-Dtools=false",
        ]));
    }
    call(Command::new("ninja").arg("-C").arg(&build).arg("lib/libxinf.a"));
    println!("cargo:rustc-link-search=native={}", build.join("lib").display());
    println!("cargo:rustc-link-lib=static=xinf");
    // What the archive needs stands in the build's own xinf.pc.
    let path = build.join("meson-private");
    let flags = Command::new("pkg-config").args(["--static", "--libs", "xinf"]).env("PKG_CONFIG_PATH", path).output();
    let flags = flags.expect("pkg-config");
    for flag in String::from_utf8_lossy(&flags.stdout).split_whitespace() {
        match flag.strip_prefix("-l") {
            Some("xinf") | None => {}
            Some(name) => println!("cargo:rustc-link-lib={name}"),
        }
    }
    println!("cargo:rerun-if-changed={}", root.join("lib").display());
    vec![root.join("include")]
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let folders = if env::var_os("CARGO_FEATURE_VENDORED").is_some() {
        vendored(&out)
    } else {
        let found = pkg_config::Config::new().atleast_version("0.1").probe("xinf");
        found.unwrap_or_else(|e| panic!("install libxinf or use the feature `vendored`: {e}")).include_paths
    };
    let header = folders.iter().map(|f| f.join("xinf.h")).find(|p| p.is_file());
    let header = header.unwrap_or_else(|| PathBuf::from("/usr/include/xinf.h"));
    println!("cargo:rerun-if-changed={}", header.display());
    bindgen::Builder::default()
        .header(header.to_str().expect("a path in UTF-8"))
        .allowlist_item("xinf_.*")
        .allowlist_item("XINF_.*")
        .prepend_enum_name(false)
        .default_enum_style(bindgen::EnumVariation::Consts)
        .generate()
        .expect("declarations of xinf.h")
        .write_to_file(out.join("xinf.rs"))
        .expect("a writable OUT_DIR");
}
