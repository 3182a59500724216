//! The parameters of a request.

use url::form_urlencoded;

/// What was asked for, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) start_index: Option<String>,
    pub(crate) count: Option<String>,
    /// Empty: the first page, by cursor.
    pub(crate) cursor: Option<String>,
    pub(crate) filter: Option<String>,
    pub(crate) sort_by: Option<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) excluded: Vec<String>,
}

impl Asked {
    pub(crate) fn read(query: &str) -> Self {
        let mut asked = Self::default();
        let names = |text: &str| {
            let names = text.split(',').map(|name| name.trim().to_lowercase());
            names.filter(|name| !name.is_empty()).collect()
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                "startIndex" => asked.start_index = Some(value),
                "count" => asked.count = Some(value),
                "cursor" => asked.cursor = Some(value),
                "filter" => asked.filter = Some(value),
                "sortBy" => asked.sort_by = Some(value),
                "attributes" => asked.attributes = names(&value),
                "excludedAttributes" => asked.excluded = names(&value),
                _ => {}
            }
        }
        asked
    }
}
