//! JSON that may be longer than what can be held, cut into pieces while it comes.
//!
//! A [`Shape`] says where the long lists are: a document that is a list, or lists at named members, one within
//! the other. Each element is given away as soon as it is there, and stays behind as nothing: what is held at
//! any time is one element of each list, without the elements of the list within it.

/// The longest value that is held, in bytes: far beyond any object without its lists.
const LONGEST_VALUE: usize = 4 * 1024 * 1024;

/// The most room that is kept for the next element, in bytes: that of most.
const MOST_SPARE: usize = 4 * 1024;

/// Where the long lists of a document are.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// The document is a list, and its elements are values of level 1.
    List,
    /// The document, an object, is the value of level 0; the list at its member of the first of these names,
    /// in any case, holds values of level 1, and so on.
    Within(&'static [&'static str]),
}

/// A piece of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// The document comes from its beginning: what came so far broke off.
    Anew {
        /// When it came; see [`crate::api::Response::read_at`].
        read_at: Option<u64>,
    },
    /// The elements of a value's list are about to come. What the value said before them, as JSON.
    Opened {
        /// The value's level.
        level: usize,
        /// Its text up to here, closed.
        text: &'t [u8],
    },
    /// A value is complete.
    Whole {
        /// The value's level.
        level: usize,
        /// Its text; the list that was cut out of it is empty.
        text: &'t [u8],
    },
}

/// Cuts a document. It looks at brackets, strings and the names of members alone: whether a piece is JSON is
/// for its reader to say.
#[derive(Debug)]
pub(crate) struct Cutter {
    shape: Shape,
    state: State,
    /// The values that are open, from the outermost on.
    open: Vec<Value>,
    /// Whether the innermost list waits for its next element, or its end.
    between: bool,
    in_string: bool,
    escaped: bool,
    /// The room of an element that was given away, for the next one.
    spare: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Inside,
    After,
    Wrong(&'static str),
}

#[derive(Debug, Default)]
struct Value {
    text: Vec<u8>,
    depth: usize,
    /// Where the last string among its own members' names and values begins and ends.
    string: (usize, usize),
    /// Whether what follows is the value of the member whose list is cut.
    named: bool,
}

impl Shape {
    fn no_document(self) -> &'static str {
        match self {
            Self::List => "it is no array",
            Self::Within(_) => "it is no object",
        }
    }

    /// The level of the values in the document's outermost list of open values.
    fn level(self, place: usize) -> usize {
        match self {
            Self::List => place.saturating_add(1),
            Self::Within(_) => place,
        }
    }

    fn cuts(self, level: usize, name: &[u8]) -> bool {
        match self {
            Self::List => false,
            Self::Within(names) => names
                .get(level)
                .is_some_and(|cut| cut.as_bytes().eq_ignore_ascii_case(name)),
        }
    }
}

impl Cutter {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            state: State::Before,
            open: Vec::new(),
            between: false,
            in_string: false,
            escaped: false,
            spare: Vec::new(),
        }
    }

    /// Takes a part of the text, and gives away the pieces that it completes.
    pub(crate) fn take(&mut self, mut bytes: &[u8], give: &mut dyn FnMut(Piece<'_>)) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.state {
                State::Wrong(_) => return,
                State::Inside if self.between => self.between(byte, give),
                State::Inside => {
                    let (plain, marked) = bytes.split_at(self.plain(bytes));
                    if !plain.is_empty() && !self.keep(plain) {
                        return;
                    }
                    let Some((&mark, rest)) = marked.split_first() else {
                        return;
                    };
                    self.inside(mark, give);
                    bytes = rest;
                    continue;
                }
                State::Before => self.begin(byte),
                State::After => {
                    if !byte.is_ascii_whitespace() {
                        self.wrong(self.shape.no_document());
                    }
                }
            }
            bytes = rest;
        }
    }

    /// How many bytes follow in the innermost value that mean nothing.
    fn plain(&self, bytes: &[u8]) -> usize {
        let next = match (self.in_string, self.escaped) {
            (true, true) => Some(0),
            (true, false) => bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')),
            (false, _) => bytes
                .iter()
                .position(|byte| matches!(byte, b'"' | b':' | b',' | b'[' | b']' | b'{' | b'}')),
        };
        next.unwrap_or(bytes.len())
    }

    /// Keeps a part of the innermost value. False: it is too long.
    fn keep(&mut self, bytes: &[u8]) -> bool {
        let Some(value) = self.open.last_mut() else {
            return true;
        };
        if bytes.len() > LONGEST_VALUE.saturating_sub(value.text.len()) {
            self.wrong("one of its elements is too long");
            return false;
        }
        value.text.extend_from_slice(bytes);
        true
    }

    /// What is wrong with the text, now that all of it was taken.
    pub(crate) fn finish(self) -> Result<(), &'static str> {
        match self.state {
            State::After => Ok(()),
            State::Wrong(why) => Err(why),
            State::Before => Err(self.shape.no_document()),
            State::Inside => Err("it has no end"),
        }
    }

    fn wrong(&mut self, why: &'static str) {
        self.state = State::Wrong(why);
        self.open = Vec::new();
    }

    fn begin(&mut self, byte: u8) {
        match (self.shape, byte) {
            (Shape::List, b'[') => {
                self.state = State::Inside;
                self.between = true;
            }
            (Shape::Within(_), b'{') => {
                self.state = State::Inside;
                self.open.push(Value {
                    text: vec![b'{'],
                    depth: 1,
                    ..Value::default()
                });
            }
            _ if byte.is_ascii_whitespace() => {}
            _ => self.wrong(self.shape.no_document()),
        }
    }

    /// In a list, before an element or the end.
    fn between(&mut self, byte: u8, give: &mut dyn FnMut(Piece<'_>)) {
        match byte {
            b',' => {}
            b']' => {
                self.between = false;
                match self.open.last_mut() {
                    Some(value) => {
                        value.text.push(b']');
                        value.depth = value.depth.saturating_sub(1);
                    }
                    None => self.state = State::After,
                }
            }
            _ if byte.is_ascii_whitespace() => {}
            _ => {
                self.between = false;
                self.open.push(Value {
                    text: std::mem::take(&mut self.spare),
                    ..Value::default()
                });
                self.inside(byte, give);
            }
        }
    }

    /// In the innermost value, a byte that may mean something.
    fn inside(&mut self, byte: u8, give: &mut dyn FnMut(Piece<'_>)) {
        let place = self.open.len().saturating_sub(1);
        let level = self.shape.level(place);
        let Some(value) = self.open.last_mut() else {
            return self.wrong(self.shape.no_document());
        };
        if self.in_string {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_string = false;
                if value.depth == 1 {
                    value.string.1 = value.text.len();
                }
            }
        } else {
            match byte {
                b',' | b']' if value.depth == 0 => return self.element_ends(level, byte, give),
                b'"' => {
                    self.in_string = true;
                    if value.depth == 1 {
                        value.string.0 = value.text.len().saturating_add(1);
                    }
                }
                b':' if value.depth == 1 => {
                    let (from, to) = value.string;
                    let name = value.text.get(from..to).unwrap_or_default();
                    value.named = self.shape.cuts(level, name);
                }
                b',' if value.depth == 1 => value.named = false,
                b'[' if value.depth == 1 && value.named => {
                    let so_far = value.text.len();
                    value.text.extend_from_slice(b"[]}");
                    let text = &value.text;
                    give(Piece::Opened { level, text });
                    value.text.truncate(so_far.saturating_add(1));
                    value.depth = 2;
                    value.named = false;
                    self.between = true;
                    return;
                }
                b'[' | b'{' => value.depth = value.depth.saturating_add(1),
                b']' | b'}' => {
                    value.depth = value.depth.saturating_sub(1);
                    if value.depth == 0 && level == 0 {
                        value.text.push(byte);
                        let text = &value.text;
                        give(Piece::Whole { level, text });
                        self.state = State::After;
                        return;
                    }
                }
                _ => {}
            }
        }
        if value.text.len() >= LONGEST_VALUE {
            return self.wrong("one of its elements is too long");
        }
        value.text.push(byte);
    }

    fn element_ends(&mut self, level: usize, byte: u8, give: &mut dyn FnMut(Piece<'_>)) {
        if let Some(Value { mut text, .. }) = self.open.pop() {
            give(Piece::Whole { level, text: &text });
            if text.capacity() <= MOST_SPARE {
                text.clear();
                self.spare = text;
            }
        }
        self.between = true;
        self.between(byte, give);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NESTED: Shape = Shape::Within(&["resources", "members"]);

    /// The pieces as text, each with its level; `<` marks one that is about to give away its list.
    fn cut(shape: Shape, text: &[u8], part: usize) -> Result<Vec<String>, &'static str> {
        let mut cutter = Cutter::new(shape);
        let mut pieces = Vec::new();
        for bytes in text.chunks(part) {
            cutter.take(bytes, &mut |piece| {
                pieces.push(match piece {
                    Piece::Anew { .. } => "anew".to_owned(),
                    Piece::Opened { level, text } => {
                        format!("{level}<{}", String::from_utf8_lossy(text))
                    }
                    Piece::Whole { level, text } => {
                        format!("{level} {}", String::from_utf8_lossy(text).trim())
                    }
                });
            });
        }
        cutter.finish().map(|()| pieces)
    }

    #[test]
    fn elements_are_cut_wherever_the_parts_end() {
        let text = br#" [ {"a":"],[\"}","b":[1,2]}, "x,y" ,3,{} ] "#;
        for part in 1..text.len() {
            assert_eq!(
                cut(Shape::List, text, part),
                Ok(vec![
                    r#"1 {"a":"],[\"}","b":[1,2]}"#.into(),
                    r#"1 "x,y""#.into(),
                    "1 3".into(),
                    "1 {}".into()
                ])
            );
        }
    }

    #[test]
    fn lists_within_lists_are_cut_out_and_what_came_before_them_is_told_first() {
        let text = br#"{"total":2,"RESOURCES":[{"id":"a","members":[{"value":"1"},"2"],"n":[1]},{"members":[],"id":"b"}],"z":{"Resources":[7]}} "#;
        for part in 1..text.len() {
            assert_eq!(
                cut(NESTED, text, part),
                Ok(vec![
                    r#"0<{"total":2,"RESOURCES":[]}"#.into(),
                    r#"1<{"id":"a","members":[]}"#.into(),
                    r#"2 {"value":"1"}"#.into(),
                    r#"2 "2""#.into(),
                    r#"1 {"id":"a","members":[],"n":[1]}"#.into(),
                    r#"1<{"members":[]}"#.into(),
                    r#"1 {"members":[],"id":"b"}"#.into(),
                    r#"0 {"total":2,"RESOURCES":[],"z":{"Resources":[7]}}"#.into(),
                ])
            );
        }
    }

    #[test]
    fn a_member_that_is_no_list_stays_where_it_is() {
        for text in [
            r#"{"resources":null,"total":0}"#,
            r#"{"resources":{"members":[1]}}"#,
            r#"{"a":"resources","b":[1]}"#,
        ] {
            assert_eq!(
                cut(NESTED, text.as_bytes(), 3),
                Ok(vec![format!("0 {text}")])
            );
        }
    }

    #[test]
    fn an_empty_list_has_no_elements() {
        assert_eq!(cut(Shape::List, b"[]", 1), Ok(vec![]));
    }

    #[test]
    fn what_is_no_document_of_the_shape_or_has_no_end_is_refused() {
        for text in ["", "{}", "null", "[1,2", "[\"", "[1] x", "<html>"] {
            assert!(cut(Shape::List, text.as_bytes(), 3).is_err(), "{text}");
        }
        for text in [
            "",
            "[]",
            "null",
            "{\"resources\":[1",
            "{\"a\":1} x",
            "<html>",
        ] {
            assert!(cut(NESTED, text.as_bytes(), 3).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_without_end_is_not_held_and_a_list_without_end_holds_nothing() {
        let mut cutter = Cutter::new(Shape::List);
        cutter.take(b"[\"", &mut |_| {});
        for _ in 0..10 {
            cutter.take(&[b'x'; 1024 * 1024], &mut |_| {});
        }
        assert!(cutter.finish().is_err());
        let mut cutter = Cutter::new(NESTED);
        cutter.take(br#"{"resources":[{"id":1,"members":["#, &mut |_| {});
        let mut members = 0;
        for _ in 0..LONGEST_VALUE / 8 {
            cutter.take(br#"{"value":"1"},"#, &mut |_| members += 1);
        }
        assert_eq!(members, LONGEST_VALUE / 8);
        let held: usize = cutter.open.iter().map(|value| value.text.capacity()).sum();
        assert!(held < 1024, "{held}");
    }

    #[test]
    fn a_value_may_be_as_long_as_can_be_held_and_no_longer_and_its_room_is_not_kept() {
        for (more, fits) in [(0, true), (1, false)] {
            let quoted = format!("\"{}\"", "x".repeat(LONGEST_VALUE - 2 + more));
            let text = format!("[{quoted},1]");
            for part in [1000, text.len()] {
                let mut cutter = Cutter::new(Shape::List);
                let mut lengths = Vec::new();
                for bytes in text.as_bytes().chunks(part) {
                    cutter.take(bytes, &mut |piece| {
                        if let Piece::Whole { text, .. } = piece {
                            lengths.push(text.len());
                        }
                    });
                }
                assert!(cutter.spare.capacity() <= MOST_SPARE);
                assert_eq!(cutter.finish().is_ok(), fits, "{more} in parts of {part}");
                let expected: &[usize] = if fits { &[LONGEST_VALUE, 1] } else { &[] };
                assert_eq!(lengths, expected);
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in proptest::collection::vec(any::<u8>(), 0..100), part in 1_usize..20) {
            let _ = cut(Shape::List, &text, part);
            let _ = cut(NESTED, &text, part);
        }

        #[test]
        fn every_array_of_json_is_cut_right(values in proptest::collection::vec(".{0,10}", 0..6), part in 1_usize..9) {
            let array: Vec<serde_json::Value> = values.iter().map(|text| serde_json::json!({"k": [text]})).collect();
            let text = serde_json::Value::from(array.clone()).to_string();
            let expected: Vec<String> = array.iter().map(|value| format!("1 {value}")).collect();
            prop_assert_eq!(cut(Shape::List, text.as_bytes(), part), Ok(expected));
        }

        #[test]
        fn every_nested_list_is_cut_right(groups in proptest::collection::vec(proptest::collection::vec(".{0,6}", 0..4), 0..4), part in 1_usize..9) {
            let all: Vec<serde_json::Value> = groups.iter().map(|members| serde_json::json!({"members": members})).collect();
            let text = serde_json::json!({"Resources": all, "odd": ["resources", {"members": [1]}]}).to_string();
            let mut expected = vec![r#"0<{"Resources":[]}"#.to_owned()];
            for members in &groups {
                expected.push(r#"1<{"members":[]}"#.to_owned());
                expected.extend(members.iter().map(|member| format!("2 {}", serde_json::json!(member))));
                expected.push(r#"1 {"members":[]}"#.to_owned());
            }
            expected.push(r#"0 {"Resources":[],"odd":["resources",{"members":[1]}]}"#.to_owned());
            prop_assert_eq!(cut(NESTED, text.as_bytes(), part), Ok(expected));
        }
    }
}
