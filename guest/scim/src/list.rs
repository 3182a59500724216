//! A list, page by page, by index or by cursor (RFC 7644, 3.4.2.4; RFC 9865), from a server that can't be
//! trusted to page well.
//!
//! What leads on is what came: the next page begins behind the rows received, whatever the server says of
//! its pages, and a list ends where a page brings nothing new. Whatever makes it doubtful that this was all
//! is kept in the [`Reading`].

use crate::attributes::{Attributes, number, text};
use crate::dialect::short;
use futures::stream::{self, StreamExt};
use portcullis_kit::client::{Client, Miss};
use portcullis_kit::cut::{Piece, Shape};
use portcullis_kit::id::Id;
use portcullis_kit::lanes::ENOUGH;
use portcullis_kit::origin::segment;
use portcullis_kit::reading::{Outcome, Reading};
use portcullis_kit::sink::Sink;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// So many pages are read at most: a million rows in pages of 50.
const MOST_PAGES: usize = 20_000;

/// So many pages in a row may bring nothing new while a cursor leads on.
const MOST_IDLE_PAGES: usize = 3;

/// Takes the rows of one page as they come.
pub(crate) trait Rows {
    /// The page comes from its beginning, or a row of it is of no use. When the page came.
    fn anew(&mut self, read_at: Option<u64>);
    /// The values of a row's long list follow; what the row said before them.
    fn opened(&mut self, _row: &Attributes<'_>) {}
    /// One value of that list.
    fn part(&mut self, _text: &[u8]) {}
    /// A whole row, its long list aside.
    fn row(&mut self, id: &Id, row: &Attributes<'_>);
}

/// A list to be read.
pub(crate) struct List<'a> {
    pub(crate) client: &'a Client<'a>,
    pub(crate) path: String,
    pub(crate) shape: Shape,
    /// Sent with every request.
    pub(crate) filter: Option<String>,
    /// Left away where the server does not understand it: name and value.
    pub(crate) wish: Option<(&'static str, &'static str)>,
    pub(crate) page_size: usize,
    /// The server says that it pages by cursor.
    pub(crate) cursor: bool,
    /// The credentials that may be asked, the preferred one first.
    pub(crate) slots: Vec<usize>,
    pub(crate) in_flight: usize,
    /// How far it is read.
    pub(crate) depth: Depth,
    /// What a person who watches is told of: the sink, and what is being read.
    pub(crate) watched: Option<(&'a dyn Sink, &'static str)>,
    /// The rows of its first page, once that was read.
    pub(crate) page_rows: Cell<usize>,
}

/// How far a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Until nothing new comes, whatever the server counts.
    Full,
    /// Until as many came as the server counts, on a page that is shorter than this: for short lists, of which
    /// there are many.
    Short(usize),
    /// The first page alone.
    First,
}

/// How a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    paging: Paging,
    wish: bool,
    /// Ordered by id, so that nothing moves from page to page.
    sorted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paging {
    /// `startIndex` and `count`.
    Index,
    /// `startIndex` alone, and not on the first page.
    Bare,
    /// `cursor` and `count`.
    Cursor,
}

/// What a page told beside its rows.
#[derive(Debug, Default)]
struct Page {
    /// Rows that came, bad ones included.
    rows: usize,
    /// A digest of each id.
    ids: Vec<u64>,
    bad: usize,
    bad_reason: Option<String>,
    total: Option<usize>,
    per_page: Option<usize>,
    cursor: Option<String>,
    read_at: Option<u64>,
}

impl Page {
    fn digest(&self) -> u64 {
        digest(&self.ids)
    }
}

fn digest(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Reads a list. Rows of pages that are asked for again come again.
pub(crate) async fn read<R: Rows>(list: &List<'_>, rows: impl Fn() -> R) -> Reading {
    let mut walk = Walk::new(list, &rows);
    walk.pass(false).await;
    if list.depth == Depth::Full && walk.moved() {
        walk.pass(true).await;
        walk.repeated = true;
    }
    walk.finish()
}

struct Walk<'l, F> {
    list: &'l List<'l>,
    rows: &'l F,
    way: Way,
    /// The place of the current credential.
    slot: usize,
    seen: HashSet<u64>,
    pass: Pass,
    /// The list was read twice.
    repeated: bool,
    pages: usize,
    /// Pages whose `itemsPerPage` is not the number of their rows.
    odd_pages: usize,
    bad: usize,
    problems: BTreeSet<String>,
    remarks: BTreeSet<String>,
    served: BTreeSet<usize>,
    misses: Vec<(usize, Miss)>,
    /// When the oldest page came.
    oldest: Option<u64>,
}

/// One time through the list.
#[derive(Debug, Default)]
struct Pass {
    seen: HashSet<u64>,
    rows: usize,
    /// Rows that came before, on pages that brought new ones too.
    repeats: usize,
    first_rows: usize,
    /// What the server last said that there is.
    total: Option<usize>,
    totals: BTreeSet<usize>,
    failed: bool,
}

/// What came of one stretch of a list.
struct Stretch {
    from: usize,
    until: usize,
    pages: Vec<(usize, Page, usize, Option<String>)>,
    /// Nothing lies from here on.
    ended: Option<usize>,
    miss: Option<Miss>,
}

impl<'l, R: Rows, F: Fn() -> R> Walk<'l, F> {
    fn new(list: &'l List<'l>, rows: &'l F) -> Self {
        Self {
            list,
            rows,
            way: Way {
                paging: Paging::Index,
                wish: false,
                sorted: false,
            },
            slot: 0,
            seen: HashSet::new(),
            pass: Pass::default(),
            repeated: false,
            pages: 0,
            odd_pages: 0,
            bad: 0,
            problems: BTreeSet::new(),
            remarks: BTreeSet::new(),
            served: BTreeSet::new(),
            misses: Vec::new(),
            oldest: None,
        }
    }

    /// The ways to ask for the list, the best first.
    fn ways(&self, sorted: bool) -> Vec<Way> {
        let pagings = if self.list.cursor {
            [Paging::Cursor, Paging::Index, Paging::Bare]
        } else {
            [Paging::Index, Paging::Bare, Paging::Cursor]
        };
        let wish = self.list.wish.is_some();
        let mut ways = Vec::new();
        for paging in pagings {
            for (wish, sorted) in [
                (wish, sorted),
                (false, sorted),
                (wish, false),
                (false, false),
            ] {
                let way = Way {
                    paging,
                    wish,
                    sorted,
                };
                if !ways.contains(&way) {
                    ways.push(way);
                }
            }
        }
        ways
    }

    /// The first page, with the first credential and in the first way that serve.
    async fn first(&mut self, sorted: bool) -> Option<Page> {
        let ways = self.ways(sorted);
        for slot in self.slot..self.list.slots.len().max(1) {
            let mut first_miss = None;
            for way in &ways {
                self.way = *way;
                match self.ask(&self.query(1, None), slot).await {
                    Ok(page) => {
                        self.slot = slot;
                        if let Some(miss) = first_miss {
                            self.remarks.insert(format!(
                                "the list came only where it was asked for {}: {miss}",
                                self.say_way(*way, sorted)
                            ));
                        }
                        return Some(page);
                    }
                    Err(miss) => {
                        let go_on = matches!(
                            miss,
                            Miss::NotUnderstood(_) | Miss::Withdrawn(_) | Miss::Failed(_)
                        );
                        first_miss.get_or_insert(miss);
                        if !go_on {
                            break;
                        }
                    }
                }
            }
            let Some(miss) = first_miss else { break };
            let go_on = miss.another_slot_may_help();
            self.misses.push((self.place(slot), miss));
            if !go_on {
                break;
            }
        }
        None
    }

    fn say_way(&self, way: Way, sorted: bool) -> String {
        let mut words = vec![match way.paging {
            Paging::Index => "by startIndex and count",
            Paging::Bare => "without count",
            Paging::Cursor => "by cursor",
        }];
        if self.list.wish.is_some() {
            words.push(if way.wish {
                "with fewer attributes"
            } else {
                "with all attributes"
            });
        }
        if sorted && !way.sorted {
            words.push("in no order");
        }
        words.join(", ")
    }

    /// The credential at a place; beyond all of them where there is none.
    fn place(&self, slot: usize) -> usize {
        self.list.slots.get(slot).copied().unwrap_or(usize::MAX)
    }

    fn query(&self, start: usize, cursor: Option<&str>) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut add = |name: &str, value: &str| parts.push(format!("{name}={}", segment(value)));
        if let Some(filter) = &self.list.filter {
            add("filter", filter);
        }
        if let Some((name, value)) = self.list.wish.filter(|_| self.way.wish) {
            add(name, value);
        }
        if self.way.sorted {
            add("sortBy", "id");
        }
        let count = self.list.page_size.to_string();
        match (self.way.paging, cursor) {
            (Paging::Cursor, cursor) => {
                add("cursor", cursor.unwrap_or_default());
                add("count", &count);
            }
            (Paging::Index, Some(cursor)) => {
                add("cursor", cursor);
                add("count", &count);
            }
            (Paging::Bare, Some(cursor)) => add("cursor", cursor),
            (Paging::Index, None) => {
                add("startIndex", &start.to_string());
                add("count", &count);
            }
            (Paging::Bare, None) if start > 1 => add("startIndex", &start.to_string()),
            (Paging::Bare, None) => {}
        }
        if parts.is_empty() {
            self.list.path.clone()
        } else {
            format!("{}?{}", self.list.path, parts.join("&"))
        }
    }

    /// Asks for one page with one credential.
    async fn ask(&self, path: &str, slot: usize) -> Result<Page, Miss> {
        let slot = self.list.slots.get(slot).copied();
        let mut rows = (self.rows)();
        let mut page = Page::default();
        let mut envelope = None;
        let mut give = |piece: Piece<'_>| match piece {
            Piece::Anew { read_at } => {
                rows.anew(read_at);
                page = Page {
                    read_at,
                    ..Page::default()
                };
                envelope = None;
            }
            Piece::Opened { level: 1, text } => {
                if let Some(row) = Attributes::parse(text) {
                    rows.opened(&row);
                }
            }
            Piece::Whole { level: 2, text } => rows.part(text),
            Piece::Whole { level: 1, text } => {
                page.rows = page.rows.saturating_add(1);
                match Attributes::parse(text).map(|row| (row.id(), row)) {
                    Some((Some(id), row)) => {
                        rows.row(&id, &row);
                        page.ids.push(digest(id.as_str()));
                    }
                    unread => {
                        rows.anew(page.read_at);
                        page.bad = page.bad.saturating_add(1);
                        page.bad_reason.get_or_insert_with(|| {
                            if unread.is_some() {
                                "it has no id that can be one".to_owned()
                            } else {
                                "it is no object".to_owned()
                            }
                        });
                    }
                }
            }
            Piece::Whole { level: 0, text } => {
                envelope = Attributes::parse(text).map(Attributes::into_owned);
            }
            Piece::Opened { .. } | Piece::Whole { .. } => {}
        };
        self.list
            .client
            .get_cut(path, slot, self.list.shape, &mut give)
            .await?;
        let envelope = envelope
            .ok_or_else(|| Miss::Failed("the answer is no list: it is no JSON".to_owned()))?;
        if !envelope.has("Resources") && !envelope.has("totalResults") {
            let detail = envelope.text("detail").map_or_else(String::new, |detail| {
                format!(", but says \"{}\"", short(&detail))
            });
            return Err(Miss::Failed(format!(
                "the answer is no list: it has no Resources{detail}"
            )));
        }
        page.total = envelope.get("totalResults").and_then(number);
        page.per_page = envelope.get("itemsPerPage").and_then(number);
        page.cursor = envelope
            .get("nextCursor")
            .and_then(text)
            .map(Cow::into_owned);
        Ok(page)
    }

    /// Asks for a further page, with another credential where the current one no longer serves.
    async fn ask_on(&self, path: &str) -> Result<(Page, usize, Option<String>), Miss> {
        let mut first_miss: Option<Miss> = None;
        for slot in self.slot..self.list.slots.len().max(1) {
            match self.ask(path, slot).await {
                Ok(page) => {
                    let problem = first_miss.map(|miss| {
                        format!("a part of it was read with another credential, which may see other rows: {miss}")
                    });
                    return Ok((page, slot, problem));
                }
                Err(miss) => {
                    let go_on = miss.another_slot_may_help();
                    let miss = first_miss.get_or_insert(miss);
                    if !go_on {
                        return Err(miss.clone());
                    }
                }
            }
        }
        Err(first_miss.unwrap_or_else(|| Miss::Failed("no credential is left".to_owned())))
    }

    /// Counts a page; how many of its rows are new in this pass.
    fn take(&mut self, page: &Page, slot: usize) -> usize {
        self.pages = self.pages.saturating_add(1);
        let place = self.place(slot);
        if place != usize::MAX {
            self.served.insert(place);
        }
        self.oldest = self.oldest.into_iter().chain(page.read_at).min();
        self.pass.rows = self.pass.rows.saturating_add(page.rows);
        // Some count nothing where they give nothing.
        if let Some(total) = page
            .total
            .filter(|total| *total > 0 || page.rows > 0 || self.pages == 1)
        {
            self.pass.total = Some(total);
            self.pass.totals.insert(total);
        }
        if page.per_page.is_some_and(|said| said != page.rows) {
            self.odd_pages = self.odd_pages.saturating_add(1);
        }
        if page.bad > 0 {
            self.bad = self.bad.saturating_add(page.bad);
            if let Some(why) = &page.bad_reason {
                self.problems
                    .insert(format!("a row of the list can't be read: {why}"));
            }
        }
        let mut fresh = page.bad;
        for id in &page.ids {
            self.seen.insert(*id);
            if self.pass.seen.insert(*id) {
                fresh = fresh.saturating_add(1);
            }
        }
        if fresh > 0 {
            let again = page.rows.saturating_sub(fresh);
            self.pass.repeats = self.pass.repeats.saturating_add(again);
        }
        self.tell(self.pass.seen.len());
        fresh
    }

    fn tell(&self, done: usize) {
        if let Some((sink, stage)) = self.list.watched {
            let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
            sink.progress(stage, wide(done), self.pass.total.map(wide));
        }
    }

    /// Once through the list.
    async fn pass(&mut self, sorted: bool) {
        self.pass = Pass::default();
        self.bad = 0;
        let Some(page) = self.first(sorted).await else {
            self.pass.failed = true;
            return;
        };
        let first_rows = page.rows;
        self.pass.first_rows = first_rows;
        self.list.page_rows.set(first_rows);
        self.take(&page, self.slot);
        if self.list.depth == Depth::First {
            return;
        }
        match page.cursor {
            Some(cursor) => self.by_cursor(cursor, sorted).await,
            None if self.way.paging == Paging::Cursor => {}
            None => self.by_index(first_rows, page.digest()).await,
        }
    }

    async fn by_cursor(&mut self, cursor: String, sorted: bool) {
        let mut next = Some(cursor);
        let mut asked = HashSet::new();
        let mut idle = 0_usize;
        let mut restarted = false;
        while let Some(cursor) = next.take() {
            if !asked.insert(digest(&cursor)) {
                self.problems
                    .insert("the cursor leads back, so it was not followed".to_owned());
                return;
            }
            if asked.len() >= MOST_PAGES {
                self.problems.insert(too_many_pages());
                return;
            }
            match self.ask_on(&self.query(1, Some(&cursor))).await {
                Ok((page, slot, problem)) => {
                    self.problems.extend(problem);
                    let fresh = self.take(&page, slot);
                    idle = if fresh == 0 {
                        idle.saturating_add(1)
                    } else {
                        0
                    };
                    if idle >= MOST_IDLE_PAGES && page.cursor.is_some() {
                        self.problems.insert(format!(
                            "the cursor leads on, but the last {MOST_IDLE_PAGES} pages brought nothing new"
                        ));
                        return;
                    }
                    next = page.cursor;
                }
                // The cursor has expired, or belongs to another way of asking: once more from the start.
                Err(Miss::NotUnderstood(why)) if !restarted => {
                    restarted = true;
                    asked.clear();
                    self.way = Way {
                        paging: Paging::Cursor,
                        sorted,
                        ..self.way
                    };
                    match self.ask_on(&self.query(1, None)).await {
                        Ok((page, slot, problem)) => {
                            self.problems.extend(problem);
                            self.take(&page, slot);
                            next = page.cursor;
                        }
                        Err(_) => {
                            self.problems
                                .insert(format!("what follows a cursor could not be read: {why}"));
                        }
                    }
                }
                Err(miss) => {
                    self.problems
                        .insert(format!("what follows a cursor could not be read: {miss}"));
                }
            }
        }
    }

    async fn by_index(&mut self, first_rows: usize, first_digest: u64) {
        let mut pages = HashMap::from([(first_digest, 1)]);
        let mut rows = first_rows;
        let mut start = first_rows.saturating_add(1);
        let mut planned = false;
        while rows > 0 {
            let counted = self.pass.total.filter(|total| *total > 0);
            let all_came = counted.is_some_and(|total| self.pass.seen.len() >= total);
            let ends = matches!(self.list.depth, Depth::Short(page) if rows < page);
            if all_came && ends {
                return;
            }
            if self.pages >= MOST_PAGES {
                self.problems.insert(too_many_pages());
                return;
            }
            match self.ask_on(&self.query(start, None)).await {
                Ok((page, slot, problem)) => {
                    self.problems.extend(problem);
                    if let Some(cursor) = page.cursor.clone().filter(|_| page.rows > 0) {
                        self.take(&page, slot);
                        return self.by_cursor(cursor, self.way.sorted).await;
                    }
                    rows = page.rows;
                    pages.entry(page.digest()).or_insert(start);
                    if self.take(&page, slot) == 0 {
                        return;
                    }
                    start = start.saturating_add(rows);
                }
                // Some servers have an error for what lies behind the end.
                Err(miss) if all_came && self.is_end(&miss) => return,
                Err(miss) => {
                    self.problems.insert(format!(
                        "row {start} and what follows could not be read: {miss}"
                    ));
                    return;
                }
            }
            if let Some(total) = self.pass.total.filter(|total| *total >= start && !planned) {
                planned = true;
                start = self
                    .side_by_side(start, first_rows, total, &mut pages)
                    .await;
            }
        }
    }

    /// Whether an error can be that of a server where nothing follows. A count that is no more than the first page's
    /// may be that of the page alone, and tells nothing.
    fn is_end(&self, miss: &Miss) -> bool {
        let counted = self.pass.total > Some(self.pass.first_rows);
        let refused = matches!(
            miss,
            Miss::NotUnderstood(_) | Miss::NotFound(_) | Miss::Withdrawn(_)
        );
        counted || (refused && self.pass.first_rows < self.list.page_size)
    }

    /// Reads rows `start` to `total`, pages of `step` rows side by side, each filled up where fewer rows came.
    /// Returns where to go on.
    async fn side_by_side(
        &mut self,
        start: usize,
        step: usize,
        total: usize,
        pages: &mut HashMap<u64, usize>,
    ) -> usize {
        let beyond = total.saturating_add(1);
        let end = Cell::new(beyond);
        let (end, most) = (&end, self.list.in_flight.max(1));
        let mut failures = 0_usize;
        let mut came = self.pass.seen.len();
        let mut stretches = {
            let walk = &*self;
            stream::iter((start..beyond).step_by(step.max(1)).take(MOST_PAGES))
                .take_while(move |from| std::future::ready(*from < end.get()))
                .map(move |from| walk.stretch(from, from.saturating_add(step).min(beyond)))
                .buffer_unordered(most)
                .boxed_local()
        };
        let mut done: Vec<Stretch> = Vec::new();
        while let Some(stretch) = stretches.next().await {
            for (from, page, _, _) in &stretch.pages {
                let other = *pages.entry(page.digest()).or_insert(*from);
                if other != *from && page.rows > 0 {
                    end.set(end.get().min(other.max(*from)));
                }
            }
            if let Some(ended) = stretch.ended {
                end.set(end.get().min(ended));
            }
            if stretch.miss.is_some() {
                failures = failures.saturating_add(1);
                if failures >= ENOUGH {
                    end.set(0);
                }
            }
            came = came.saturating_add(stretch.pages.iter().map(|(_, page, ..)| page.rows).sum());
            self.tell(came);
            done.push(stretch);
        }
        drop(stretches);
        done.sort_by_key(|stretch| stretch.from);
        for stretch in done {
            for (_, page, slot, problem) in stretch.pages {
                self.problems.extend(problem);
                self.take(&page, slot);
            }
            if let Some(miss) = stretch.miss {
                self.problems.insert(format!(
                    "rows {} to {} could not be read: {miss}",
                    stretch.from,
                    stretch.until.saturating_sub(1)
                ));
            }
        }
        match end.get() {
            0 => {
                self.problems.insert(format!(
                    "{ENOUGH} pages could not be read, so the rest was not asked for"
                ));
                beyond
            }
            end => end,
        }
    }

    async fn stretch(&self, from: usize, until: usize) -> Stretch {
        let mut stretch = Stretch {
            from,
            until,
            pages: Vec::new(),
            ended: None,
            miss: None,
        };
        let mut at = from;
        while at < until {
            match self.ask_on(&self.query(at, None)).await {
                Ok((page, slot, problem)) => {
                    let rows = page.rows;
                    stretch.pages.push((at, page, slot, problem));
                    if rows == 0 {
                        stretch.ended = Some(at);
                        break;
                    }
                    at = at.saturating_add(rows);
                }
                Err(miss) => {
                    stretch.from = at;
                    stretch.miss = Some(miss);
                    break;
                }
            }
        }
        stretch
    }

    /// Whether rows moved while the list was read, so that some may have been passed over.
    fn moved(&self) -> bool {
        let pass = &self.pass;
        // Only the first page came, again and again: another reading would bring no other.
        if pass.seen.len() <= pass.first_rows {
            return false;
        }
        let came_twice = pass.rows > pass.seen.len().saturating_add(self.bad);
        let missing = pass.total.is_some_and(|total| pass.seen.len() < total);
        let counts_differ =
            pass.totals.len() > 1 && pass.totals.iter().all(|total| *total > pass.first_rows);
        counts_differ || (came_twice && missing) || self.passed_over()
    }

    /// Whether rows came again on a page of new ones, as where another row takes a row's place, and the server does not
    /// count as many as came.
    fn passed_over(&self) -> bool {
        self.pass.repeats > 0 && self.pass.total != Some(self.pass.seen.len())
    }

    fn finish(mut self) -> Reading {
        let count = self.seen.len();
        if self.pages == 0 {
            return self.reading(Outcome::Unreadable);
        }
        if self.list.depth == Depth::First {
            return self.reading(Outcome::Complete);
        }
        if self.repeated {
            self.remarks.insert(
                "the list changed, or its order did, while it was read, so it was read twice"
                    .to_owned(),
            );
            if self.pass.failed {
                self.problems.insert("the second reading failed".to_owned());
            }
        }
        if self.passed_over() && self.pass.total.is_none_or(|total| total <= count) {
            self.problems.insert(format!(
                "{} rows came on two pages, so others may have been passed over",
                self.pass.repeats
            ));
        }
        if self.bad > 1 {
            self.problems
                .insert(format!("{} rows of the list can't be read", self.bad));
        }
        if let Some(total) = self.pass.total {
            let what = format!("{count} rows came, though the server counts {total}");
            if count.saturating_add(self.bad) < total {
                self.problems.insert(what);
            } else if count > total {
                self.remarks.insert(what);
            }
        }
        if self.odd_pages > 0 {
            self.remarks.insert(format!(
                "itemsPerPage is not the number of rows that came on {} of {} pages; rows were counted",
                self.odd_pages, self.pages
            ));
        }
        let outcome = if self.problems.is_empty() {
            Outcome::Complete
        } else {
            Outcome::Partial(std::mem::take(&mut self.problems).into_iter().collect())
        };
        self.reading(outcome)
    }

    fn reading(self, outcome: Outcome) -> Reading {
        Reading {
            outcome,
            served: self.served.into_iter().collect(),
            misses: self.misses,
            count: self.seen.len(),
            remarks: self.remarks.into_iter().collect(),
            path: self.list.path.clone(),
            read_at: self.oldest,
        }
    }
}

fn too_many_pages() -> String {
    format!("there are more than the {MOST_PAGES} pages that are read at most")
}
