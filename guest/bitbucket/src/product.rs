//! Tells Bitbucket Data Center from a wrong address.

use portcullis_kit::client::Client;
use serde::Deserialize;

/// The host of Bitbucket Cloud's API: there is nothing to tell apart there.
const CLOUD: &str = "api.bitbucket.org";

/// Data Center tells everyone what it is; any other server has no reason to have this path.
const PATH: &str = "/rest/api/1.0/application-properties";

/// What it tells is short.
const MOST_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Properties {
    version: String,
    #[serde(rename = "displayName")]
    display_name: String,
}

/// The name and version of the Data Center at the API's origin, if there is one. Asked without any
/// credential, and only after Bitbucket Cloud's own call has failed.
pub(crate) async fn data_center(client: &Client<'_>) -> Option<String> {
    if client.origin().host() == CLOUD {
        return None;
    }
    let answer = client.get(PATH, None, MOST_BYTES).await.ok()?;
    let properties: Properties = answer.json().ok()?;
    Some(format!(
        "{} {}",
        properties.display_name, properties.version
    ))
}
