//! The contract of `wit/`, as Rust.
#![allow(missing_docs, unreachable_pub, clippy::all)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "connector",
    pub_export_macro: true,
    default_bindings_module: "portcullis_kit::bindings",
    export_macro_name: "export",
    generate_all,
});
