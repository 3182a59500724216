//! What the components may ask of the host, and what the host knows of connectors.
#![allow(clippy::unwrap_used)]

use end_to_end::table;
use portcullis::component::ComponentFile;
use std::path::PathBuf;

#[test]
fn the_components_import_http_io_the_monotonic_clock_and_our_interfaces_only() {
    for name in ["bitbucket", "scim"] {
        let component = ComponentFile::read(&end_to_end::component_of(name));
        let contents = component.unwrap().contents();
        assert_eq!(contents.problem, None);
        let mut imports = contents.imports;
        imports.sort();
        assert_eq!(
            imports,
            [
                "portcullis:connector/logging@0.1.0",
                "portcullis:connector/output@0.1.0",
                "portcullis:connector/settings@0.1.0",
                "wasi:clocks/monotonic-clock@0.2.12",
                "wasi:http/outgoing-handler@0.2.12",
                "wasi:http/types@0.2.12",
                "wasi:io/error@0.2.12",
                "wasi:io/poll@0.2.12",
                "wasi:io/streams@0.2.12",
            ],
            "{name}"
        );
    }
}

/// The host's sources, by path.
fn host_sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![end_to_end::root().join("host/src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push((path, text));
            }
        }
    }
    assert!(sources.len() > 20, "the host's sources were found");
    sources
}

#[test]
fn the_host_knows_no_connector() {
    for (path, text) in host_sources() {
        let text = text.to_lowercase();
        for word in ["bitbucket", "atlassian", "scim"] {
            assert!(!text.contains(word), "{} speaks of {word}", path.display());
        }
    }
}

#[test]
fn the_host_does_not_call_what_an_advisory_is_about() {
    for (path, text) in host_sources() {
        for word in ["get_module_export", "AsyncWriteStream"] {
            assert!(!text.contains(word), "{} uses {word}", path.display());
        }
    }
}

#[test]
fn wasmtime_is_built_with_these_cargo_features() {
    let text = std::fs::read_to_string(end_to_end::root().join("host/Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let wasmtime = &manifest["dependencies"]["wasmtime"];
    assert_eq!(wasmtime["default-features"].as_bool(), Some(false));
    let features = wasmtime["features"].as_array().unwrap().iter();
    let features: Vec<&str> = features.map(|name| name.as_str().unwrap()).collect();
    // Each has its reason in host/Cargo.toml. Advisories are about builds without `gc` and without `threads`.
    assert_eq!(
        features,
        [
            "async",
            "component-model",
            "cranelift",
            "gc",
            "parallel-compilation",
            "runtime",
            "std",
            "threads"
        ]
    );
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let page = std::fs::read_to_string(end_to_end::root().join("SECURITY.md")).unwrap();
    let rows = table::rows(&page);
    for row in &rows {
        assert!(!row.tests.is_empty(), "{} names no test", row.attack);
        for name in &row.tests {
            let (path, test) = table::source(name).unwrap();
            let path = end_to_end::root().join(path);
            let source = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(source.contains(&format!("fn {test}(")), "{name} is no test");
        }
    }
    assert!(rows.len() > 50, "{} attacks are listed", rows.len());
}
