//! Step 7: the way back. Headers that are the host's are dropped, bodies are bounded and searched for secrets.

use super::gate::Place;
use super::room::Share;
use super::trail::Attempt;
use crate::journal::{Journal, Kept, Writer};
use crate::limits::{Limit, Usage};
use crate::vault::{Redactor, StreamRedactor};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full, StreamBody};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use wasmtime_wasi_http::{Error, WasiBody};

/// Up to this many bytes a body is read whole before the guest sees any of it, so that one that breaks off
/// is asked for again unseen. A page of a hundred items is a tenth of it.
const SPOOL: usize = 512 * 1024;

/// The first bytes of a body get so much memory; it doubles as more come.
const FIRST: usize = 16 * 1024;

/// A body as far as it was read before the guest sees it.
pub(super) enum Spooled {
    /// All of it.
    Whole(Bytes),
    /// Its beginning: the spool's bound was reached, or the run's responses hold as much as they may. The rest is yet to
    /// come.
    Begun(Bytes, reqwest::Response),
}

/// Reads a body up to the spool's bound, as long as there is room. The pieces are joined as they come: an API may send
/// them byte by byte, and each takes more memory than its bytes.
pub(super) async fn spool(
    mut response: reqwest::Response,
    attempt: &mut Attempt,
    share: &mut Share,
) -> Result<Spooled, reqwest::Error> {
    let mut whole = Vec::new();
    // What it says of its length spares it growing; more than that is not believed.
    let expected = response.content_length().unwrap_or(0);
    let expected = usize::try_from(expected).map_or(SPOOL, |length| length.min(SPOOL));
    if share.fits(expected) {
        whole.reserve_exact(expected);
    }
    while let Some(chunk) = response.chunk().await? {
        attempt.read(chunk.len());
        let fits = make_room(&mut whole, chunk.len(), share);
        whole.extend_from_slice(&chunk);
        if !fits || whole.len() > SPOOL {
            share.body(whole.capacity());
            return Ok(Spooled::Begun(whole.into(), response));
        }
    }
    Ok(Spooled::Whole(whole.into()))
}

/// Makes room for `more` bytes, and tells whether the run has it.
fn make_room(whole: &mut Vec<u8>, more: usize, share: &mut Share) -> bool {
    let needed = whole.len() + more;
    if needed <= whole.capacity() {
        return true;
    }
    let doubled = (2 * whole.capacity()).clamp(FIRST, SPOOL);
    let fits = share.fits(needed.max(doubled));
    let wanted = if fits { needed.max(doubled) } else { needed };
    whole.reserve_exact(wanted - whole.len());
    fits
}

/// Keeps a body in the journal, as the guest gets it.
pub(super) struct Keeping {
    pub(super) journal: Arc<Journal>,
    pub(super) writer: Writer,
}

impl Keeping {
    fn push(&mut self, piece: &[u8]) {
        self.writer.push(&self.journal, piece);
    }

    fn finish(self, last: &[u8]) {
        self.writer.finish(&self.journal, last);
    }

    /// How much memory it takes.
    fn held(&self) -> usize {
        self.writer.held()
    }
}

/// A body that the journal has, read piece by piece. It keeps its place until it was read or dropped: a connector may open
/// any number of them, and read each as far as its first byte.
pub(super) fn kept(
    journal: Arc<Journal>,
    kept: Kept,
    most: u64,
    usage: &Usage,
    mut place: Place,
) -> WasiBody {
    place.share.body(kept.memory());
    usage.peak(Limit::ResponseMib, kept.length.min(most));
    if kept.length > most {
        return too_large(most);
    }
    let pieces = stream::unfold((journal, kept, 0), async |(journal, kept, number)| {
        let piece = journal.piece(&kept, number).transpose()?;
        let piece = piece.map_err(|_| Error::HttpResponseIncomplete);
        Some((piece, (journal, kept, number + 1)))
    });
    let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync();
    Held { body, _held: place }.boxed_unsync()
}

/// The body that the guest gets. `held`, its place among the requests in flight and its attempt, until it has been
/// read or dropped.
pub(super) fn body(
    spooled: Spooled,
    most: u64,
    redactor: &Redactor,
    usage: &Arc<Usage>,
    mut held: (Place, Attempt),
    keeping: Option<Keeping>,
) -> WasiBody {
    match spooled {
        Spooled::Whole(whole) => {
            usage.peak(Limit::ResponseMib, whole.len() as u64);
            if whole.len() as u64 > most {
                held.1.too_large();
                return too_large(most);
            }
            let clean = match redactor.bytes(&whole) {
                std::borrow::Cow::Borrowed(_) => whole,
                std::borrow::Cow::Owned(clean) => clean.into(),
            };
            if let Some(keeping) = keeping {
                keeping.finish(&clean);
            }
            let body = Full::new(clean).map_err(|never| match never {});
            Held { body, _held: held }.boxed_unsync()
        }
        Spooled::Begun(first, response) => {
            let rest = stream::unfold(response, async |mut response| {
                response
                    .chunk()
                    .await
                    .transpose()
                    .map(|chunk| (chunk, response))
            });
            let bounded = Bounded {
                redactor: redactor.stream(),
                left: most,
                most,
                ended: false,
                counted: true,
                usage: Arc::clone(usage),
                attempt: held.1,
                keeping,
                place: held.0,
            };
            let first = stream::once(std::future::ready(Ok(first)));
            StreamBody::new(
                bounded
                    .over(first.chain(rest))
                    .map(|chunk| chunk.map(Frame::data)),
            )
            .boxed_unsync()
        }
    }
}

/// A body that keeps its place among the requests in flight until it is dropped: otherwise a connector could make the
/// host hold any number of answers that it never reads.
struct Held<B, H> {
    body: B,
    _held: H,
}

impl<B: Body + Unpin, H: Unpin> Body for Held<B, H> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn too_large(most: u64) -> WasiBody {
    StreamBody::new(stream::once(async move {
        Err(Error::HttpResponseBodySize(Some(most)))
    }))
    .boxed_unsync()
}

/// A streamed body: counts what passes, and redacts it.
struct Bounded {
    redactor: StreamRedactor,
    left: u64,
    most: u64,
    ended: bool,
    /// The next chunk was counted when it was spooled.
    counted: bool,
    usage: Arc<Usage>,
    attempt: Attempt,
    keeping: Option<Keeping>,
    place: Place,
}

impl Bounded {
    fn over(
        self,
        chunks: impl Stream<Item = Result<Bytes, reqwest::Error>> + Send + 'static,
    ) -> impl Stream<Item = Result<Bytes, Error>> + Send {
        stream::unfold((self, Box::pin(chunks)), async |(mut this, mut chunks)| {
            if this.ended {
                return None;
            }
            let item = match chunks.next().await {
                Some(Ok(chunk)) => match this.left.checked_sub(chunk.len() as u64) {
                    Some(left) => {
                        this.left = left;
                        if !std::mem::take(&mut this.counted) {
                            this.attempt.read(chunk.len());
                        }
                        this.usage.peak(Limit::ResponseMib, this.attempt.bytes_in());
                        let clean = this.redactor.push(chunk);
                        if let Some(keeping) = &mut this.keeping {
                            keeping.push(&clean);
                        }
                        let kept = this.keeping.as_ref().map_or(0, Keeping::held);
                        this.place.share.body(clean.len() + kept);
                        Ok(clean)
                    }
                    None => {
                        this.ended = true;
                        this.usage.peak(Limit::ResponseMib, this.most);
                        this.attempt.too_large();
                        Err(Error::HttpResponseBodySize(Some(this.most)))
                    }
                },
                Some(Err(_)) => {
                    this.ended = true;
                    this.attempt.failed("its body broke off");
                    Err(Error::HttpResponseIncomplete)
                }
                None => {
                    this.ended = true;
                    let last = this.redactor.finish();
                    if let Some(keeping) = this.keeping.take() {
                        keeping.finish(&last);
                    }
                    Ok(last)
                }
            };
            Some((item, (this, chunks)))
        })
        // wasi:io takes an empty piece for the end of what is there now; there is no need to show one.
        .filter(|item| std::future::ready(!matches!(item, Ok(chunk) if chunk.is_empty())))
    }
}

/// The header of the answer that the host itself gives where it has no token to send a request with. No API's answer has it.
const NO_TOKEN_HEADER: HeaderName = HeaderName::from_static("portcullis-no-token");

/// What a guest gets where there is no token: as if the API had refused the credential.
pub(super) fn without_token(reason: &str) -> http::Response<WasiBody> {
    let body = Full::new(Bytes::copy_from_slice(reason.as_bytes()));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    let mut answer = http::Response::new(body);
    *answer.status_mut() = http::StatusCode::UNAUTHORIZED;
    let headers = answer.headers_mut();
    headers.insert(NO_TOKEN_HEADER, HeaderValue::from_static("1"));
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(http::header::CONTENT_TYPE, kind);
    answer
}

/// Whether a body is still compressed: the client undoes gzip and removes the header that says so. Of several names, one that
/// is unknown is enough.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    let is_plain = |value: &HeaderValue| {
        let coding = value.as_bytes().trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
    };
    let mut codings = headers.get_all(http::header::CONTENT_ENCODING).iter();
    codings.any(|value| !is_plain(value))
}

/// The headers that the guest gets of those that the API sent.
pub fn headers(headers: &HeaderMap, redactor: &Redactor) -> HeaderMap {
    headers
        .iter()
        // The body's length is said by the body: what was redacted or unpacked has another.
        .filter(|(name, _)| {
            !super::policy::is_forbidden(name)
                && !super::policy::is_the_hosts_word(name)
                && *name != http::header::CONTENT_LENGTH
                && *name != NO_TOKEN_HEADER
                && matches!(redactor.text(name.as_str()), std::borrow::Cow::Borrowed(_))
        })
        .map(|(name, value)| {
            let value = match redactor.bytes(value.as_bytes()) {
                std::borrow::Cow::Borrowed(_) => value.clone(),
                std::borrow::Cow::Owned(clean) => {
                    HeaderValue::from_bytes(&clean).unwrap_or(HeaderValue::from_static(""))
                }
            };
            (name.clone(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::gate::Gate;
    use crate::egress::room::Room;

    async fn read(content: &'static str, most: u64) -> Result<String, Error> {
        let permit = Gate::new(1, &Room::new(0)).enter().await;
        let attempt = crate::egress::trail::tests::attempt();
        let redactor = crate::vault::redactor_of("a-secret-token");
        let whole = body(
            Spooled::Whole(Bytes::from_static(content.as_bytes())),
            most,
            &redactor,
            &Arc::default(),
            (permit, attempt),
            None,
        )
        .collect()
        .await?;
        Ok(String::from_utf8(whole.to_bytes().into()).unwrap())
    }

    #[test]
    fn a_body_takes_memory_as_it_comes_and_no_more_than_there_is() {
        let room = Room::new(SPOOL);
        let mut share = room.share();
        let mut whole = Vec::new();
        for _ in 0..SPOOL {
            assert!(make_room(&mut whole, 1, &mut share));
            whole.push(0);
        }
        assert_eq!(whole.capacity(), SPOOL);
        assert!(!room.share().fits(1), "all of it is counted");
        let (mut other, mut share) = (Vec::new(), room.share());
        assert!(!make_room(&mut other, 1, &mut share));
        assert_eq!(other.capacity(), 1);
    }

    #[tokio::test]
    async fn a_secret_in_a_body_is_redacted_before_the_guest_sees_it() {
        let read = read("<a-secret-token>", 100).await;
        assert_eq!(read.unwrap(), "<[redacted]>");
    }

    #[tokio::test]
    async fn a_body_beyond_the_cap_is_an_error_and_nothing_else() {
        assert!(read("12345", 5).await.is_ok());
        assert!(matches!(
            read("12345", 4).await,
            Err(Error::HttpResponseBodySize(Some(4)))
        ));
    }

    #[test]
    fn a_secret_in_a_header_is_redacted_and_cookies_are_dropped() {
        let redactor = crate::vault::redactor_of("a-secret-token");
        let mut sent = HeaderMap::new();
        sent.insert("x-echo", HeaderValue::from_static("<a-secret-token>"));
        sent.insert("set-cookie", HeaderValue::from_static("a=b"));
        sent.insert("portcullis-no-token", HeaderValue::from_static("1"));
        sent.insert("www-authenticate", HeaderValue::from_static("Bearer"));
        // Which credential was sent is the host's word, not the API's.
        sent.insert("portcullis-slot", HeaderValue::from_static("other"));
        let got = headers(&sent, &redactor);
        assert_eq!(got.len(), 1);
        assert_eq!(got["x-echo"], "<[redacted]>");
    }
}
