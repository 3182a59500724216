//! The component itself: a connector's functions, given the host's imports.

pub use wstd::runtime::block_on;

/// Makes the component of a connector: of its settings, which have an `origin` and come `of_connection()`, and of its
/// functions `check` and `extract`.
#[macro_export]
macro_rules! component {
    ($settings:ty, $check:path, $extract:path) => {
        mod component {
            use $crate::bindings::portcullis::connector::output::{Failure, Finding};
            use $crate::component::block_on;
            use $crate::sink::HostSink;
            use $crate::wasi_http::WasiApi;

            struct Component;

            impl $crate::bindings::Guest for Component {
                fn check() -> Result<Vec<Finding>, Failure> {
                    let settings = <$settings>::of_connection()?;
                    let api = WasiApi::new(settings.origin.clone());
                    block_on($check(&api, &HostSink::default(), &settings))
                }

                fn extract() -> Result<(), Failure> {
                    let settings = <$settings>::of_connection()?;
                    let api = WasiApi::new(settings.origin.clone());
                    let sink = HostSink::default();
                    let outcome = block_on($extract(&api, &sink, &settings));
                    // Also after a failure: what was read until then is kept with the failed run.
                    sink.flush();
                    outcome
                }
            }

            $crate::bindings::export!(Component with_types_in $crate::bindings);
        }
    };
}
