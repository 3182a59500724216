//! Pages of a list, and what can be wrong with them.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::errors::{self, Answer};
use crate::traps::{Loop, PageTraps};

/// What a request says about the page that it wants.
pub(crate) struct Asked<'a> {
    /// `http://127.0.0.1:1234`.
    pub(crate) origin: &'a str,
    pub(crate) path: &'a str,
    /// As it came, without decoding.
    pub(crate) raw_query: &'a str,
}

impl Asked<'_> {
    /// The first value of a query parameter, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.raw_query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    fn number(&self, name: &str, otherwise: usize) -> Result<usize, Answer> {
        match self.parameter(name) {
            None => Ok(otherwise),
            Some(text) => match text.parse::<usize>() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(errors::error(400, &format!("Invalid {name}"))),
            },
        }
    }

    /// This request's URL with another position; page 1 is the URL without one.
    fn at(&self, position: Option<(&str, String)>, traps: &PageTraps) -> String {
        let mut query: Vec<String> = self
            .raw_query
            .split('&')
            .filter(|pair| {
                !pair.is_empty() && !pair.starts_with("page=") && !pair.starts_with("ctx=")
            })
            .map(str::to_owned)
            .collect();
        query.extend(position.map(|(name, value)| format!("{name}={value}")));
        let origin = traps.next_origin.as_deref().unwrap_or(self.origin);
        let path = traps.next_path.as_deref().unwrap_or(self.path);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{origin}{path}{mark}{}", query.join("&"))
    }
}

/// A cursor says nothing about where it stands, but holds it.
fn cursor(path: &str, offset: usize) -> String {
    let digest = Sha256::digest(format!("{path} {offset}"));
    let hash: String = digest[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{hash}{offset:08x}")
}

fn offset_of(path: &str, text: &str) -> Option<usize> {
    let offset = usize::from_str_radix(text.get(24..)?, 16).ok()?;
    (cursor(path, offset) == text).then_some(offset)
}

/// The envelope with one page of `total` elements.
pub(crate) fn page(
    asked: &Asked<'_>,
    total: usize,
    default_length: usize,
    traps: &PageTraps,
    element: impl Fn(usize) -> Value,
) -> Result<Value, Answer> {
    let most = traps.largest.unwrap_or(100).clamp(1, 100);
    let length = asked.number("pagelen", default_length)?.min(most);
    let number = asked.number("page", 1)?;
    let start = match asked.parameter("ctx") {
        Some(text) if traps.cursors => {
            offset_of(asked.path, &text).ok_or_else(|| errors::error(400, "Invalid cursor"))?
        }
        _ if traps.cursors => 0,
        _ => (number - 1).saturating_mul(length).min(total),
    };
    let end = (start + length).min(total);
    if traps.later_pages_html && start > 0 {
        return Err(errors::sign_in_page());
    }

    let mut values: Vec<Value> = (start..end).map(&element).collect();
    if traps.duplicates && start > 0 && start < end {
        values.insert(0, element(start - 1));
    }
    if traps.text_in_values {
        values.push(json!("This element could not be shown. Contact support."));
    }
    if traps.empty_object_in_values {
        values.push(json!({}));
    }

    let mut envelope = json!({"values": values});
    if !traps.bare_envelope {
        envelope["pagelen"] = length.into();
        if !traps.cursors {
            envelope["page"] = number.into();
        }
        if !traps.without_size {
            envelope["size"] = total
                .saturating_add_signed(traps.size_off_by as isize)
                .into();
        }
        if number > 1 && !traps.cursors {
            let before = (number > 2).then(|| ("page", (number - 1).to_string()));
            envelope["previous"] = asked.at(before, &PageTraps::default()).into();
        }
    }

    let forward = || {
        if traps.cursors {
            ("ctx", cursor(asked.path, end))
        } else {
            ("page", (number + 1).to_string())
        }
    };
    let more = end < total;
    let next = match traps.next_loops {
        _ if traps.without_next => None,
        Some(Loop::FirstToItself) if start == 0 => Some(asked.at(None, traps)),
        Some(Loop::LastToFirst) if !more => Some(asked.at(None, traps)),
        _ if more || (traps.next_after_last && start < end) => {
            Some(asked.at(Some(forward()), traps))
        }
        _ => None,
    };
    if let Some(next) = next {
        envelope["next"] = next.into();
    }
    Ok(envelope)
}
