//! What the components may ask of the host, and what the host knows of connectors.
#![allow(clippy::unwrap_used)]

use portcullis::component::ComponentFile;

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

#[test]
fn the_host_knows_no_connector() {
    let mut folders = vec![end_to_end::root().join("host/src")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
            for word in ["bitbucket", "atlassian", "scim"] {
                assert!(!text.contains(word), "{} speaks of {word}", path.display());
            }
            read += 1;
        }
    }
    assert!(read > 20, "the host's sources were found");
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let page = std::fs::read_to_string(end_to_end::root().join("SECURITY.md")).unwrap();
    let table = page.split_once("## Every attack and its test").unwrap().1;
    let mut named = 0;
    for name in table.split('`').filter(|word| word.contains("::")) {
        let (file, test) = name.split_once("::").unwrap();
        // The host's own are named with their file below `host/src`.
        let path = match file.strip_prefix("host/") {
            Some(file) => format!("host/src/{file}.rs"),
            None => format!("tests/end-to-end/tests/{file}.rs"),
        };
        let path = end_to_end::root().join(path);
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(source.contains(&format!("fn {test}(")), "{name} is no test");
        named += 1;
    }
    assert!(named > 50, "{named} tests are named");
}
