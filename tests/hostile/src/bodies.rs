//! Requests with bodies, trailers, options and fields that no connector sends.

use crate::ask;
use portcullis_kit::bindings::portcullis::connector::output::{self, Item};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    Fields, IncomingResponse, OutgoingBody, OutgoingRequest, OutgoingResponse, RequestOptions,
    Scheme,
};

/// A request: the words of a line are scheme, authority and path.
fn request(line: &str) -> OutgoingRequest {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let scheme = match word() {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    let request = OutgoingRequest::new(Fields::new());
    let _ = request.set_scheme(Some(&scheme));
    let _ = request.set_authority(Some(word()));
    let _ = request.set_path_with_query(Some(word()));
    request
}

fn tell(number: usize, answer: Result<IncomingResponse, String>) {
    let told = match answer {
        Ok(answer) => format!("status {}", answer.status()),
        Err(error) => error,
    };
    output::emit(&[Item::Warning(format!("request {number}: {told}"))]);
}

/// Writes nothing, many times and in every way, to the body of each request, and then waits for the answer.
pub(crate) fn empty_writes(lines: &[String], times: u32) {
    for (number, line) in lines.iter().enumerate() {
        let request = request(line);
        let Ok(body) = request.body() else { return };
        let future = handle(request, None);
        if let Ok(stream) = body.write() {
            for _ in 0..times {
                // Refused is refused: the answer says what became of the request.
                let _ = stream.blocking_write_and_flush(&[]);
                if let Ok(1..) = stream.check_write() {
                    let _ = stream.write(&[]);
                }
                if let Ok(1..) = stream.check_write() {
                    let _ = stream.write_zeroes(0);
                }
                let _ = stream.flush();
            }
        }
        let _ = OutgoingBody::finish(body, None);
        let answer = future
            .map_err(|error| format!("failed: {error:?}"))
            .and_then(ask::head);
        tell(number, answer);
    }
}

/// Writes nothing to a body that nobody reads, since its request is not sent, and does not ask whether it may.
pub(crate) fn empty_writes_to_nobody() {
    let request = request("http 127.0.0.1:9 /api/x");
    let stream = request.body().ok().and_then(|body| {
        let stream = body.write().ok();
        // The stream lives as long as the body.
        std::mem::forget(body);
        stream
    });
    if let Some(stream) = stream {
        loop {
            let _ = stream.write(&[]);
        }
    }
}

/// Headers of some 50 KB.
fn large_fields() -> Fields {
    let fields = Fields::new();
    let _ = fields.append("x-large", &vec![b'x'; 50_000]);
    fields
}

/// Four thousand requests that are never sent, each with trailers of 50 KB.
pub(crate) fn trailers_that_are_never_sent() {
    let held: Vec<_> = (0..4000)
        .map(|_| {
            let request = request("http 127.0.0.1:9 /api/x");
            if let Ok(body) = request.body() {
                let _ = OutgoingBody::finish(body, Some(large_fields()));
            }
            request
        })
        .collect();
    crate::resources::spin_a_while();
    drop(held);
}

/// Four thousand answers of its own, as a server makes them, each with headers of 50 KB.
pub(crate) fn answers_of_its_own() {
    let held: Vec<_> = (0..4000)
        .map(|_| OutgoingResponse::new(large_fields()))
        .collect();
    crate::resources::spin_a_while();
    drop(held);
}

/// Sends trailers that would be headers of the next request, if anybody passed them on.
pub(crate) fn trailers(lines: &[String]) {
    for (number, line) in lines.iter().enumerate() {
        let request = request(line);
        let fields = Fields::new();
        let _ = fields.append("x-trailer", b"stolen");
        let Ok(body) = request.body() else { return };
        let future = handle(request, None);
        let finished = OutgoingBody::finish(body, Some(fields));
        let answer = future
            .map_err(|error| format!("failed: {error:?}"))
            .and_then(ask::head)
            .and_then(|answer| match &finished {
                Ok(()) => Ok(answer),
                Err(error) => Err(format!("trailers: {error:?}")),
            });
        tell(number, answer);
    }
}

/// Asks with every timeout at nothing, at one nanosecond and at the most.
pub(crate) fn no_time(lines: &[String]) {
    let line = lines.first().map_or("", String::as_str);
    for (number, time) in [0, 1, u64::MAX].into_iter().enumerate() {
        let options = RequestOptions::new();
        let _ = options.set_connect_timeout(Some(time));
        let _ = options.set_first_byte_timeout(Some(time));
        let _ = options.set_between_bytes_timeout(Some(time));
        let answer = handle(request(line), Some(options))
            .map_err(|error| format!("failed: {error:?}"))
            .and_then(ask::head);
        tell(number, answer);
    }
}

/// A list of a hundred thousand headers, in one call.
pub(crate) fn many_fields() {
    let entries: Vec<(String, Vec<u8>)> = (0..100_000)
        .map(|number| (format!("x-{number}"), Vec::new()))
        .collect();
    let _ = Fields::from_list(&entries);
}

/// One header with a hundred thousand values.
pub(crate) fn many_values() {
    let values = vec![Vec::new(); 100_000];
    let _ = Fields::new().set("x-many", &values);
}
