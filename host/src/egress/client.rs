//! Step 6: the HTTP client. Pooled, TLS by rustls, HTTP/2 where offered, gzip; no redirects, no proxy of the
//! environment, no retries of its own.

use super::address::{CheckedResolver, Names};
use crate::connection::Network;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an answer may be silent, from its beginning and between any two pieces of it.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest head of an HTTP/2 answer that is taken, in bytes. Of an HTTP/1 answer hyper takes some 400 KiB.
const LARGEST_HEAD: u32 = 256 * 1024;

/// What an API may send ahead of one HTTP/2 response that nobody reads, and of all of one connection, in bytes. h2 allows
/// small frames as much overhead as half of the second.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;

/// What can't be used of `[network]`.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of extra certificates.
    #[error("network.ca_file: {} {problem}", path.display())]
    CaFile {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The client itself.
    #[error(
        "the HTTP client can't be set up ({0}); where this machine has no trusted certificates, install the package ca-certificates or name a network.ca_file"
    )]
    Setup(String),
}

/// Builds the client of one run.
///
/// # Errors
/// Where certificates can't be read or none are found.
pub(super) fn build(
    network: &Network,
    names: Arc<dyn Names>,
) -> Result<reqwest::Client, ClientError> {
    // The first caller in the process installs it; later ones find it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT)
        .http2_max_header_list_size(LARGEST_HEAD)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .dns_resolver(CheckedResolver {
            names,
            allow_private: network.allow_private_networks,
            proxy_host: network
                .proxy
                .as_ref()
                .and_then(|proxy| proxy.host_str())
                .map(str::to_owned),
        });
    if let Some(path) = &network.ca_file {
        let fail = |problem: String| ClientError::CaFile {
            path: path.clone(),
            problem,
        };
        let pem = std::fs::read(path).map_err(|error| fail(format!("can't be read: {error}")))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|_| fail("holds no PEM certificates".to_owned()))?;
        if certificates.is_empty() {
            return Err(fail("holds no PEM certificates".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(proxy) = &network.proxy {
        let proxy = reqwest::Proxy::all(proxy.clone())
            .map_err(|error| ClientError::Setup(error.to_string()))?;
        builder = builder.proxy(proxy);
    }
    builder
        .build()
        .map_err(|error| ClientError::Setup(chain(&error)))
}

/// An error with its causes, without the URL that reqwest puts in front.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
