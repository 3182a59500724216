//! `wasi:io/error` with texts that are fit for a stranger. The stock implementation prints an error's debug
//! form, which holds the host's backtrace and file paths where `RUST_BACKTRACE` is set.

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::io::error::{Host, HostError};
use wasmtime_wasi_io::streams::Error;

/// The table that holds the errors.
pub(super) struct PlainErrors<'a>(pub(super) &'a mut ResourceTable);

/// Names [`PlainErrors`] to the linker.
pub(super) struct HasPlainErrors;

impl HasData for HasPlainErrors {
    type Data<'a> = PlainErrors<'a>;
}

impl Host for PlainErrors<'_> {}

impl HostError for PlainErrors<'_> {
    fn to_debug_string(&mut self, error: Resource<Error>) -> wasmtime::Result<String> {
        // The outermost text only: it is one of wasi:http's own sentences.
        Ok(self.0.get(&error)?.to_string())
    }

    fn drop(&mut self, error: Resource<Error>) -> wasmtime::Result<()> {
        self.0.delete(error)?;
        Ok(())
    }
}
