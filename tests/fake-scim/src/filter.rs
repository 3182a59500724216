//! `filter`: one attribute that equals one text.

use crate::answer::Problem;

/// What becomes of filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filters {
    /// Those that this server knows are honoured; others are refused: 400 `invalidFilter`.
    #[default]
    Known,
    /// Every filter is ignored.
    Ignored,
    /// Every filter finds nothing.
    Nothing,
    /// Every filter is refused: 400 `invalidFilter`.
    Refused,
    /// Every filter is answered 501.
    NotImplemented,
}

/// A filter that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Everything,
    Nothing,
    /// The attribute, in small letters, and what it must be.
    Equal(String, String),
}

impl Filters {
    pub(crate) fn read(self, filter: Option<&str>, known: &[&str]) -> Result<Wanted, Problem> {
        let Some(filter) = filter else {
            return Ok(Wanted::Everything);
        };
        match self {
            Self::Ignored => return Ok(Wanted::Everything),
            Self::Nothing => return Ok(Wanted::Nothing),
            Self::NotImplemented => return Err(Problem::new(501, "Filtering is not supported")),
            Self::Refused | Self::Known => {}
        }
        let refused = || Problem::bad("invalidFilter", "This filter is not supported");
        let mut words = filter.trim().splitn(3, ' ');
        let (Some(attribute), Some(operator), Some(text)) =
            (words.next(), words.next(), words.next())
        else {
            return Err(refused());
        };
        let attribute = attribute.to_lowercase();
        let text: Option<String> = serde_json::from_str(text.trim()).ok();
        match text {
            Some(text)
                if self == Self::Known
                    && operator.eq_ignore_ascii_case("eq")
                    && known.contains(&&*attribute) =>
            {
                Ok(Wanted::Equal(attribute, text))
            }
            _ => Err(refused()),
        }
    }
}
