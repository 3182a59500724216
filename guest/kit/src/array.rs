//! A list that comes as one array in one answer, however long: each element is given away as soon as it is
//! there, so that no more than one is held.

use crate::client::{Client, Miss};

/// The longest element, in bytes: a group with some 10,000 members.
const LONGEST_ELEMENT: usize = 4 * 1024 * 1024;

/// What came of reading an array.
#[derive(Debug)]
pub struct ArrayReading {
    /// The credential that served to the end.
    pub served: Option<usize>,
    /// The credentials that didn't, and why.
    pub misses: Vec<(usize, Miss)>,
    /// Whether an element came at all, from whichever credential.
    pub begun: bool,
}

/// Reads the array at `path` with the first credential that may. Elements may come again where an answer
/// broke off and was asked for anew.
pub async fn read_array(
    client: &Client<'_>,
    path: &str,
    element: &mut dyn FnMut(&[u8]),
) -> ArrayReading {
    let mut reading = ArrayReading {
        served: None,
        misses: Vec::new(),
        begun: false,
    };
    for slot in client.slots() {
        let mut begun = false;
        let mut take = |bytes: &[u8]| {
            begun = true;
            element(bytes);
        };
        let outcome = client.get_array(path, slot, &mut take).await;
        reading.begun |= begun;
        let Err(miss) = outcome else {
            reading.served = Some(slot);
            break;
        };
        let go_on = miss.another_slot_may_help();
        reading.misses.push((slot, miss));
        if !go_on {
            break;
        }
    }
    reading
}

/// Cuts the text of a JSON array into its elements. It looks at brackets and strings alone: whether an
/// element is JSON is for its reader to say.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    state: State,
    element: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Inside,
    After,
    Wrong(&'static str),
}

impl Splitter {
    /// Takes a piece of the text, and gives away the elements that it completes.
    pub(crate) fn take(&mut self, bytes: &[u8], element: &mut dyn FnMut(&[u8])) {
        for &byte in bytes {
            self.byte(byte, element);
        }
    }

    /// What is wrong with the text, now that all of it was taken.
    pub(crate) fn finish(self) -> Result<(), &'static str> {
        match self.state {
            State::After => Ok(()),
            State::Wrong(why) => Err(why),
            State::Before => Err("it is no array"),
            State::Inside => Err("the array has no end"),
        }
    }

    fn byte(&mut self, byte: u8, element: &mut dyn FnMut(&[u8])) {
        match self.state {
            State::Wrong(_) => {}
            State::Before if byte == b'[' => self.state = State::Inside,
            State::Before | State::After => {
                if !byte.is_ascii_whitespace() {
                    self.state = State::Wrong("it is no array");
                }
            }
            State::Inside => self.inside(byte, element),
        }
    }

    fn inside(&mut self, byte: u8, element: &mut dyn FnMut(&[u8])) {
        if self.in_string {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_string = false;
            }
        } else {
            match byte {
                b',' if self.depth == 0 => return self.give(element),
                b']' if self.depth == 0 => {
                    self.give(element);
                    self.state = State::After;
                    return;
                }
                b'"' => self.in_string = true,
                b'[' | b'{' => self.depth = self.depth.saturating_add(1),
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                _ if self.element.is_empty() && byte.is_ascii_whitespace() => return,
                _ => {}
            }
        }
        if self.element.len() >= LONGEST_ELEMENT {
            self.state = State::Wrong("one of its elements is too long");
            self.element = Vec::new();
            return;
        }
        self.element.push(byte);
    }

    fn give(&mut self, element: &mut dyn FnMut(&[u8])) {
        if !self.element.is_empty() {
            element(&self.element);
            self.element.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &[u8], piece: usize) -> Result<Vec<String>, &'static str> {
        let mut splitter = Splitter::default();
        let mut elements = Vec::new();
        for bytes in text.chunks(piece) {
            splitter.take(bytes, &mut |element| {
                elements.push(String::from_utf8_lossy(element).trim().to_owned())
            });
        }
        splitter.finish().map(|()| elements)
    }

    #[test]
    fn elements_are_cut_wherever_the_pieces_end() {
        let text = br#" [ {"a":"],[\"}","b":[1,2]}, "x,y" ,3,{} ] "#;
        for piece in 1..text.len() {
            assert_eq!(
                split(text, piece),
                Ok(vec![
                    r#"{"a":"],[\"}","b":[1,2]}"#.into(),
                    r#""x,y""#.into(),
                    "3".into(),
                    "{}".into()
                ])
            );
        }
    }

    #[test]
    fn an_empty_array_has_no_elements() {
        assert_eq!(split(b"[]", 1), Ok(vec![]));
    }

    #[test]
    fn what_is_no_array_or_has_no_end_is_no_list() {
        for text in ["", "{}", "null", "[1,2", "[\"", "[1] x", "<html>"] {
            assert!(split(text.as_bytes(), 3).is_err(), "{text}");
        }
    }

    #[test]
    fn an_element_without_end_is_not_held() {
        let mut splitter = Splitter::default();
        splitter.take(b"[\"", &mut |_| {});
        for _ in 0..10 {
            splitter.take(&[b'x'; 1024 * 1024], &mut |_| {});
        }
        assert!(splitter.element.capacity() <= 2 * LONGEST_ELEMENT);
        assert!(splitter.finish().is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(text in proptest::collection::vec(any::<u8>(), 0..100), piece in 1_usize..20) {
            let _ = split(&text, piece);
        }

        #[test]
        fn every_array_of_json_is_cut_right(values in proptest::collection::vec(".{0,10}", 0..6), piece in 1_usize..9) {
            let array: Vec<serde_json::Value> = values.iter().map(|text| serde_json::json!({"k": [text]})).collect();
            let text = serde_json::Value::from(array.clone()).to_string();
            let expected: Vec<String> = array.iter().map(ToString::to_string).collect();
            prop_assert_eq!(split(text.as_bytes(), piece), Ok(expected));
        }
    }
}
