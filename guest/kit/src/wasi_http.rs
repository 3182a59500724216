//! Requests over `wasi:http`: what a component has.

use crate::api::{Api, Request, Response, TransportError};
use crate::origin::ApiOrigin;
use futures::future::LocalBoxFuture;
use wstd::http::body::util::BodyExt;
use wstd::http::error::ErrorCode;
use wstd::http::{Body, Client};

/// The host's HTTP.
pub struct WasiApi {
    origin: ApiOrigin,
}

impl WasiApi {
    /// Requests to this origin.
    #[must_use]
    pub fn new(origin: ApiOrigin) -> Self {
        Self { origin }
    }

    async fn send(&self, request: &Request) -> Result<(Response, Body), TransportError> {
        let url = self.origin.url(&request.path).ok_or_else(|| {
            TransportError::Refused("the path leads to another origin".to_owned())
        })?;
        // No `accept-encoding`: the host unpacks what it asked for itself, and must see the plain body.
        let mut draft = wstd::http::Request::get(url.as_str()).header("accept", request.accept);
        if let Some(slot) = &request.slot {
            draft = draft.header("portcullis-slot", slot);
        }
        let draft = draft
            .body(Body::empty())
            .map_err(|error| TransportError::Refused(error.to_string()))?;
        let answer = Client::new()
            .send(draft)
            .await
            .map_err(|error| unanswered(&error))?;
        let (head, body) = answer.into_parts();
        let headers = head
            .headers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        Ok((
            Response {
                status: head.status.as_u16(),
                headers,
                body: Vec::new(),
            },
            body,
        ))
    }

    async fn collect(&self, request: Request) -> Result<Response, TransportError> {
        let (mut response, body) = self.send(&request).await?;
        response.body = held(body, request.most_bytes).await?;
        Ok(response)
    }

    async fn pass_on(
        &self,
        request: Request,
        piece: &mut dyn FnMut(&Response, &[u8]),
    ) -> Result<Response, TransportError> {
        let (mut response, body) = self.send(&request).await?;
        if response.status == 200 {
            read(body, |bytes| {
                piece(&response, bytes);
                Ok(())
            })
            .await?;
        } else {
            response.body = held(body, request.most_bytes).await?;
        }
        Ok(response)
    }
}

async fn held(body: Body, most_bytes: usize) -> Result<Vec<u8>, TransportError> {
    let promised = body
        .content_length()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(0);
    if promised > most_bytes {
        return Err(TransportError::TooLarge);
    }
    let mut all = Vec::with_capacity(promised);
    read(body, |bytes| {
        if all.len().saturating_add(bytes.len()) > most_bytes {
            return Err(TransportError::TooLarge);
        }
        all.extend_from_slice(bytes);
        Ok(())
    })
    .await?;
    Ok(all)
}

async fn read(
    body: Body,
    mut piece: impl FnMut(&[u8]) -> Result<(), TransportError>,
) -> Result<(), TransportError> {
    let mut body = body.into_boxed_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| TransportError::Broken(error.to_string()))?;
        if let Some(bytes) = frame.data_ref() {
            piece(bytes)?;
        }
    }
    Ok(())
}

fn unanswered(error: &wstd::http::Error) -> TransportError {
    match error.downcast_ref::<ErrorCode>() {
        Some(ErrorCode::HttpRequestDenied) => TransportError::Refused(
            "it is outside of what the manifest and the connection allow".to_owned(),
        ),
        Some(ErrorCode::DestinationIpProhibited) => TransportError::Unreachable(
            "its name leads to an address that the connection does not allow".to_owned(),
        ),
        Some(ErrorCode::HttpResponseBodySize(_)) => TransportError::TooLarge,
        Some(ErrorCode::ConnectionRefused) => {
            TransportError::Unreachable("nobody listens there".to_owned())
        }
        Some(ErrorCode::DnsError(_)) => {
            TransportError::Unreachable("its name can't be resolved".to_owned())
        }
        Some(ErrorCode::TlsCertificateError) => {
            TransportError::Unreachable("its certificate is not trusted".to_owned())
        }
        Some(ErrorCode::ConnectionTimeout) => {
            TransportError::Unreachable("nothing came in time".to_owned())
        }
        Some(_) => TransportError::Unreachable("the connection broke".to_owned()),
        None => TransportError::Unreachable(error.to_string()),
    }
}

impl Api for WasiApi {
    fn get(&self, request: Request) -> LocalBoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(self.collect(request))
    }

    fn stream<'a>(
        &'a self,
        request: Request,
        piece: &'a mut dyn FnMut(&Response, &[u8]),
    ) -> LocalBoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(self.pass_on(request, piece))
    }
}
