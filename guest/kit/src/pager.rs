//! A list, page by page, from an API that can't be trusted to page well.
//!
//! The envelope is `{"values": [...], "next": URL?, "page": number?, "pagelen": number?, "size": number?}`,
//! of which only `values` is sure. A list ends where nothing leads on. Whatever makes it doubtful that this was all is kept in the [`Reading`]: a list that could not
//! be read to its end must never look like a short one.

use crate::client::{Answer, Client, Miss};
use crate::origin::path_and_query;
use crate::reading::{Outcome, Reading};
use crate::told::told;
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesOrdered, StreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};

/// So many pages are read at most: 100,000 elements in pages of 10, twice over.
const MOST_PAGES: usize = 20_000;

/// So much is quoted of an element that is no object: such a text tells why.
const QUOTED_CHARACTERS: usize = 200;

/// An element of a list.
pub trait Listed: DeserializeOwned {
    /// What tells it from the others: lists that move while they are read repeat elements.
    fn id(&self) -> Cow<'_, str>;
}

/// Reads a list.
pub struct Pager<'a> {
    client: &'a Client<'a>,
    slots: Vec<usize>,
    current: usize,
    /// The first page may come from any of the credentials; the others come from the same.
    any: bool,
    most_bytes: usize,
    first: String,
    path: String,
    due: Option<String>,
    asked: HashSet<String>,
    seen: HashSet<String>,
    pages: usize,
    size: Option<usize>,
    bad: usize,
    problems: Vec<String>,
    served: Vec<usize>,
    misses: Vec<(usize, Miss)>,
    /// Pages that were asked for before their turn, and their paths: they follow each other.
    ahead: FuturesOrdered<LocalBoxFuture<'a, Asked>>,
    expected: VecDeque<String>,
    most_ahead: usize,
    /// When the last page came, and the oldest.
    read_at: Option<u64>,
    oldest: Option<u64>,
}

/// The credential that was sent, and what came of it.
type Asked = (Option<usize>, Result<Answer, Miss>);

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    values: Option<Vec<&'a RawValue>>,
    #[serde(default, deserialize_with = "told")]
    next: Option<String>,
    #[serde(default, deserialize_with = "told")]
    page: Option<usize>,
    #[serde(default, deserialize_with = "told")]
    pagelen: Option<usize>,
    #[serde(default, deserialize_with = "told")]
    size: Option<usize>,
}

impl<'a> Envelope<'a> {
    fn of(body: &'a [u8]) -> Result<(Self, Vec<&'a RawValue>), Miss> {
        let failed =
            |error: serde_json::Error| Miss::Failed(format!("the answer is no list: {error}"));
        let mut envelope: Self = serde_json::from_slice(body).map_err(failed)?;
        let values = envelope.values.take();
        Ok((
            envelope,
            values.ok_or_else(|| {
                Miss::Failed("the answer is no list: it has no values".to_owned())
            })?,
        ))
    }
}

/// Where a page leads.
enum Onward {
    To(String),
    End,
    /// There is more, but no way to it: why.
    Lost(String),
}

impl<'a> Pager<'a> {
    /// A pager for the list at `path` (with its query), to be read with the first of `slots` that may; no
    /// page may be longer than `most_bytes`.
    #[must_use]
    pub fn new(client: &'a Client<'a>, path: String, slots: Vec<usize>, most_bytes: usize) -> Self {
        Self {
            client,
            slots,
            current: 0,
            any: false,
            most_bytes,
            path: without_query(&path).to_owned(),
            due: Some(path.clone()),
            first: path,
            asked: HashSet::new(),
            seen: HashSet::new(),
            pages: 0,
            size: None,
            bad: 0,
            problems: Vec::new(),
            served: Vec::new(),
            misses: Vec::new(),
            ahead: FuturesOrdered::new(),
            expected: VecDeque::new(),
            most_ahead: 0,
            read_at: None,
            oldest: None,
        }
    }

    /// As [`Pager::new`], but the list is read with whichever of the credentials the host prefers, and with that one
    /// alone.
    #[must_use]
    pub fn with_any(
        client: &'a Client<'a>,
        path: String,
        slots: Vec<usize>,
        most_bytes: usize,
    ) -> Self {
        Self {
            any: true,
            ..Self::new(client, path, slots, most_bytes)
        }
    }

    /// Where the API counts its pages and says how many elements there are, asks for so many pages at once. For a list that
    /// is read without a pause: a page that came waits in memory, and in the host as a request under way.
    #[must_use]
    pub fn side_by_side(mut self, pages: usize) -> Self {
        self.most_ahead = pages;
        self
    }

    /// When the last page came; see [`crate::api::Response::read_at`].
    #[must_use]
    pub fn read_at(&self) -> Option<u64> {
        self.read_at
    }

    /// How many elements the API says there are, once a page has come.
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        self.size
    }

    /// The elements of the next page that did not come before. None: there is no further page.
    pub async fn next<T: Listed>(&mut self) -> Option<Vec<T>> {
        loop {
            let path = self.due.clone()?;
            if self.expected.pop_front().is_none_or(|next| next != path) {
                self.forget_what_is_ahead();
                self.ask(path.clone());
            }
            let (slot, answer) = self.ahead.next().await?;
            if std::mem::take(&mut self.any) {
                self.slots = slot.into_iter().collect();
            }
            let page = match answer {
                Ok(answer) => self.page(&path, &answer),
                Err(miss) => Err(miss),
            };
            match page {
                Ok(elements) => {
                    self.pages = self.pages.saturating_add(1);
                    if let Some(slot) = slot.filter(|slot| !self.served.contains(slot)) {
                        self.served.push(slot);
                    }
                    return Some(elements);
                }
                Err(miss) => self.missed(slot, miss),
            }
        }
    }

    /// Begins to ask for a page.
    fn ask(&mut self, path: String) {
        let slots = if self.any {
            self.slots.clone()
        } else {
            self.slots.get(self.current).copied().into_iter().collect()
        };
        let (client, most_bytes) = (self.client, self.most_bytes);
        self.ahead.push_back(Box::pin(async move {
            client.get_with_any(&path, &slots, most_bytes).await
        }));
    }

    fn forget_what_is_ahead(&mut self) {
        self.ahead = FuturesOrdered::new();
        self.expected.clear();
    }

    /// Asks for the pages that will follow, where their numbers tell how they are asked for.
    fn look_ahead(&mut self, envelope: &Envelope<'_>, count: usize) {
        let (Some(due), Some(page), Some(size)) = (&self.due, envelope.page, self.size) else {
            return;
        };
        let due = due.clone();
        let length = envelope.pagelen.unwrap_or(count).max(1);
        let last = size.div_ceil(length);
        if self.expected.front().is_some_and(|next| *next != due) {
            self.forget_what_is_ahead();
        }
        while self.expected.len() < self.most_ahead {
            let number = page.saturating_add(self.expected.len()).saturating_add(1);
            let path = numbered(&due, page.saturating_add(1), number);
            let Some(path) = path.filter(|_| number <= last) else {
                return;
            };
            self.ask(path.clone());
            self.expected.push_back(path);
        }
    }

    /// Asks the next credential, or gives up.
    fn missed(&mut self, slot: Option<usize>, miss: Miss) {
        self.forget_what_is_ahead();
        let next = self.current.saturating_add(1);
        let on = miss.another_slot_may_help() && next < self.slots.len();
        if self.pages > 0 {
            let page = self.pages.saturating_add(1);
            self.problems.push(if on {
                format!("page {page} and what follows was read with another credential, which may see other elements: {miss}")
            } else {
                format!("page {page} and what follows could not be read: {miss}")
            });
        }
        self.misses.extend(slot.map(|slot| (slot, miss.clone())));
        if slot.is_none() && self.pages == 0 {
            self.misses.push((usize::MAX, miss));
        }
        if on {
            self.current = next;
        } else {
            self.due = None;
        }
    }

    fn page<T: Listed>(&mut self, asked: &str, answer: &Answer) -> Result<Vec<T>, Miss> {
        let (envelope, values) = Envelope::of(&answer.body)?;
        self.asked.insert(asked.to_owned());
        self.asked.insert(answer.path.clone());
        self.read_at = answer.read_at;
        self.oldest = self.oldest.into_iter().chain(answer.read_at).min();
        if self.pages == 0 {
            self.path = without_query(&answer.path).to_owned();
        }
        self.size = envelope.size.or(self.size);
        let mut fresh: Vec<T> = Vec::with_capacity(values.len());
        let bad_before = self.bad;
        for value in &values {
            match serde_json::from_str::<T>(value.get()) {
                Ok(element) => {
                    let id = element.id().into_owned();
                    if self.seen.insert(id) {
                        fresh.push(element);
                    }
                }
                Err(error) => self.bad_element(value, &error),
            }
        }
        let nothing_new = fresh.is_empty() && self.bad == bad_before;
        self.due = match self.onward(answer, &envelope, values.len(), nothing_new) {
            Onward::End => None,
            Onward::Lost(why) => {
                self.problems.push(why);
                None
            }
            Onward::To(_) if self.pages.saturating_add(1) >= MOST_PAGES => {
                self.problems.push(format!(
                    "there are more than the {MOST_PAGES} pages that are read at most"
                ));
                None
            }
            Onward::To(path) => Some(path),
        };
        self.look_ahead(&envelope, values.len());
        Ok(fresh)
    }

    fn bad_element(&mut self, value: &RawValue, error: &serde_json::Error) {
        self.bad = self.bad.saturating_add(1);
        if self.bad > 1 {
            return;
        }
        // Of an object only the error is told: it may hold anything.
        let why = match serde_json::from_str::<String>(value.get()) {
            Ok(text) => format!(
                "it is the text \"{}\"",
                text.chars().take(QUOTED_CHARACTERS).collect::<String>()
            ),
            Err(_) => error.to_string().chars().take(QUOTED_CHARACTERS).collect(),
        };
        self.problems
            .push(format!("an element of the list can't be read: {why}"));
    }

    fn onward(
        &self,
        answer: &Answer,
        envelope: &Envelope<'_>,
        count: usize,
        nothing_new: bool,
    ) -> Onward {
        // An empty page ends a list, even where it has a `next`.
        if count == 0 {
            return Onward::End;
        }
        let next = envelope.next.as_deref().filter(|next| !next.is_empty());
        let stray = match next {
            None => None,
            Some(next) => match self.follow(answer, envelope, next) {
                Ok(path) if !nothing_new => return Onward::To(path),
                Ok(_) => Some("leads to elements that came before"),
                Err(why) => Some(why),
            },
        };
        if let Some(path) = self.page_by_number(envelope, count) {
            return Onward::To(path);
        }
        match stray {
            Some(why) if self.size.is_none_or(|size| self.seen.len() < size) => Onward::Lost(
                format!("the link to the next page {why}, so it was not followed"),
            ),
            _ => Onward::End,
        }
    }

    /// Where `next` leads, if it may be followed: on the same origin, below the same path, onwards.
    fn follow(
        &self,
        answer: &Answer,
        envelope: &Envelope<'_>,
        next: &str,
    ) -> Result<String, &'static str> {
        let url = self
            .client
            .origin()
            .follow(&answer.path, next)
            .ok_or("leads to another origin")?;
        let path = url.path();
        let below = path
            .get(..self.path.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(&self.path))
            && matches!(path.as_bytes().get(self.path.len()), None | Some(b'/'));
        if !below {
            return Err("leads to another path");
        }
        let onto = url
            .query_pairs()
            .find(|(key, _)| key == "page")
            .and_then(|(_, value)| value.parse::<usize>().ok());
        let back = matches!((onto, envelope.page), (Some(onto), Some(page)) if onto <= page);
        let path = path_and_query(&url);
        if back || self.asked.contains(&path) {
            return Err("leads back");
        }
        Ok(path)
    }

    /// The next page by its number, where the API gives no way to it but says that there is more.
    fn page_by_number(&self, envelope: &Envelope<'_>, count: usize) -> Option<String> {
        let (page, size) = (envelope.page?, self.size?);
        let read = page.saturating_mul(envelope.pagelen.unwrap_or(count));
        if read >= size || self.seen.len() >= size {
            return None;
        }
        let mut url = self.client.origin().url(&self.first)?;
        url.set_path(&self.path);
        let others: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(key, _)| key != "page")
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(others)
            .append_pair("page", &page.saturating_add(1).to_string());
        let path = path_and_query(&url);
        (!self.asked.contains(&path)).then_some(path)
    }

    /// What is to be said of the list. Call it when [`Pager::next`] has given None.
    #[must_use]
    pub fn finish(self) -> Reading {
        let mut problems = self.problems;
        let mut remarks = Vec::new();
        if self.bad > 1 {
            problems.push(format!("{} elements of the list can't be read", self.bad));
        }
        if let Some(size) = self.size.filter(|_| self.pages > 0) {
            let count = self.seen.len();
            if count.saturating_add(self.bad) < size {
                problems.push(format!(
                    "{count} elements came, though the API counts {size}"
                ));
            } else if count > size {
                remarks.push(format!(
                    "{count} elements came, though the API counts {size}"
                ));
            }
        }
        let outcome = if self.pages == 0 {
            Outcome::Unreadable
        } else if problems.is_empty() {
            Outcome::Complete
        } else {
            Outcome::Partial(problems)
        };
        Reading {
            outcome,
            served: self.served,
            misses: self.misses,
            read_at: self.oldest,
            count: self.seen.len(),
            remarks,
            path: self.path,
        }
    }
}

/// The path of another page, where `path` is that of the page `number`, and says so.
fn numbered(path: &str, number: usize, other: usize) -> Option<String> {
    let (path, query) = path.split_once('?')?;
    let says = format!("page={number}");
    let mut parts: Vec<&str> = query.split('&').collect();
    let place = parts.iter().position(|part| *part == says)?;
    let new = format!("page={other}");
    *parts.get_mut(place)? = &new;
    Some(format!("{path}?{}", parts.join("&")))
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}

#[cfg(test)]
mod tests;
