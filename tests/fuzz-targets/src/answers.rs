use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use indexmap::IndexMap;
use portcullis::egress::returned_headers;
use portcullis::slot::SlotName;
use portcullis::vault::{Credential, Secret, Vault};
use zeroize::Zeroizing;

const TOKEN: &str = "to/ken\"with=odd+chars";

/// A secret in a body is redacted however the body is cut, with the same result as in one piece; and no header of an
/// answer carries one. The input: the size of the chunks, then the body, in which 0xfe stands for the secret and 0xfd
/// for its base64. Its lines, taken as headers, are the headers.
///
/// # Panics
/// Where that does not hold.
pub fn answers(data: &[u8]) {
    let Some((size, body)) = data.split_first() else {
        return;
    };
    let slot = SlotName::try_from("token".to_owned()).expect("a slot's name");
    let token = Secret::new(Zeroizing::new(TOKEN.as_bytes().to_vec())).expect("a secret");
    let vault = Vault::new(IndexMap::from([(slot, Credential::Bearer { token })]));
    let redactor = vault.redactor();

    let encoded = STANDARD.encode(TOKEN);
    let body: Vec<u8> = body
        .iter()
        .flat_map(|byte| match byte {
            0xfe => TOKEN.as_bytes().to_vec(),
            0xfd => encoded.as_bytes().to_vec(),
            byte => vec![*byte],
        })
        .collect();
    let whole = redactor.bytes(&body).into_owned();
    let mut stream = redactor.stream();
    let mut streamed = Vec::new();
    for chunk in body.chunks(usize::from(*size).max(1)) {
        streamed.extend_from_slice(&stream.push(Bytes::copy_from_slice(chunk)));
    }
    streamed.extend_from_slice(&stream.finish());
    assert_eq!(streamed, whole);
    assert!(clean(&whole));

    let mut headers = HeaderMap::new();
    for line in body.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or(b""), parts.next().unwrap_or(b""));
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    for (name, value) in &returned_headers(&headers, redactor) {
        assert!(clean(value.as_bytes()), "{name}");
        assert!(!matches!(
            name.as_str(),
            "set-cookie" | "www-authenticate" | "content-length"
        ));
    }
}

fn clean(bytes: &[u8]) -> bool {
    let encoded = STANDARD.encode(TOKEN);
    [TOKEN, encoded.as_str()].iter().all(|secret| {
        !bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes())
    })
}
