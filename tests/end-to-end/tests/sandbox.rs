//! A component that misbehaves ends as a readable outcome, never as a crash of the host. The components are written by
//! hand, so that they do just one thing.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};
use tempfile::TempDir;

/// A component of the contract whose `extract` is this body, with one memory and a start function.
fn component(extract: &str, start: &str) -> Vec<u8> {
    wat::parse_str(text(extract, start)).unwrap()
}

fn text(extract: &str, start: &str) -> String {
    format!(
        r#"(component
          (core module $guest
            (memory (export "memory") 1)
            (table $table 1 funcref)
            (func $start {start})
            (start $start)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func $again (result i32) (i32.add (call $again) (i32.const 1)))
            (func (export "check") (result i32) (unreachable))
            (func (export "extract") (result i32) {extract}))
          (core instance $instance (instantiate $guest))
          (type $bad-setting' (record (field "name" string) (field "message" string)))
          (export $bad-setting "bad-setting" (type $bad-setting'))
          (type $failure' (variant (case "bad-setting" $bad-setting) (case "unauthorised" string)
            (case "not-found" string) (case "api-failure" string) (case "unreachable" string)
            (case "host-refused" string) (case "defect" string)))
          (export $failure "failure" (type $failure'))
          (type $status' (enum "complete" "partial" "unreadable" "unavailable" "left-out"))
          (export $status "coverage-status" (type $status'))
          (type $finding' (record (field "family" string) (field "status" $status) (field "slot" (option string))
            (field "advice" string)))
          (export $finding "finding" (type $finding'))
          (func $check (result (result (list $finding) (error $failure)))
            (canon lift (core func $instance "check") (memory (core memory $instance "memory")) (realloc (core func $instance "realloc"))))
          (export "check" (func $check))
          (func $extract (result (result (error $failure)))
            (canon lift (core func $instance "extract") (memory (core memory $instance "memory")) (realloc (core func $instance "realloc"))))
          (export "extract" (func $extract)))"#
    )
}

const MANIFEST: &str = r#"
name = "bitbucket"
contract = "0.1"
component = "guest.wasm"
app = "test"
[settings.api_url]
type = "url"
default = "https://api.example"
help = "where"
[slots.token]
kind = "bearer"
help = "a token"
[egress]
origin = "api_url"
rules = []
[limits]
"#;

const LIMITS: &str = "memory_mib = 2\ncpu_seconds = 1\nwall_seconds = 60\n";

struct Ran {
    output: Output,
    directory: TempDir,
}

impl Ran {
    fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    #[track_caller]
    fn expect(&self, code: i32, words: &[&str]) {
        let said = self.stderr();
        assert_eq!(self.output.status.code(), Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in {said:?}");
        }
        assert!(
            !said.contains("panicked") && !said.contains("backtrace"),
            "{said}"
        );
    }
}

fn run(component: &[u8], limits: &str) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("guest.wasm"), component).unwrap();
    std::fs::write(
        directory.path().join("connector.toml"),
        format!("{MANIFEST}{limits}"),
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis-under-test"))
        .args([
            "run",
            "--connector",
            "connector.toml",
            "--out",
            "out",
            "--secret",
            "token.token=env:TEST_TOKEN",
        ])
        .env("TEST_TOKEN", "some-token-value")
        .env("RUST_BACKTRACE", "full")
        .env("XDG_CACHE_HOME", end_to_end::root().join("target/tmp"))
        .env("XDG_STATE_HOME", directory.path().join("state"))
        .current_dir(directory.path())
        .output()
        .unwrap();
    Ran { output, directory }
}

#[test]
fn a_component_that_says_nothing_of_its_coverage_is_no_success() {
    // Returns ok at once: 0 is the address of the result, whose first byte is 0.
    let ran = run(&component("(i32.const 0)", ""), LIMITS);
    assert_eq!(ran.output.status.code(), Some(3), "{}", ran.stderr());
    assert!(String::from_utf8_lossy(&ran.output.stdout).contains("said nothing of what it could"));
}

#[test]
fn a_trap_is_a_readable_error_and_leaves_a_failed_run() {
    let ran = run(&component("(unreachable)", ""), LIMITS);
    ran.expect(5, &["the connector crashed"]);
    let report = std::fs::read_to_string(ran.directory.path().join("out/failed-run.json")).unwrap();
    assert!(report.contains("\"trapped\""), "{report}");
    assert!(!ran.directory.path().join("out/entities.csv").exists());
}

#[test]
fn an_endless_loop_exhausts_its_processor_time() {
    let ran = run(
        &component("(loop $forever (br $forever)) (unreachable)", ""),
        LIMITS,
    );
    ran.expect(5, &["cpu_seconds = 1"]);
}

#[test]
fn an_endless_loop_in_the_start_function_does_too() {
    let ran = run(
        &component("(i32.const 0)", "(loop $forever (br $forever))"),
        LIMITS,
    );
    ran.expect(5, &["cpu_seconds = 1"]);
}

#[test]
fn the_wall_clock_ends_a_run_too() {
    let limits = LIMITS
        .replace("cpu_seconds = 1", "cpu_seconds = 1000")
        .replace("wall_seconds = 60", "wall_seconds = 1");
    let forever = component("(loop $forever (br $forever)) (unreachable)", "");
    run(&forever, &limits).expect(5, &["wall_seconds = 1"]);
}

#[test]
fn memory_beyond_the_cap_is_not_given_and_the_limit_is_named() {
    // Asks for 4 MiB and crashes where it gets none, as a program in need of memory does.
    let grow = "(if (i32.eq (memory.grow (i32.const 64)) (i32.const -1)) (then (unreachable))) (i32.const 0)";
    run(&component(grow, ""), LIMITS).expect(5, &["memory_mib = 2"]);
    // Within the cap it gets it.
    let grow = "(if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable))) (i32.const 0)";
    assert_eq!(
        run(&component(grow, ""), LIMITS).output.status.code(),
        Some(3)
    );
}

#[test]
fn several_memories_share_one_cap() {
    // Each of 1.5 MiB would be allowed alone.
    let more = "(core module $more (memory 24)) (core instance (instantiate $more))";
    let one = format!("(component {more})");
    let two = format!("(component {more} (core instance (instantiate $more)))");
    let with_exports = |memories: &str| {
        let whole = text("(i32.const 0)", "");
        let inner = memories
            .trim_start_matches("(component")
            .strip_suffix(')')
            .unwrap();
        wat::parse_str(whole.replacen("(component", &format!("(component {inner}"), 1)).unwrap()
    };
    assert_eq!(
        run(&with_exports(&one), LIMITS).output.status.code(),
        Some(3)
    );
    run(&with_exports(&two), LIMITS).expect(5, &["memory_mib = 2"]);
}

/// A component of the contract with more in front.
fn component_with(more: &str) -> Vec<u8> {
    let whole = text("(i32.const 0)", "");
    wat::parse_str(whole.replacen("(component", &format!("(component {more}"), 1)).unwrap()
}

#[test]
fn instances_memories_and_tables_are_counted() {
    for (one, allowed) in [("", 31), ("(memory 0)", 15), ("(table 0 funcref)", 31)] {
        let module = format!("(core module $more {one})");
        let with = |number: usize| {
            let instances = "(core instance (instantiate $more))".repeat(number);
            component_with(&format!("{module}{instances}"))
        };
        // The component's own module is one more.
        let ran = run(&with(allowed), LIMITS);
        assert_eq!(ran.output.status.code(), Some(3), "{}", ran.stderr());
        run(&with(allowed + 1), LIMITS)
            .expect(4, &["may not run here", "instances of its modules"]);
    }
    let tables = "(table 0 funcref)".repeat(40);
    let two = format!(
        "(core module $more {tables}) (core instance (instantiate $more)) (core instance (instantiate $more))"
    );
    run(&component_with(&two), LIMITS).expect(4, &["may not run here", "tables"]);
}

#[test]
fn a_module_of_a_million_globals_is_not_even_compiled() {
    let globals = "(global i64 (i64.const 0))".repeat(10_001);
    let functions = "(func)".repeat(50_001);
    let imports: String = (0..10_001)
        .map(|number| format!("(import \"a\" \"{number}\" (func))"))
        .collect();
    let exports: String = (0..10_001)
        .map(|number| format!("(export \"{number}\" (func 0))"))
        .collect();
    for (what, number) in [
        (globals, "10001 globals"),
        (functions, "50001 functions"),
        (imports, "10001 imports"),
        (format!("(func){exports}"), "10001 exports"),
    ] {
        let component = component_with(&format!("(core module $more {what})"));
        run(&component, LIMITS).expect(4, &["may not run here", number]);
    }
    let types = "(type (func))".repeat(50_001);
    run(&component_with(&types), LIMITS).expect(4, &["may not run here", "50000"]);
}

/// A custom section `producers` that names so many tools.
fn producers(tools: u32) -> Vec<u8> {
    fn number(mut value: u32, out: &mut Vec<u8>) {
        while value >= 0x80 {
            out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
    fn text(text: &str, out: &mut Vec<u8>) {
        number(u32::try_from(text.len()).unwrap(), out);
        out.extend_from_slice(text.as_bytes());
    }
    let mut content = Vec::new();
    text("producers", &mut content);
    number(1, &mut content);
    text("sdk", &mut content);
    number(tools, &mut content);
    for tool in 0..tools {
        text(&tool.to_string(), &mut content);
        text("", &mut content);
    }
    let mut section = vec![0];
    number(u32::try_from(content.len()).unwrap(), &mut section);
    section.extend(content);
    section
}

#[test]
fn a_component_can_name_any_number_of_tools_and_no_more_than_a_thousand_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("guest.wasm");
    let component = [component("(i32.const 0)", ""), producers(300_000)].concat();
    std::fs::write(&path, &component).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis-under-test"))
        .arg("inspect")
        .arg(&path)
        .arg("--json")
        .env("XDG_CACHE_HOME", end_to_end::root().join("target/tmp"))
        .env("XDG_STATE_HOME", directory.path().join("state"))
        .output()
        .unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["producers"]["sdk"].as_array().unwrap().len(), 1000);
    assert_eq!(run(&component, LIMITS).output.status.code(), Some(3));
}

#[test]
fn a_refused_component_can_not_steer_the_terminal() {
    let text = r#"(component (import "a\1b[2J\07portcullis: complete" (func)))"#;
    let parsed = wat::parse_str(text);
    // The text format's own tool may refuse the name; then its bytes are put in by hand.
    let component = parsed.unwrap_or_else(|_| {
        let mut bytes =
            wat::parse_str(r#"(component (import "a-name-of-this-length" (func)))"#).unwrap();
        let name = b"a-name-of-this-length";
        let place = bytes
            .windows(name.len())
            .position(|window| window == name)
            .unwrap();
        bytes[place..place + 6].copy_from_slice(b"a\x1b[2J\x07");
        bytes
    });
    let ran = run(&component, LIMITS);
    ran.expect(4, &["may not run here"]);
    let said = ran.stderr();
    assert!(!said.contains(['\u{1b}', '\u{7}']), "{said:?}");
}

#[test]
fn a_table_that_grows_without_end() {
    let grow = "(loop $more (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 65536)) (i32.const -1)))) (unreachable)";
    run(&component(grow, ""), LIMITS).expect(5, &["memory_mib = 2"]);
}

#[test]
fn deep_recursion_is_a_readable_error() {
    run(&component("(call $again)", ""), LIMITS).expect(5, &["the connector crashed", "stack"]);
}

#[test]
fn an_import_that_the_contract_does_not_name_is_refused_by_name() {
    let text = r#"(component
        (import "wasi:sockets/tcp@0.2.0" (instance))
        (import "wasi:filesystem/types@0.2.0" (instance (export "x" (func)))))"#;
    let ran = run(&wat::parse_str(text).unwrap(), LIMITS);
    ran.expect(4, &["may not run here", "wasi:filesystem/types"]);
}

#[test]
fn missing_exports_are_named() {
    run(&wat::parse_str("(component)").unwrap(), LIMITS).expect(4, &["may not run here", "check"]);
}
