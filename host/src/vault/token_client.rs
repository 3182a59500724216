//! A client of a token endpoint: OAuth 2.0 client credentials (RFC 6749, section 4.4).

use super::Secret;
use futures::future::BoxFuture;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AccessToken, AsyncHttpClient, Client, ClientId, ClientSecret, HttpRequest, HttpResponse,
    RefreshToken, RequestTokenError, Scope, StandardRevocableToken, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::Url;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

/// Who asks for tokens, where, and with what.
pub struct TokenClient {
    url: Url,
    id: String,
    secret: Secret,
    scopes: Vec<String>,
}

/// A token that came.
pub(crate) struct Granted {
    /// The token.
    pub(crate) token: Secret,
    /// How long it lives from when it was asked for, where the endpoint says so.
    pub(crate) lifetime: Option<Duration>,
}

/// What sends a request and brings its answer: the crate's own clients follow redirects and rules of their own.
pub(crate) struct Http<E>(pub(crate) Box<Sends<E>>);

type Sends<E> = dyn Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, E>> + Send + Sync;

impl<'c, E: std::error::Error + 'static> AsyncHttpClient<'c> for Http<E> {
    type Error = E;
    type Future = BoxFuture<'static, Result<HttpResponse, E>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        (self.0)(request)
    }
}

/// Why none came.
pub(crate) enum NotGranted<E> {
    /// The endpoint refused, with this code of its own or of RFC 6749, section 5.2.
    Refused(String),
    /// It answered with something else.
    NotUnderstood,
    /// It gave a token that can't be sent: what is wrong with it.
    Unusable(String),
    /// There was no answer.
    NoAnswer(E),
}

impl TokenClient {
    /// A client. The URL is absolute, `http` or `https`, without user name, password and fragment; `scope` is a list with
    /// spaces between.
    ///
    /// # Errors
    /// The field that is wrong, and what is wrong with it, without the value.
    pub fn new(
        url: &str,
        id: String,
        secret: Secret,
        scope: Option<&str>,
    ) -> Result<Self, (&'static str, String)> {
        let good = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        };
        let url = Url::parse(url).ok().filter(good).ok_or_else(|| {
            let problem = "must be the URL of the token endpoint, such as https://auth.example.com/oauth2/token, without user name, password and fragment";
            ("token_url", problem.to_owned())
        })?;
        let visible = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        for (field, text) in [("client_id", &*id), ("scope", scope.unwrap_or_default())] {
            if !visible(text) {
                let problem =
                    "holds something other than visible ASCII; was it copied whole and alone?";
                return Err((field, problem.to_owned()));
            }
        }
        let scopes = scope.unwrap_or_default().split_whitespace();
        Ok(Self {
            url,
            id,
            secret,
            scopes: scopes.map(str::to_owned).collect(),
        })
    }

    /// The token endpoint.
    pub fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        match name {
            "token_url" => Some(self.url.as_str().as_bytes()),
            "client_id" => Some(self.id.as_bytes()),
            "client_secret" => Some(self.secret.expose()),
            _ => None,
        }
    }

    /// What tells this client from others: tokens come and go. The secret is part of it, since an id is known to many, and
    /// whoever is taken for this client shares its hour.
    pub(super) fn identity(&self) -> Zeroizing<Vec<u8>> {
        let (url, id) = (self.url.as_str().as_bytes(), self.id.as_bytes());
        Zeroizing::new([url, b"\0", id, b"\0", self.secret.expose()].concat())
    }

    /// The secret as RFC 6749, section 2.3.1, encodes it in HTTP's Basic scheme.
    pub(super) fn encoded_secret(&self) -> Zeroizing<String> {
        Zeroizing::new(byte_serialize(self.secret.expose()).collect())
    }

    /// Asks for a token once, by `http`.
    ///
    /// # Errors
    /// [`NotGranted`].
    pub(crate) async fn ask<E>(&self, http: &Http<E>) -> Result<Granted, NotGranted<E>>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        // A secret is visible ASCII.
        let secret = String::from_utf8_lossy(self.secret.expose()).into_owned();
        let client: Client<
            BasicErrorResponse,
            Answer,
            BasicTokenIntrospectionResponse,
            StandardRevocableToken,
            BasicRevocationErrorResponse,
        > = Client::new(ClientId::new(self.id.clone()));
        let client = client
            .set_client_secret(ClientSecret::new(secret))
            .set_token_uri(TokenUrl::from_url(self.url.clone()));
        let answer = client
            .exchange_client_credentials()
            .add_scopes(self.scopes.iter().cloned().map(Scope::new))
            .request_async(http)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(refusal) => {
                    NotGranted::Refused(refusal.error().as_ref().to_owned())
                }
                RequestTokenError::Request(error) => NotGranted::NoAnswer(error),
                RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                    NotGranted::NotUnderstood
                }
            })?;
        let is_bearer = match &answer.token_type {
            BasicTokenType::Bearer => true,
            other => other.as_ref().eq_ignore_ascii_case("bearer"),
        };
        if !is_bearer {
            let problem = "is no bearer token, which is the only type that can be sent";
            return Err(NotGranted::Unusable(problem.to_owned()));
        }
        let lifetime = answer.expires_in();
        let token = Zeroizing::new(answer.access_token.into_secret().into_bytes());
        let token = Secret::new(token).map_err(NotGranted::Unusable)?;
        Ok(Granted { token, lifetime })
    }
}

/// What a token endpoint says of a token, as it is said in the wild.
#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    access_token: AccessToken,
    /// Some leave it out where it is what everyone expects.
    #[serde(default = "bearer")]
    token_type: BasicTokenType,
    /// A number, or a text that is one.
    #[serde(default)]
    expires_in: serde_json::Value,
}

fn bearer() -> BasicTokenType {
    BasicTokenType::Bearer
}

impl TokenResponse for Answer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        let text = self.expires_in.as_str();
        let seconds = self.expires_in.as_u64();
        let seconds = seconds.or_else(|| text?.trim().parse().ok())?;
        Some(Duration::from_secs(seconds))
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        None
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    fn client(url: &str, id: &str, scope: Option<&str>) -> Result<TokenClient, &'static str> {
        let secret = Secret::new(Zeroizing::new(b"client/secret+1".to_vec())).unwrap();
        TokenClient::new(url, id.to_owned(), secret, scope).map_err(|(field, problem)| {
            assert!(!problem.contains(url) || url.is_empty(), "{problem}");
            field
        })
    }

    /// What is made of an answer, and what was sent for it.
    async fn asked(body: &'static str) -> (Result<Granted, String>, HttpRequest) {
        let sent = Arc::new(Mutex::new(None));
        let noting = Arc::clone(&sent);
        let http = Http(Box::new(move |request| {
            *noting.lock().unwrap() = Some(request);
            let answer = HttpResponse::new(body.as_bytes().to_vec());
            Box::pin(std::future::ready(Ok::<_, Infallible>(answer)))
        }));
        let client = client(
            "https://auth.example/token?p=1",
            "me:1",
            Some("read  write"),
        );
        let asked = client.unwrap().ask(&http).await;
        let asked = asked.map_err(|error| match error {
            NotGranted::Refused(code) => code,
            NotGranted::NotUnderstood => "not understood".to_owned(),
            NotGranted::Unusable(problem) => problem,
            NotGranted::NoAnswer(never) => match never {},
        });
        let request = sent.lock().unwrap().take();
        (asked, request.unwrap())
    }

    #[tokio::test]
    async fn a_token_is_asked_for_as_the_standard_says_and_its_answer_read_as_servers_write_it() {
        for (body, seconds) in [
            (
                r#"{"access_token":"a-token-1","token_type":"bearer","expires_in":7200}"#,
                Some(7200),
            ),
            (
                r#"{"access_token":"a-token-1","token_type":"Bearer","expires_in":"7200"}"#,
                Some(7200),
            ),
            (
                r#"{"access_token":"a-token-1","scope":["a"],"expires_in":null}"#,
                None,
            ),
            (
                r#"{"access_token":"a-token-1","token_type":"BEARER","expires_in":-1,"refresh_token":7}"#,
                None,
            ),
        ] {
            let (granted, request) = asked(body).await;
            let Ok(granted) = granted else {
                panic!("{body}")
            };
            assert_eq!(granted.token.expose(), b"a-token-1");
            assert_eq!(granted.lifetime, seconds.map(Duration::from_secs), "{body}");
            assert_eq!(request.method(), "POST");
            assert_eq!(request.uri(), "https://auth.example/token?p=1");
            // echo -n 'me%3A1:client%2Fsecret%2B1' | base64
            let basic = "Basic bWUlM0ExOmNsaWVudCUyRnNlY3JldCUyQjE=";
            assert_eq!(request.headers()["authorization"], basic);
            let body = String::from_utf8_lossy(request.body());
            assert_eq!(body, "grant_type=client_credentials&scope=read+write");
        }
    }

    #[tokio::test]
    async fn what_is_no_usable_token_is_none() {
        for (body, problem) in [
            ("<html>", "not understood"),
            ("{}", "not understood"),
            ("[]", "not understood"),
            ("", "not understood"),
            (r#"{"access_token":null}"#, "not understood"),
            (
                r#"{"access_token":"a-token-1","token_type":"mac"}"#,
                "no bearer token",
            ),
            (r#"{"access_token":"a-token\r\nx-evil: 1"}"#, "at byte 8"),
            (r#"{"access_token":""}"#, "is empty"),
        ] {
            let (granted, _) = asked(body).await;
            let Err(told) = granted else { panic!("{body}") };
            assert!(told.contains(problem), "{body}: {told}");
        }
    }

    #[test]
    fn who_knows_a_clients_id_without_its_secret_is_another() {
        let of = |url: &str, id: &str, secret: &str| {
            let secret = Secret::new(Zeroizing::new(secret.as_bytes().to_vec())).unwrap();
            let client = TokenClient::new(url, id.to_owned(), secret, None);
            client.ok().unwrap().identity()
        };
        let url = "https://auth.example/token";
        let one = of(url, "me", "secret-1");
        assert_eq!(one, of(url, "me", "secret-1"));
        assert_ne!(one, of(url, "me", "secret-2"));
        assert_ne!(one, of(url, "you", "secret-1"));
        assert_ne!(one, of("https://auth.example/other", "me", "secret-1"));
    }

    #[test]
    fn what_is_no_token_url_is_refused_without_being_repeated() {
        for url in [
            "",
            "auth.example/token",
            "ftp://auth.example/token",
            "https://me:pass@auth.example/token",
            "https://auth.example/token#x",
        ] {
            assert_eq!(client(url, "me", None).err(), Some("token_url"), "{url}");
        }
        let url = "https://auth.example/token";
        assert_eq!(client(url, "m\u{e9}", None).err(), Some("client_id"));
        assert_eq!(client(url, "me", Some("a\nb")).err(), Some("scope"));
        assert!(client(url, "me", None).is_ok());
    }
}
