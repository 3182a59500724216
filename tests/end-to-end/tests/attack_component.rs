//! Files that are not what they seem. None of them runs, and the message says why.
#![allow(clippy::unwrap_used)]

use end_to_end::attack::{Attack, Attacked};
use end_to_end::{component, root};
use portcullis::digest::Digest;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

async fn run(bytes: &[u8]) -> Attacked {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.wasm");
    std::fs::write(&path, bytes).unwrap();
    Attack::alone("nothing")
        .component(&path)
        .spawn(BINARY)
        .await
}

async fn refused(bytes: &[u8], words: &[&str]) {
    let attacked = run(bytes).await;
    attacked.expect(4, &["the component may not run here"]);
    attacked.expect(4, words);
    assert!(
        !attacked.directory().join("out").exists(),
        "nothing was begun"
    );
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn hostile() -> Vec<u8> {
    std::fs::read(root().join("target/components/hostile.wasm")).unwrap()
}

#[tokio::test]
async fn what_is_no_component() {
    refused(b"#!/bin/sh\necho hello\n", &["no WebAssembly component"]).await;
    refused(b"", &["no WebAssembly component"]).await;
    refused(
        &wat("(module)"),
        &[
            "a core WebAssembly module, not a component",
            "wasm-component-ld",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_component_that_is_cut_off_or_damaged() {
    let whole = hostile();
    for length in [9, 100, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..length], &["this host can compile"]).await;
    }
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    refused(&damaged, &["this host can compile"]).await;
}

#[tokio::test]
async fn every_forbidden_import_is_named() {
    let imports = [
        "wasi:sockets/tcp@0.2.0",
        "wasi:filesystem/types@0.2.0",
        "wasi:cli/environment@0.2.0",
        "wasi:cli/stdout@0.2.0",
        "wasi:cli/stderr@0.2.0",
        "wasi:random/random@0.2.0",
        "wasi:clocks/wall-clock@0.2.0",
        "evil:corp/shell",
    ];
    let text: String = imports
        .iter()
        .map(|name| format!("(import \"{name}\" (instance (export \"f\" (func))))"))
        .collect();
    refused(&wat(&format!("(component {text})")), &imports).await;
}

/// Each uses one proposal; `host/src/engine.rs` has the list of all of them.
#[tokio::test]
async fn proposals_that_no_connector_needs_are_refused_by_name() {
    for (module, word) in [
        ("(memory 1 1 shared)", "threads"),
        ("(memory i64 1)", "memory64"),
        ("(type (struct))", "gc feature"),
        ("(func (param externref))", "gc types"),
        ("(tag)", "exceptions"),
        ("(func $f (return_call $f))", "tail calls"),
        (
            "(type $t (func)) (func (param (ref $t)))",
            "function references",
        ),
    ] {
        let component = wat(&format!("(component (core module {module}))"));
        refused(&component, &["this host can compile", word]).await;
    }
    let component = wat("(component (type (stream u8)))");
    refused(
        &component,
        &["this host can compile", "component model async"],
    )
    .await;
}

#[tokio::test]
async fn missing_exports_and_exports_of_another_type() {
    refused(&wat("(component)"), &["doesn't fit the contract", "check"]).await;
    let number = r#"(component
        (core module $m (func (export "f") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func $f (result u32) (canon lift (core func $i "f")))
        (export "check" (func $f)) (export "extract" (func $f)))"#;
    refused(&wat(number), &["doesn't fit the contract", "check"]).await;
}

#[tokio::test]
async fn another_version_of_the_contract() {
    let text = r#"(component (import "portcullis:connector/logging@0.9.0" (instance)))"#;
    refused(&wat(text), &["version 0.9.0 of the contract", "speaks 0.1"]).await;
}

#[tokio::test]
async fn a_component_of_200_mb_is_not_even_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large.wasm");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(200 << 20).unwrap();
    let attacked = Attack::alone("nothing")
        .component(&path)
        .spawn(BINARY)
        .await;
    attacked.expect(4, &["larger than 64 MiB"]);
}

#[tokio::test]
async fn a_component_that_is_not_pinned() {
    let attacked = Attack::alone("nothing")
        .spawn_with(BINARY, &["--require-pinned"])
        .await;
    let digest = Digest::of(&hostile()).to_string();
    attacked.expect(4, &[&digest, "does not pin"]);

    // The same component under a manifest that pins it; then one byte of it is another.
    let directory = tempfile::tempdir().unwrap();
    let wasm = directory.path().join("hostile.wasm");
    std::fs::write(&wasm, hostile()).unwrap();
    let manifest = format!(
        "name = \"hostile\"\ncontract = \"0.1\"\ncomponent = \"hostile.wasm\"\napp = \"x\"\ndigests = [\"{digest}\"]\n\
         [settings.api_url]\ntype = \"url\"\ndefault = \"https://api.example\"\nhelp = \"x\"\n\
         [settings.attack]\ntype = \"text\"\ndefault = \"nothing\"\nhelp = \"x\"\n\
         [egress]\norigin = \"api_url\"\nrules = []\n"
    );
    std::fs::write(directory.path().join("connector.toml"), manifest).unwrap();
    std::fs::write(
        directory.path().join("c.toml"),
        "connector = \"hostile\"\nrequire_pinned = true\n",
    )
    .unwrap();
    let run = || {
        let output = Command::new(BINARY)
            .args([
                "run",
                "--connector",
                "connector.toml",
                "--connection",
                "c.toml",
            ])
            .args(["--out", "out", "--no-cache"])
            .current_dir(directory.path())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, said) = run();
    assert_eq!(code, Some(0), "{said}");
    // A custom section more: the same program with another digest.
    std::fs::write(&wasm, [hostile(), vec![0, 2, 1, b'x']].concat()).unwrap();
    let (code, said) = run();
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("does not pin"), "{said}");
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_compile_cache_that_somebody_touched_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("cache");
    let name = cache.to_str().unwrap().to_owned();
    let run = async |expected: &str| {
        let attacked = Attack::alone("nothing")
            .spawn_with(BINARY, &["--cache", &name])
            .await;
        attacked.expect(0, &[expected]);
        attacked.printed()
    };
    run("").await;
    let entry = std::fs::read_dir(&cache)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let compiled = std::fs::read(&entry).unwrap();
    let silent = run("").await;
    assert!(!silent.contains("is compiled anew"), "{silent}");

    // One flipped byte, of the digest and of the code; a file cut off.
    for position in [0, 40, compiled.len() / 2, compiled.len() - 1] {
        let mut changed = compiled.clone();
        changed[position] ^= 1;
        std::fs::write(&entry, changed).unwrap();
        run("its content is not what was written").await;
        assert!(
            std::fs::read(&entry).unwrap() == compiled,
            "it was written anew"
        );
    }
    std::fs::write(&entry, &compiled[..compiled.len() / 2]).unwrap();
    run("its content is not what was written").await;

    set_mode(&entry, 0o666);
    run("others than its owner may write to it").await;
    set_mode(&cache, 0o777);
    run("others than its owner may write to it").await;
}

fn inspect(file: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(BINARY)
        .arg("inspect")
        .arg(file)
        .args(arguments)
        .env("XDG_CACHE_HOME", root().join("target/tmp"))
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(printed).unwrap(),
    )
}

#[test]
fn inspect_tells_what_a_component_is_and_whether_it_may_run() {
    let manifest = end_to_end::manifest();
    let (code, printed) = inspect(
        &component(),
        &["--json", "--connector", manifest.to_str().unwrap()],
    );
    assert_eq!(code, 0, "{printed}");
    let told: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let bytes = std::fs::read(component()).unwrap();
    assert_eq!(told["sha256"], Digest::of(&bytes).to_string());
    assert_eq!(told["bytes"], bytes.len());
    assert_eq!(told["contract"], "0.1.0");
    assert_eq!(told["may_run"], true);
    assert_eq!(told["pinned"], false);
    assert_eq!(told["imports"].as_array().unwrap().len(), 9);
    assert_eq!(told["exports"], serde_json::json!(["check", "extract"]));
    assert!(
        told["producers"].to_string().contains("wit-component"),
        "{told}"
    );

    let (code, printed) = inspect(&component(), &[]);
    assert_eq!(code, 0);
    for word in ["wasi:http/outgoing-handler", "extract", "it may run here"] {
        assert!(printed.contains(word), "{word}: {printed}");
    }
}

#[test]
fn inspect_says_why_a_component_may_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.wasm");
    let text = r#"(component (import "wasi:sockets/tcp@0.2.0" (instance (export "f" (func)))))"#;
    std::fs::write(&path, wat(text)).unwrap();
    let (code, printed) = inspect(&path, &["--json"]);
    assert_eq!(code, 4, "{printed}");
    let told: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(told["may_run"], false);
    assert!(
        told["problem"].to_string().contains("wasi:sockets/tcp"),
        "{told}"
    );
    std::fs::write(&path, wat("(module)")).unwrap();
    let (code, printed) = inspect(&path, &[]);
    assert_eq!(code, 4);
    assert!(printed.contains("core WebAssembly module"), "{printed}");
    let (code, printed) = inspect(&directory.path().join("none.wasm"), &[]);
    assert_eq!(code, 4);
    assert!(printed.contains("can't be read"), "{printed}");
}
