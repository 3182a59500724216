//! The way to the API: addresses, certificates, a proxy. The environment of every run names proxies that nobody
//! listens at, so each run that reaches its API proves that they are ignored.
#![allow(clippy::unwrap_used)]

use end_to_end::raw::{RawServer, ok};
use end_to_end::{Case, run};
use fake_bitbucket::{Config, Sizes, Visibility, World};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const SIZES: Sizes = Sizes {
    users: 10,
    groups: 2,
    projects: 2,
    repositories: 6,
};

async fn case() -> Case {
    Case::start(World::generate(61, SIZES), Config::default()).await
}

/// Puts TLS with a certificate of its own in front of a server, and gives its port and the certificate.
///
/// The certificate expires at the beginning of the year.
async fn behind_tls(origin: &str, name: &str, year: i32) -> (u16, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut wanted = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    wanted.not_before = rcgen::date_time_ymd(2010, 1, 1);
    wanted.not_after = rcgen::date_time_ymd(year, 1, 1);
    let certificate = wanted.self_signed(&key).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = origin.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let mut front = acceptor.accept(stream).await?;
                let mut back = TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut front, &mut back).await
            });
        }
    });
    (port, certificate.pem())
}

/// Leads the connection through TLS with a certificate for this name, and makes it trust that certificate, as long as
/// the directory is kept.
async fn trust(case: &mut Case, name: &str, year: i32) -> tempfile::TempDir {
    let (port, certificate) = behind_tls(case.server.origin(), name, year).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, certificate).unwrap();
    case.connection.api_url = format!("https://localhost:{port}");
    case.connection.network = format!("allow_private_networks = true\nca_file = {file:?}");
    directory
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let mut case = case().await;
    let (port, _) = behind_tls(case.server.origin(), "localhost", 2100).await;
    case.connection.api_url = format!("https://localhost:{port}");
    case.connection.network = "allow_private_networks = true".into();
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(1).expect_printed("certificate");
    assert_eq!(case.server.requests().count(), 0);
}

#[tokio::test]
async fn a_certificate_of_the_connections_own_authority_is_taken() {
    let mut case = case().await;
    let _trusted = trust(&mut case, "localhost", 2100).await;
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let mut case = case().await;
    let _trusted = trust(&mut case, "other.example", 2100).await;
    run(BINARY, &case.connection)
        .await
        .expect_code(1)
        .expect_printed("certificate");
    assert_eq!(case.server.requests().count(), 0);
}

#[tokio::test]
async fn a_ca_file_that_holds_no_certificate_is_named() {
    let mut case = case().await;
    case.connection.network =
        "allow_private_networks = true\nallow_plain_http = true\nca_file = \"password\"".into();
    run(BINARY, &case.connection)
        .await
        .expect_code(2)
        .expect_printed("network.ca_file")
        .expect_printed("no PEM certificates");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_a_connection_is_opened() {
    let inside = RawServer::start(|_| ok("", b"")).await;
    let mut case = case().await;
    case.connection.api_url = format!("https://localhost:{}", inside.port());
    case.connection.network = String::new();
    let ended = run(BINARY, &case.connection).await;
    ended
        .expect_code(1)
        .expect_printed("localhost leads to an address that is not on the public internet")
        .expect_printed("allow_private_networks = true");
    assert_eq!(inside.opened(), 0);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told() {
    let mut case = case().await;
    case.connection.api_url = "https://no-such-host.invalid".into();
    case.connection.network = String::new();
    run(BINARY, &case.connection)
        .await
        .expect_code(1)
        .expect_printed("no-such-host.invalid can't be resolved");
}

#[tokio::test]
async fn the_connections_proxy_is_used_and_resolves_the_name_itself() {
    let mut case = case().await;
    // Nobody but the proxy knows this name; the fake takes requests in a proxy's form.
    case.connection.api_url = "http://bitbucket.invalid".into();
    case.connection.network = format!(
        "allow_plain_http = true\nproxy = {:?}",
        case.server.origin()
    );
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    case.expect_truth(&ended, &Visibility::default());
}

/// Speaks to whoever connects, whatever they say.
async fn speaks(words: &'static [u8]) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(words).await;
        }
    });
    port
}

#[tokio::test]
async fn tls_1_0_and_what_is_no_tls_are_refused() {
    // A ServerHello of TLS 1.0: record and handshake say 3.1, a random number, no session, a cipher, no compression.
    const TLS_1_0: &[u8] = b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01\
        0123456789abcdef0123456789abcdef\x00\x00\x2f\x00";
    for words in [
        TLS_1_0,
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"",
    ] {
        let mut case = case().await;
        case.connection.api_url = format!("https://localhost:{}", speaks(words).await);
        case.connection.network = "allow_private_networks = true".into();
        run(BINARY, &case.connection)
            .await
            .expect_code(1)
            .expect_printed("the API could not be reached");
        assert_eq!(case.server.requests().count(), 0);
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let mut case = case().await;
    let _trusted = trust(&mut case, "localhost", 2020).await;
    run(BINARY, &case.connection)
        .await
        .expect_code(1)
        .expect_printed("certificate");
    assert_eq!(case.server.requests().count(), 0);
}
