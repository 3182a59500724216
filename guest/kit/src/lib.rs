//! What every connector needs, so that a connector itself is only about its product: HTTP over
//! `wasi:http`, the choice of credential, paging, typed items and the way in which they are handed over.
//!
//! Nothing here knows a product. All but `wasi_http` runs natively too, where tests script the answers.

pub mod api;
pub mod array;
pub mod bindings;
pub mod client;
#[cfg(target_family = "wasm")]
pub mod component;
pub mod coverage;
pub mod cut;
pub mod id;
pub mod item;
pub mod lanes;
pub mod origin;
pub mod pager;
pub mod reading;
pub mod roll;
#[cfg(any(test, feature = "script"))]
pub mod script;
pub mod sink;
pub mod timestamp;
pub mod told;
#[cfg(target_family = "wasm")]
pub mod wasi_http;
