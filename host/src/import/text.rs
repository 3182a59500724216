//! The text of an uploaded file: unpacked, and as UTF-8, piece by piece.

use super::Watch;
use crate::collect::{Stop, printable};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{Cursor, Error, ErrorKind, Read, Result};
use std::path::Path;
use std::sync::Arc;

/// How much is read at once, in bytes.
pub(super) const PIECE: usize = 256 * 1024;

/// A file that somebody uploaded. It may hold anything.
pub struct Source {
    name: String,
    reader: Box<dyn Read + Send>,
    bytes: Option<u64>,
}

impl Source {
    /// What `reader` reads, under a name for people; `bytes` is how many it will be, where that is known.
    pub fn new(name: &str, reader: Box<dyn Read + Send>, bytes: Option<u64>) -> Self {
        Self {
            name: printable(name, 200),
            reader,
            bytes,
        }
    }

    /// A file.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let bytes = about.is_file().then_some(about.len());
        Ok(Self::new(&path.to_string_lossy(), Box::new(file), bytes))
    }

    /// Standard input.
    pub fn standard_input() -> Self {
        Self::new("standard input", Box::new(std::io::stdin()), None)
    }

    /// Its name, fit for a terminal.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The reading was stopped from outside.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub(super) struct Stopped;

/// It is longer than it may be.
#[derive(Debug, thiserror::Error)]
#[error("it is longer than it may be")]
pub(super) struct TooLong;

/// It is no text.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoText {
    #[error("this is a spreadsheet or an archive, not a CSV file")]
    Archive,
    #[error("it says that it is UTF-16, and holds what is none")]
    Utf16,
}

/// The text of a source.
pub(super) struct Text {
    /// UTF-8 without a byte order mark, if it is what it seems to be; nothing has checked that.
    pub(super) reader: Box<dyn Read>,
    /// `UTF-8`, `UTF-16LE` or `UTF-16BE`.
    pub(super) encoding: &'static str,
    pub(super) gzip: bool,
}

impl Text {
    /// Looks at the beginning of a source. At most `most` bytes of it are read, as unpacked.
    ///
    /// # Errors
    /// Those of the source, or [`NoText`], [`Stopped`] and [`TooLong`] within, as from the reader too.
    pub(super) fn of(source: Source, most: u64, stop: Stop, watch: Arc<dyn Watch>) -> Result<Self> {
        let watched = Watched {
            source,
            done: 0,
            stop,
            watch,
        };
        let (head, reader) = peeked(watched, 8)?;
        let gzip = head.starts_with(&[0x1f, 0x8b]);
        let unpacked: Box<dyn Read> = if gzip {
            Box::new(MultiGzDecoder::new(reader))
        } else {
            Box::new(reader)
        };
        let bounded = Bounded {
            reader: unpacked,
            left: most,
        };
        let (head, reader) = peeked(bounded, 8)?;
        if head.starts_with(b"PK\x03\x04") || head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
            return Err(Error::new(ErrorKind::InvalidData, NoText::Archive));
        }
        let encoding = match Encoding::for_bom(&head) {
            Some((encoding, _)) => encoding,
            None => without_mark(&head),
        };
        let reader: Box<dyn Read> = if encoding == encoding_rs::UTF_8 {
            let mark = if head.starts_with(b"\xef\xbb\xbf") {
                3
            } else {
                0
            };
            let mut reader = reader;
            reader.read_exact(&mut [0; 3][..mark])?;
            Box::new(reader)
        } else {
            Box::new(Utf16::new(reader, encoding))
        };
        Ok(Self {
            reader,
            encoding: encoding.name(),
            gzip,
        })
    }
}

/// A header is ASCII: in UTF-16 every other byte of it is zero.
fn without_mark(head: &[u8]) -> &'static Encoding {
    match head {
        [a, 0, b, 0, ..] if *a > 0 && *b > 0 => UTF_16LE,
        [0, a, 0, b, ..] if *a > 0 && *b > 0 => UTF_16BE,
        _ => encoding_rs::UTF_8,
    }
}

/// The first bytes of a reader, up to `most`, and the whole again.
pub(super) fn peeked<R: Read>(mut reader: R, most: usize) -> Result<(Vec<u8>, impl Read + use<R>)> {
    let mut head = Vec::with_capacity(most);
    reader.by_ref().take(most as u64).read_to_end(&mut head)?;
    let again = Cursor::new(head.clone()).chain(reader);
    Ok((head, again))
}

/// A source that tells how far it was read, and can be stopped.
struct Watched {
    source: Source,
    done: u64,
    stop: Stop,
    watch: Arc<dyn Watch>,
}

impl Read for Watched {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.stop.is_asked() {
            return Err(Error::other(Stopped));
        }
        let read = self.source.reader.read(into)?;
        self.done += read as u64;
        self.watch
            .read(&self.source.name, self.done, self.source.bytes);
        Ok(read)
    }
}

/// At most so many bytes: what is packed well may be without end.
struct Bounded {
    reader: Box<dyn Read>,
    left: u64,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let read = self.reader.read(into)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| Error::other(TooLong))?;
        Ok(read)
    }
}

/// UTF-16 as UTF-8.
struct Utf16<R> {
    reader: R,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_at: usize,
    text: Vec<u8>,
    text_at: usize,
    over: bool,
}

impl<R: Read> Utf16<R> {
    fn new(reader: R, encoding: &'static Encoding) -> Self {
        Self {
            reader,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: Vec::new(),
            raw_at: 0,
            text: Vec::new(),
            text_at: 0,
            over: false,
        }
    }

    fn more(&mut self) -> Result<()> {
        if self.raw_at == self.raw.len() {
            self.raw.resize(PIECE, 0);
            let read = self.reader.read(&mut self.raw)?;
            self.raw.truncate(read);
            self.raw_at = 0;
            self.over = read == 0;
        }
        // Each unit of UTF-16 takes at most three bytes as UTF-8.
        self.text.resize(2 * PIECE, 0);
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
            &self.raw[self.raw_at..],
            &mut self.text,
            self.over,
        );
        self.raw_at += read;
        self.text.truncate(written);
        self.text_at = 0;
        match result {
            DecoderResult::Malformed(..) => Err(Error::new(ErrorKind::InvalidData, NoText::Utf16)),
            DecoderResult::InputEmpty | DecoderResult::OutputFull => Ok(()),
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        while self.text_at == self.text.len() && !self.over {
            self.more()?;
        }
        let count = into.len().min(self.text.len() - self.text_at);
        into[..count].copy_from_slice(&self.text[self.text_at..self.text_at + count]);
        self.text_at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;
    impl Watch for Nobody {
        fn read(&self, _: &str, _: u64, _: Option<u64>) {}
        fn settling(&self) {}
        fn problem(&self, _: &str) {}
    }

    /// Reads one byte at a time, as a slow pipe does.
    struct Slow(Cursor<Vec<u8>>);
    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> Result<usize> {
            let most = into.len().min(1);
            self.0.read(&mut into[..most])
        }
    }

    fn read(bytes: &[u8]) -> Result<(String, &'static str)> {
        let source = Source::new("f", Box::new(Slow(Cursor::new(bytes.to_vec()))), None);
        let mut text = Text::of(source, 1000, Stop::default(), Arc::new(Nobody))?;
        let mut out = String::new();
        text.reader.read_to_string(&mut out)?;
        Ok((out, text.encoding))
    }

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "App,Name\nx,Zoë 🦀\n";
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), "UTF-8"),
            (format!("\u{feff}{text}").into_bytes(), "UTF-8"),
            (
                utf16(&format!("\u{feff}{text}"), u16::to_le_bytes),
                "UTF-16LE",
            ),
            (
                utf16(&format!("\u{feff}{text}"), u16::to_be_bytes),
                "UTF-16BE",
            ),
            (utf16(text, u16::to_le_bytes), "UTF-16LE"),
            (utf16(text, u16::to_be_bytes), "UTF-16BE"),
        ] {
            assert_eq!(read(&bytes).unwrap(), (text.to_owned(), encoding));
        }
        assert_eq!(read(b"").unwrap(), (String::new(), "UTF-8"));
    }

    #[test]
    fn what_is_no_text_is_told() {
        for bytes in [
            b"PK\x03\x04abcdefgh".to_vec(),
            b"\xff\xfea".to_vec(),
            b"\xff\xfe\x00\xd8a\x00".to_vec(),
            vec![b'a'; 1001],
            b"\x1f\x8bnot".to_vec(),
        ] {
            assert!(read(&bytes).is_err(), "{bytes:?}");
        }
    }
}
