//! Requests of every kind.

use portcullis_kit::bindings::portcullis::connector::logging::{self, Severity};
use portcullis_kit::bindings::portcullis::connector::output::{
    self, Coverage, CoverageStatus, Entity, EntityType, Failure, Item, Key, Metadatum, Relation,
    RelationKind, Stage,
};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, Scheme,
};

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// A request as a line: `METHOD scheme authority path`, then ` || name: value` for each header. In a line `<LF>`,
/// `<CR>` and `<NUL>` stand for these bytes and `<LONG>` for 10,000 times the letter x. The header `BODY` is the body,
/// the header `MANY` the number of further headers.
pub(crate) fn start(line: &str) -> Result<FutureIncomingResponse, String> {
    let line = line
        .replace("<LF>", "\n")
        .replace("<CR>", "\r")
        .replace("<NUL>", "\0")
        .replace("<LONG>", &"x".repeat(10_000));
    let mut parts = line.split(" || ");
    let mut words = parts.next().unwrap_or_default().split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (method, scheme, authority, path) = (word(), word(), word(), word());
    let mut body = None;
    let headers = Fields::new();
    for part in parts {
        let (name, value) = part.split_once(": ").unwrap_or((part, ""));
        match name {
            "BODY" => body = Some(value.to_owned()),
            "MANY" => {
                for number in 0..value.parse::<u32>().unwrap_or(0) {
                    headers
                        .append(&format!("x-{number}"), b"1")
                        .map_err(|error| format!("unsaid: {error}"))?;
                }
            }
            _ => headers
                .append(name, value.as_bytes())
                .map_err(|error| format!("unsaid: {error}"))?,
        }
    }
    let request = OutgoingRequest::new(headers);
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        "HEAD" => Method::Head,
        "OPTIONS" => Method::Options,
        "CONNECT" => Method::Connect,
        "TRACE" => Method::Trace,
        other => Method::Other(other.to_owned()),
    };
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let unsaid = |what: &str| format!("unsaid: the {what}");
    request.set_method(&method).map_err(|()| unsaid("method"))?;
    request
        .set_scheme(Some(&scheme))
        .map_err(|()| unsaid("scheme"))?;
    request
        .set_authority(Some(authority))
        .map_err(|()| unsaid("authority"))?;
    request
        .set_path_with_query(Some(path))
        .map_err(|()| unsaid("path"))?;
    let outgoing = request.body().map_err(|()| unsaid("body"))?;
    let future = handle(request, None).map_err(|error| said(&error))?;
    if let Some(body) = body {
        let stream = outgoing.write().map_err(|()| unsaid("body"))?;
        // Refused is refused, whatever became of the body.
        let _ = stream.blocking_write_and_flush(body.as_bytes());
    }
    let _ = OutgoingBody::finish(outgoing, None);
    Ok(future)
}

pub(crate) fn head(future: FutureIncomingResponse) -> Result<IncomingResponse, String> {
    future.subscribe().block();
    match future.get() {
        Some(Ok(Ok(answer))) => Ok(answer),
        Some(Ok(Err(error))) => Err(said(&error)),
        _ => Err("no answer".to_owned()),
    }
}

fn said(error: &ErrorCode) -> String {
    match error {
        ErrorCode::HttpRequestDenied => "denied".to_owned(),
        other => format!("failed: {other:?}"),
    }
}

/// Asks and reads the answer to its end.
pub(crate) fn ask(line: &str) -> Result<Answer, String> {
    read(head(start(line)?)?)
}

/// Tells what became of a request.
pub(crate) fn tell(number: usize, status: Result<u16, &String>) {
    let told = status.map_or_else(String::clone, |status| format!("status {status}"));
    output::emit(&[Item::Warning(format!("request {number}: {told}"))]);
}

/// Reads an answer to its end.
pub(crate) fn read(answer: IncomingResponse) -> Result<Answer, String> {
    let status = answer.status();
    let headers = answer.headers().entries();
    let incoming = answer.consume().map_err(|()| "no body".to_owned())?;
    let stream = incoming.stream().map_err(|()| "no stream".to_owned())?;
    let mut body = Vec::new();
    loop {
        match stream.blocking_read(1 << 16) {
            // Only its beginning is of interest, but all of it is read.
            Ok(piece) if body.len() < 1 << 20 => body.extend_from_slice(&piece),
            Ok(_) => {}
            Err(wasip2::io::streams::StreamError::Closed) => break,
            Err(wasip2::io::streams::StreamError::LastOperationFailed(error)) => {
                return Err(format!("body: {}", error.to_debug_string()));
            }
        }
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// Makes each request and tells what became of it.
pub(crate) fn all(lines: &[String]) {
    for (number, line) in lines.iter().enumerate() {
        let told = match ask(line) {
            Ok(answer) => format!("status {}", answer.status),
            Err(error) => error,
        };
        output::emit(&[Item::Warning(format!("request {number}: {told}"))]);
    }
}

/// Makes all requests before it waits for any, and tells what became of them as it comes.
pub(crate) fn at_once(lines: &[String]) {
    let mut started: Vec<_> = lines.iter().map(|line| start(line)).collect();
    for number in 0..lines.len() {
        let answers: Vec<_> = started.iter().map(|one| one.as_ref().ok()).collect();
        let next = answers.iter().position(Option::is_none).unwrap_or_else(|| {
            let pollables: Vec<_> = answers
                .iter()
                .flatten()
                .map(|one| one.subscribe())
                .collect();
            let ready = wasip2::io::poll::poll(&pollables.iter().collect::<Vec<_>>());
            ready.first().map_or(0, |first| *first as usize)
        });
        let told = match started.swap_remove(next).and_then(head) {
            Ok(answer) => format!("status {}", answer.status()),
            Err(error) => error,
        };
        output::emit(&[Item::Warning(format!("request {number}: {told}"))]);
    }
}

/// Reads one answer and says it wherever something can be said.
pub(crate) fn echo_everywhere(lines: &[String]) -> Result<(), Failure> {
    for line in lines {
        let answer = ask(line).map_err(Failure::ApiFailure)?;
        let headers: String = answer
            .headers
            .iter()
            .map(|(name, value)| format!("{name}={} ", String::from_utf8_lossy(value)))
            .collect();
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        for (number, found) in [headers, body].into_iter().enumerate() {
            if found.is_empty() {
                continue;
            }
            let key = |entity_type| Key {
                entity_type,
                source_id: format!("{number} {found}"),
            };
            let metadata = || {
                vec![
                    (found.clone(), Metadatum::Text(found.clone())),
                    ("list".to_owned(), Metadatum::Texts(vec![found.clone()])),
                ]
            };
            output::emit(&[
                Item::Entity(Entity {
                    key: key(EntityType::Identity),
                    source_type: found.clone(),
                    name: found.clone(),
                    metadata: metadata(),
                }),
                Item::Entity(Entity {
                    key: key(EntityType::Resource),
                    source_type: found.clone(),
                    name: found.clone(),
                    metadata: metadata(),
                }),
                Item::Relation(Relation {
                    kind: RelationKind::Grant,
                    parent: key(EntityType::Identity),
                    child: key(EntityType::Resource),
                    privilege: found.clone(),
                    level: None,
                    metadata: metadata(),
                }),
                Item::Coverage(Coverage {
                    family: found.clone(),
                    scope: Some(found.clone()),
                    status: CoverageStatus::Partial,
                    reason: Some(found.clone()),
                    slot: Some(found.clone()),
                }),
                Item::Warning(found.clone()),
            ]);
            logging::log(Severity::Error, &found);
            output::progress(&Stage {
                name: found.clone(),
                done: 1,
                total: None,
            });
            // Where the answer was redacted the guest can't tell; where it was not, it can.
            logging::log(Severity::Info, &format!("length {}", found.len()));
        }
    }
    let told = lines.first().map(|line| ask(line));
    Err(Failure::Defect(match told {
        Some(Ok(answer)) => String::from_utf8_lossy(&answer.body).into_owned(),
        _ => "nothing".to_owned(),
    }))
}
