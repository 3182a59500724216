//! The component: the host's imports given to [`crate::extract`] and [`crate::check`].

use crate::Settings;
use portcullis_kit::bindings::Guest;
use portcullis_kit::bindings::portcullis::connector::output::{Failure, Finding};
use portcullis_kit::sink::HostSink;
use portcullis_kit::wasi_http::WasiApi;

struct Scim;

impl Guest for Scim {
    fn check() -> Result<Vec<Finding>, Failure> {
        let settings = Settings::of_connection()?;
        let api = WasiApi::new(settings.origin.clone());
        wstd::runtime::block_on(crate::check(&api, &HostSink::default(), &settings))
    }

    fn extract() -> Result<(), Failure> {
        let settings = Settings::of_connection()?;
        let api = WasiApi::new(settings.origin.clone());
        let sink = HostSink::default();
        let outcome = wstd::runtime::block_on(crate::extract(&api, &sink, &settings));
        // Also after a failure: what was read until then is kept with the failed run.
        sink.flush();
        outcome
    }
}

portcullis_kit::bindings::export!(Scim with_types_in portcullis_kit::bindings);
