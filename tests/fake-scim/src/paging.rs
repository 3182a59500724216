//! Which rows a page holds, and what it says of itself.

use serde_json::Value;

use crate::answer::Problem;
use crate::asked::Asked;

/// How lists are cut into pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// By what a client goes on.
    pub form: Form,
    /// The largest page there is; more is cut to that without a word.
    pub cap: Option<usize>,
    /// How many rows come where no count was asked for; None: all that the cap allows.
    pub without_count: Option<usize>,
    /// `itemsPerPage`.
    pub items_per_page: ItemsPerPage,
    /// `totalResults`.
    pub total: Total,
    /// A page past the end is the first one again.
    pub end_repeats: bool,
    /// Every request gets the first page, and `count` is ignored too.
    pub ignored: bool,
    /// Any `count` is answered 500.
    pub count_fails: bool,
    /// `startIndex=0` is answered 400.
    pub zero_fails: bool,
    /// The last page has a `nextCursor` too, to the first.
    pub cursor_loops: bool,
    /// A cursor is refused as expired, once in a walk, at the page behind the first.
    pub cursor_expires: bool,
    /// At the border of two pages a row comes twice and another not at all, unless the rows are sorted.
    pub rows_move: bool,
    /// `sortBy`.
    pub sort: Sort,
}

/// By what a client goes on to the next page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `startIndex`; `cursor` is ignored.
    #[default]
    Index,
    /// `startIndex`; `cursor` is answered 501.
    IndexOnly,
    /// `cursor` or `startIndex`.
    Both,
    /// `cursor` alone, and a request without it gets a `nextCursor`.
    Cursor,
    /// As [`Form::Cursor`], and `startIndex` is answered 501.
    CursorOnly,
    /// Everything comes at once, whatever is asked.
    Whole,
}

/// What `itemsPerPage` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ItemsPerPage {
    /// How many rows the page has.
    #[default]
    Right,
    /// How many were asked for.
    Asked,
    /// Nothing, and `startIndex` neither.
    Missing,
}

/// What `totalResults` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Total {
    /// How many rows there are.
    #[default]
    Right,
    /// How many rows the page has.
    PageSize,
    /// Nothing.
    Absent,
    /// 0.
    Zero,
    /// 0 where `count=0`.
    ZeroWithoutRows,
    /// So many more than there are.
    TooMany(usize),
    /// Half of what there are.
    Half,
}

/// What becomes of `sortBy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Rows come by id.
    #[default]
    Honoured,
    /// Nothing.
    Ignored,
    /// 501.
    Refused,
}

/// The rows of one page, by index into the list, and what is said of them.
#[derive(Debug, PartialEq)]
pub(crate) struct Page {
    pub(crate) rows: Vec<usize>,
    pub(crate) total: Option<usize>,
    pub(crate) start_index: Option<usize>,
    pub(crate) items_per_page: Option<usize>,
    pub(crate) next_cursor: Option<String>,
}

impl Paging {
    /// Which rows of `all` to send. `expired` says whether this walk's cursor is to be refused.
    pub(crate) fn page(&self, all: usize, asked: &Asked, expired: bool) -> Result<Page, Problem> {
        if self.count_fails && asked.count.is_some() {
            return Err(Problem::new(500, "Internal server error"));
        }
        if asked.sort_by.is_some() && self.sort == Sort::Refused {
            return Err(Problem::new(501, "Sorting is not supported"));
        }
        let wanted = self.count(asked)?;
        let by_cursor = match self.form {
            Form::CursorOnly if asked.start_index.is_some() => {
                return Err(Problem::new(501, "Pagination by index is not supported"));
            }
            Form::Cursor | Form::CursorOnly => true,
            Form::Both => asked.cursor.is_some(),
            Form::IndexOnly if asked.cursor.is_some() => {
                return Err(Problem::new(501, "Cursor pagination is not supported"));
            }
            Form::Index | Form::IndexOnly | Form::Whole => false,
        };
        let first = match by_cursor {
            true => cursor(asked, expired)?,
            false => self.start(asked)?,
        };
        let everything = self.form == Form::Whole;
        let mut first = if everything || self.ignored { 0 } else { first };
        if first >= all && self.end_repeats {
            first = 0;
        }
        let many = if everything {
            all
        } else {
            wanted.unwrap_or(all)
        };
        let end = first.saturating_add(many).min(all);
        let rows: Vec<usize> = (first.min(end)..end).collect();
        let sent = rows.len();
        let next_cursor = match (by_cursor, end < all) {
            (true, true) => Some(cursor_to(end, asked)),
            (true, false) if self.cursor_loops => Some(cursor_to(0, asked)),
            _ => None,
        };
        let told = self.items_per_page != ItemsPerPage::Missing && !everything;
        Ok(Page {
            rows: self.moved(rows, first, asked),
            total: self.told_total(all, sent, wanted),
            start_index: (told && !by_cursor).then_some(first + 1),
            items_per_page: match self.items_per_page {
                ItemsPerPage::Asked => told.then(|| asked_count(asked).unwrap_or(sent)),
                _ => told.then_some(sent),
            },
            next_cursor,
        })
    }

    fn told_total(&self, all: usize, sent: usize, wanted: Option<usize>) -> Option<usize> {
        match self.total {
            Total::Right => Some(all),
            Total::PageSize => Some(sent),
            Total::Absent => None,
            Total::Zero => Some(0),
            Total::ZeroWithoutRows => Some(if wanted == Some(0) { 0 } else { all }),
            Total::TooMany(more) => Some(all + more),
            Total::Half => Some(all / 2),
        }
    }

    /// The most rows that the page may have; None: no bound.
    fn count(&self, asked: &Asked) -> Result<Option<usize>, Problem> {
        let count = match &asked.count {
            Some(_) if self.ignored => None,
            Some(text) => Some(number(text, "count")?),
            None => None,
        };
        let wanted = match count {
            Some(count) => Some(usize::try_from(count).unwrap_or(0)),
            None => self.without_count,
        };
        Ok(match (wanted, self.cap) {
            (Some(wanted), Some(cap)) => Some(wanted.min(cap)),
            (wanted, cap) => wanted.or(cap),
        })
    }

    /// The first row that was asked for by `startIndex`, from 0.
    fn start(&self, asked: &Asked) -> Result<usize, Problem> {
        let Some(text) = &asked.start_index else {
            return Ok(0);
        };
        let start = number(text, "startIndex")?;
        if start == 0 && self.zero_fails {
            return Err(Problem::bad(
                "invalidValue",
                "startIndex must be at least 1",
            ));
        }
        Ok(usize::try_from(start.max(1) - 1).unwrap_or(0))
    }

    /// Rows as they come where they move: the first of a page is the last of the page before.
    fn moved(&self, mut rows: Vec<usize>, first: usize, asked: &Asked) -> Vec<usize> {
        let sorted = asked.sort_by.is_some() && self.sort == Sort::Honoured;
        if let (true, false, Some(row)) = (self.rows_move && first > 0, sorted, rows.first_mut()) {
            *row -= 1;
        }
        rows
    }
}

/// The first row that was asked for by `cursor`, from 0.
fn cursor(asked: &Asked, expired: bool) -> Result<usize, Problem> {
    let Some(cursor) = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty()) else {
        return Ok(0);
    };
    if asked.start_index.is_some() {
        return Err(Problem::bad(
            "invalidCursor",
            "cursor and startIndex exclude each other",
        ));
    }
    if expired {
        return Err(Problem::bad("expiredCursor", "The cursor has expired"));
    }
    let first = cursor
        .split('-')
        .nth(1)
        .and_then(|first| first.parse().ok());
    let Some(first) = first.filter(|&first| cursor.starts_with(&cursor_head(first))) else {
        return Err(Problem::bad("invalidCursor", "No such cursor"));
    };
    // Every other parameter must stay what it was.
    if cursor != cursor_to(first, asked) {
        let count = cursor.split('-').nth(2) != cursor_to(first, asked).split('-').nth(2);
        let kind = if count {
            "invalidCount"
        } else {
            "invalidCursor"
        };
        return Err(Problem::bad(
            kind,
            "The parameters differ from those of the first request",
        ));
    }
    Ok(first)
}

fn number(text: &str, name: &str) -> Result<i64, Problem> {
    let wrong = |_| Problem::bad("invalidValue", &format!("{name} must be a number"));
    text.parse().map_err(wrong)
}

fn asked_count(asked: &Asked) -> Option<usize> {
    asked.count.as_ref()?.parse().ok()
}

fn cursor_head(first: usize) -> String {
    format!("c-{first}-")
}

/// Opaque to a client: where to go on, and a digest of what must not change.
fn cursor_to(first: usize, asked: &Asked) -> String {
    let rest = (
        &asked.filter,
        &asked.sort_by,
        &asked.attributes,
        &asked.excluded,
    );
    let digest = format!("{rest:?}").bytes().fold(7u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let count = asked.count.as_deref().unwrap_or("default");
    format!("{}{count}-{digest:08x}+/=", cursor_head(first))
}

impl Page {
    /// The envelope of a list.
    pub(crate) fn envelope(self, resources: Vec<Value>) -> Value {
        let mut list = serde_json::Map::new();
        list.insert(
            "schemas".into(),
            vec!["urn:ietf:params:scim:api:messages:2.0:ListResponse"].into(),
        );
        let numbers = [
            ("totalResults", self.total),
            ("startIndex", self.start_index),
            ("itemsPerPage", self.items_per_page),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                list.insert(name.into(), number.into());
            }
        }
        if let Some(cursor) = self.next_cursor {
            list.insert("nextCursor".into(), cursor.into());
        }
        list.insert("Resources".into(), resources.into());
        list.into()
    }
}
