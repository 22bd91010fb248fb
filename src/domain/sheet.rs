//! A table as spreadsheets write it: bytes in one of four encodings, cells between one of three separators. Read strictly enough that what is
//! read is what the person saw, and every refusal says where. Not here: what the columns mean (`app::broadcasts::imports`), the CSV that we
//! write ourselves (`evidence::csv`).

use crate::words;

words! {
    /// How the bytes of a table are to be read; words `import-encoding-<as_str>`.
    pub enum Encoding {
        Utf8 = "utf-8",
        /// What Excel and WPS write on a Chinese Windows as plain CSV.
        Gb18030 = "gb18030",
        /// "Unicode text" of the same programs.
        Utf16Le = "utf-16le",
        Utf16Be = "utf-16be",
    }
}

words! {
    /// What stands between two cells; words `import-separator-<as_str>`.
    pub enum Separator {
        Comma = "comma",
        Semicolon = "semicolon",
        Tab = "tab",
    }
}

impl Separator {
    const fn char(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon => ';',
            Self::Tab => '\t',
        }
    }
}

/// Longest cell in bytes: longer than any text that a message may have.
pub const LONGEST_CELL: usize = 256 << 10;
/// Longest row in bytes.
pub const LONGEST_ROW: usize = 1 << 20;
/// Most cells of a row.
const MOST_CELLS: usize = 100;

/// Why bytes are no table at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    Empty,
    /// A ZIP or an old binary workbook; it is never opened.
    Workbook,
    /// NUL, or bytes of a picture or a program.
    NotText,
    /// UTF-16 that ends within a character.
    Cut,
    /// Lines in different encodings; the first that differs.
    Mixed {
        line: usize,
    },
    /// Not what it was said to be; the first line that is not.
    Encoding {
        line: usize,
    },
}

/// The text of a table and how it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    pub encoding: Encoding,
    pub text: String,
}

/// Reads bytes as `wanted`, or as what they look like.
///
/// # Errors
/// [`Unreadable`]: nothing is guessed over what does not fit, and nothing is replaced.
pub fn decode(bytes: &[u8], wanted: Option<Encoding>) -> Result<Decoded, Unreadable> {
    const WORKBOOKS: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", &[0xd0, 0xcf, 0x11, 0xe0]];
    if bytes.is_empty() {
        return Err(Unreadable::Empty);
    }
    if WORKBOOKS.iter().any(|magic| bytes.starts_with(magic)) {
        return Err(Unreadable::Workbook);
    }
    let encoding = match wanted {
        Some(encoding) => encoding,
        None => looks_like(bytes)?,
    };
    if matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be) && !bytes.len().is_multiple_of(2) {
        return Err(Unreadable::Cut);
    }
    let name = match encoding {
        Encoding::Utf8 => encoding_rs::UTF_8,
        Encoding::Gb18030 => encoding_rs::GB18030,
        Encoding::Utf16Le => encoding_rs::UTF_16LE,
        Encoding::Utf16Be => encoding_rs::UTF_16BE,
    };
    let (text, broken) = name.decode_with_bom_removal(bytes);
    if broken {
        let line = 1 + text.split('\u{fffd}').next().unwrap_or_default().matches('\n').count();
        return Err(Unreadable::Encoding { line });
    }
    if text.chars().any(|c| c == '\0' || (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))) {
        return Err(Unreadable::NotText);
    }
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    Ok(Decoded { encoding, text: text.into_owned() })
}

fn looks_like(bytes: &[u8]) -> Result<Encoding, Unreadable> {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => return Ok(Encoding::Utf8),
        [0xff, 0xfe, ..] => return Ok(Encoding::Utf16Le),
        [0xfe, 0xff, ..] => return Ok(Encoding::Utf16Be),
        _ => {}
    }
    // Separators and line ends of UTF-16 have a zero byte on one side, a character like 一 (U+4E00) on the other: of the two readings the one that
    // has separators is right. A zero byte within other text makes no UTF-16 of it.
    let zeros = |odd: usize| bytes.iter().skip(odd).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let strewn = std::str::from_utf8(bytes).is_ok() && (even + odd) * 4 < bytes.len();
    let nothing = bytes.chunks_exact(2).any(|pair| pair == [0, 0]);
    let parts = |wide: fn([u8; 2]) -> u16| {
        bytes.chunks_exact(2).any(|pair| u8::try_from(wide([pair[0], pair[1]])).is_ok_and(|unit| b",;\t\r\n".contains(&unit)))
    };
    let (little, big) = (parts(u16::from_le_bytes), parts(u16::from_be_bytes));
    match () {
        () if even + odd == 0 => {}
        () if strewn || nothing => return Err(Unreadable::NotText),
        () if little && (!big || odd >= even) => return Ok(Encoding::Utf16Le),
        () if big => return Ok(Encoding::Utf16Be),
        () => return Err(Unreadable::NotText),
    }
    if std::str::from_utf8(bytes).is_ok() {
        return Ok(Encoding::Utf8);
    }
    // A line that is UTF-8 beyond ASCII is so by no accident: three bytes in a row fit, and nothing in the line does not.
    let lines = || bytes.split(|b| *b == b'\n');
    let utf8 = |line: &[u8]| std::str::from_utf8(line).is_ok_and(|text| text.chars().filter(|c| *c >= '\u{800}').count() > 1);
    let other = |line: &[u8]| std::str::from_utf8(line).is_err();
    match (lines().position(utf8), lines().position(other)) {
        (Some(one), Some(two)) => Err(Unreadable::Mixed { line: 1 + one.max(two) }),
        _ => Ok(Encoding::Gb18030),
    }
}

/// What separates the cells of a table: what its first line has most of. Spreadsheets may say it themselves, by a line `sep=;`.
pub fn separator_of(text: &str) -> Separator {
    let first = text.lines().next().unwrap_or_default().split('\r').next().unwrap_or_default();
    let mut quoted = false;
    let outside: String = first
        .chars()
        .filter(|c| {
            if *c == '"' {
                quoted = !quoted;
                false
            } else {
                !quoted
            }
        })
        .collect();
    let count = |s: &Separator| outside.matches(s.char()).count();
    // The first of those that are equal, so that a single column is comma separated.
    Separator::ALL.iter().rev().copied().max_by_key(count).unwrap_or(Separator::Comma)
}

/// A row and the line that it begins in, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub line: usize,
    pub cells: Vec<String>,
}

/// A row that cannot be read; nothing after it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRow {
    pub line: usize,
    /// Of `import-wrong-<kind>`.
    pub kind: &'static str,
}

/// The rows of a table, one after the other; empty ones are left out. It ends after the first that cannot be read.
pub struct Rows<'t> {
    rest: &'t str,
    line: usize,
    separator: char,
}

impl<'t> Rows<'t> {
    pub fn of(text: &'t str, separator: Separator) -> Self {
        let mut rows = Self { rest: text, line: 1, separator: separator.char() };
        if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep=")) {
            drop(rows.row());
        }
        rows
    }

    /// Takes a line end, if one stands here.
    fn end(&mut self) -> bool {
        for end in ["\r\n", "\n", "\r"] {
            if let Some(after) = self.rest.strip_prefix(end) {
                (self.rest, self.line) = (after, self.line + 1);
                return true;
            }
        }
        self.rest.is_empty()
    }

    fn row(&mut self) -> Result<Row, BadRow> {
        let (start, begin) = (self.line, self.rest.len());
        let bad = |line: usize, kind: &'static str| Err(BadRow { line, kind });
        let mut cells = Vec::new();
        loop {
            let cell = match self.rest.strip_prefix('"') {
                Some(rest) => match quoted(rest) {
                    Some((cell, after)) => {
                        self.line += line_ends(&rest[..rest.len() - after.len()]);
                        self.rest = after;
                        cell
                    }
                    None => return bad(self.line, "unclosed-quote"),
                },
                None => {
                    let end = self.rest.find([self.separator, '\r', '\n']).unwrap_or(self.rest.len());
                    let (cell, after) = self.rest.split_at(end);
                    self.rest = after;
                    cell.to_owned()
                }
            };
            if cell.len() > LONGEST_CELL {
                return bad(start, "long-cell");
            }
            if begin - self.rest.len() > LONGEST_ROW || cells.len() >= MOST_CELLS {
                return bad(start, "long-row");
            }
            cells.push(cell);
            if let Some(after) = self.rest.strip_prefix(self.separator) {
                self.rest = after;
            } else if self.end() {
                return Ok(Row { line: start, cells });
            } else {
                return bad(self.line, "after-quote");
            }
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.row() {
                Ok(row) if row.cells.iter().all(|cell| cell.trim().is_empty()) => {}
                Ok(row) => return Some(Ok(row)),
                Err(bad) => {
                    self.rest = "";
                    return Some(Err(bad));
                }
            }
        }
        None
    }
}

/// A cell after its opening quote, and what follows the closing one; `None` without one within the longest cell.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let quote = rest.find('"')?;
        cell.push_str(&rest[..quote]);
        if cell.len() > LONGEST_CELL {
            return None;
        }
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => return Some((cell, rest)),
        }
    }
}

/// CR LF, LF and CR alone each end a line.
fn line_ends(text: &str) -> usize {
    text.matches('\n').count() + text.matches('\r').count() - text.matches("\r\n").count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str, separator: Separator) -> Vec<Result<(usize, Vec<String>), (usize, &'static str)>> {
        Rows::of(text, separator).map(|row| row.map(|r| (r.line, r.cells)).map_err(|b| (b.line, b.kind))).collect()
    }

    fn ok(line: usize, cells: &[&str]) -> Result<(usize, Vec<String>), (usize, &'static str)> {
        Ok((line, cells.iter().map(|c| (*c).to_owned()).collect()))
    }

    #[test]
    fn four_encodings_are_told_apart_and_none_is_guessed_over_what_does_not_fit() {
        let text = "标题,正文\r\n放假安排,十二月三十一日\r\n";
        let read = |bytes: &[u8]| decode(bytes, None).map(|d| (d.encoding, d.text));
        let utf16 = |big: bool| text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect::<Vec<u8>>();
        let gb = encoding_rs::GB18030.encode(text).0.into_owned();
        assert_eq!(read(text.as_bytes()), Ok((Encoding::Utf8, text.to_owned())));
        assert_eq!(read(&[b"\xef\xbb\xbf", text.as_bytes()].concat()), Ok((Encoding::Utf8, text.to_owned())));
        assert_eq!(read(&gb), Ok((Encoding::Gb18030, text.to_owned())));
        assert_eq!(read(&utf16(false)), Ok((Encoding::Utf16Le, text.to_owned())), "without a mark");
        assert_eq!(read(&utf16(true)), Ok((Encoding::Utf16Be, text.to_owned())));
        let ones = "正文\r\n一一一一一一\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        assert_eq!(read(&ones).map(|r| r.0), Ok(Encoding::Utf16Le), "more zero bytes on the other side");
        assert_eq!(read(&[&[0xff, 0xfe], utf16(false).as_slice()].concat()), Ok((Encoding::Utf16Le, text.to_owned())));
        assert_eq!(read(&[text.as_bytes(), gb.as_slice()].concat()), Err(Unreadable::Mixed { line: 3 }));
        assert_eq!(decode(&gb, Some(Encoding::Utf8)), Err(Unreadable::Encoding { line: 1 }));
        for (mark, utf16) in [([0xff, 0xfe], utf16(false)), ([0xfe, 0xff], utf16(true))] {
            let cut = &utf16[..utf16.len() - 1];
            assert_eq!(read(cut), Err(Unreadable::Cut), "half a character at the end, without a mark");
            assert_eq!(read(&[&mark, cut].concat()), Err(Unreadable::Cut), "and with one");
        }
    }

    #[test]
    fn what_is_no_text_is_said_to_be_none() {
        assert_eq!(decode(b"", None), Err(Unreadable::Empty));
        assert_eq!(decode(b"\xef\xbb\xbf \r\n", None), Err(Unreadable::Empty));
        assert_eq!(decode(b"PK\x03\x04xl/workbook.xml", None), Err(Unreadable::Workbook));
        assert_eq!(decode(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None), Err(Unreadable::Workbook));
        for text in ["a,b\r\nc\0\0,d\r\n", "a,b\r\nc\0,d\r\n", "a,b\r\nc,\0d\r\n", "标题,正文\r\n甲,\0乙\r\n"] {
            assert_eq!(decode(text.as_bytes(), None), Err(Unreadable::NotText), "{text:?}");
        }
        assert_eq!(decode(b"a,b\r\nc\x1b[31m,d\r\n", None), Err(Unreadable::NotText));
    }

    #[test]
    fn rows_are_read_with_any_line_end_and_say_where_they_begin() {
        let expected = [ok(1, &["a", "b"]), ok(2, &["1", "x\"y\nz"]), ok(5, &["2", ""])];
        assert_eq!(rows("a,b\r\n1,\"x\"\"y\nz\"\r\n\r\n2,", Separator::Comma), expected);
        assert_eq!(rows("a\tb\r1\t\"x\"\"y\nz\"\r\r2\t\r", Separator::Tab), expected);
        assert_eq!(rows("sep=;\na;b", Separator::Semicolon), [ok(2, &["a", "b"])]);
        assert_eq!(rows("a,b\n\"1,2\n3,4\n", Separator::Comma), [ok(1, &["a", "b"]), Err((2, "unclosed-quote"))]);
        assert_eq!(rows("a,b\n\"1\"2,3\n", Separator::Comma), [ok(1, &["a", "b"]), Err((2, "after-quote"))]);
        let long = "x".repeat(LONGEST_CELL + 1);
        assert_eq!(rows(&format!("a\n{long}\nb"), Separator::Comma), [ok(1, &["a"]), Err((2, "long-cell"))]);
        assert_eq!(rows(&format!("a\n\"{long}\"\nb"), Separator::Comma), [ok(1, &["a"]), Err((2, "unclosed-quote"))]);
        assert_eq!(rows(&",".repeat(200), Separator::Comma), [Err((1, "long-row"))]);
    }

    #[test]
    fn the_separator_is_what_the_first_line_has_most_of() {
        assert_eq!(separator_of("a;b;\"c,d,e,f\"\n1,2,3,4,5"), Separator::Semicolon);
        assert_eq!(separator_of("a\tb\r1,2,3"), Separator::Tab);
        assert_eq!(separator_of("sep=;\na"), Separator::Semicolon);
        assert_eq!(separator_of("成员编号\nzhang"), Separator::Comma);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            for encoding in Encoding::ALL.iter().copied().map(Some).chain([None]) {
                if let Ok(decoded) = decode(&bytes, encoding) {
                    for separator in Separator::ALL {
                        prop_assert!(Rows::of(&decoded.text, *separator).count() <= decoded.text.len());
                    }
                }
            }
        }
    }
}
