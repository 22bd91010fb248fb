//! CSV for people and spreadsheets: RFC 4180 with CRLF, UTF-8 with BOM, header unquoted, and a reversible way to keep a spreadsheet from
//! running what somebody typed (reference: CWE-1236). The audit viewer's export uses the same rules. Not here: which columns ([`super::columns`]).

/// The byte order mark: without it, spreadsheets in a Chinese locale read UTF-8 as GBK. It is part of the file's bytes and of its hash.
pub const BOM: &str = "\u{feff}";

/// First characters that a spreadsheet may take for a formula or a command, and the mark itself, so that the rule can be undone.
const RISKY: [char; 16] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', ';', '|', '%', '＝', '＋', '－', '＠', '\''];

/// Neutralises one text cell: an apostrophe goes in front if it begins with a risky character or with an apostrophe.
pub fn neutralise(text: &str) -> String {
    if text.starts_with(RISKY) { format!("'{text}") } else { text.to_owned() }
}

/// Undoes [`neutralise`]: takes away exactly one leading apostrophe.
pub fn restore(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

/// Undoes [`neutralise`] in a table that somebody may have typed: an apostrophe that stands before nothing risky is theirs and stays.
pub fn restore_typed(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(RISKY)).unwrap_or(cell)
}

/// One cell of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// What somebody typed or a platform said: neutralised.
    Text(String),
    /// A number, time, hash or word that we made: written as it is.
    Plain(String),
}

impl Cell {
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }

    pub fn plain(value: impl ToString) -> Self {
        Self::Plain(value.to_string())
    }

    /// Nothing known: an empty cell.
    pub fn empty() -> Self {
        Self::Plain(String::new())
    }

    /// The value or an empty cell.
    pub fn optional<T: ToString>(value: Option<T>) -> Self {
        value.map_or_else(Self::empty, Self::plain)
    }

    fn written(&self) -> String {
        let text = match self {
            Self::Text(text) => neutralise(text),
            Self::Plain(text) => text.clone(),
        };
        if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    }
}

/// The BOM and the header line, which begin a file.
pub fn header<'c>(columns: impl IntoIterator<Item = &'c str>) -> String {
    let names: Vec<_> = columns.into_iter().collect();
    format!("{BOM}{}\r\n", names.join(","))
}

/// One line, with its CRLF.
pub fn line(cells: &[Cell]) -> String {
    let written: Vec<_> = cells.iter().map(Cell::written).collect();
    format!("{}\r\n", written.join(","))
}

/// Why bytes are not a CSV file of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    #[error("not UTF-8")]
    Encoding,
    #[error("no byte order mark")]
    Bom,
    #[error("line {0}: a quote stands where none may, or is missing")]
    Quote(usize),
    #[error("line {0}: the line does not end with CR LF")]
    LineEnd(usize),
    #[error("line {line}: {found} cells, the header has {expected}")]
    Width { line: usize, expected: usize, found: usize },
}

/// Rows of a file as written by [`header`] and [`line()`], header first, cells not restored. Strict: it reads nothing that we would not write.
pub fn parse(bytes: &[u8]) -> Result<Vec<Vec<String>>, CsvError> {
    let text = std::str::from_utf8(bytes).map_err(|_| CsvError::Encoding)?;
    let mut rest = text.strip_prefix(BOM).ok_or(CsvError::Bom)?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    while !rest.is_empty() {
        let number = rows.len() + 1;
        let mut row = Vec::new();
        loop {
            let (cell, after) = cell(rest).ok_or(CsvError::Quote(number))?;
            row.push(cell);
            if let Some(next) = after.strip_prefix(',') {
                rest = next;
            } else {
                rest = after.strip_prefix("\r\n").ok_or(CsvError::LineEnd(number))?;
                break;
            }
        }
        let expected = rows.first().map_or(row.len(), Vec::len);
        if row.len() != expected {
            return Err(CsvError::Width { line: number, expected, found: row.len() });
        }
        rows.push(row);
    }
    Ok(rows)
}

/// One cell and what follows it.
fn cell(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\r', '\n', '"']).unwrap_or(text.len());
        return (!text[end..].starts_with('"')).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut cell = String::new();
    loop {
        let quote = rest.find('"')?;
        cell.push_str(&rest[..quote]);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_are_neutralised_and_come_back() {
        for (typed, cell) in [
            ("=1+1", "'=1+1"),
            ("'=1+1", "''=1+1"),
            ("＝HYPERLINK(\"x\")", "'＝HYPERLINK(\"x\")"),
            ("-5", "'-5"),
            ("@all", "'@all"),
            ("\tx", "'\tx"),
            ("\0", "'\0"),
            ("工资单", "工资单"),
            ("", ""),
            ("a=1", "a=1"),
        ] {
            assert_eq!(neutralise(typed), cell);
            assert_eq!(restore(cell), typed);
            assert_eq!(restore_typed(cell), typed);
        }
        assert_eq!(restore_typed("'t Hart"), "'t Hart");
    }

    #[test]
    fn header_is_unquoted_after_the_mark_and_lines_end_with_crlf() {
        assert_eq!(header(["index", "event_id"]), "\u{feff}index,event_id\r\n");
        assert_eq!(line(&[Cell::plain(1), Cell::text("a \"b\", c"), Cell::text("x\ny"), Cell::empty()]), "1,\"a \"\"b\"\", c\",\"x\ny\",\r\n");
    }

    #[test]
    fn what_we_would_not_write_is_refused() {
        for (bytes, error) in [
            (&b"a,b\r\n"[..], CsvError::Bom),
            ("\u{feff}a,b\n".as_bytes(), CsvError::LineEnd(1)),
            ("\u{feff}a,b\r\n1\r\n".as_bytes(), CsvError::Width { line: 2, expected: 2, found: 1 }),
            ("\u{feff}a\r\n\"x\r\n".as_bytes(), CsvError::Quote(2)),
            ("\u{feff}a\r\nx\"y\r\n".as_bytes(), CsvError::Quote(2)),
            (&[0xef, 0xbb, 0xbf, 0xff][..], CsvError::Encoding),
        ] {
            assert_eq!(parse(bytes), Err(error));
        }
    }

    proptest! {
        #[test]
        fn any_text_round_trips(cells in prop::collection::vec(prop::collection::vec("(?s)[=+\\-@'\\t\\r\\n;|%＝\"]{0,2}.{0,6}", 3), 0..6)) {
            let mut file = header(["a", "b", "c"]);
            for row in &cells {
                file.push_str(&line(&row.iter().map(Cell::text).collect::<Vec<_>>()));
            }
            let rows = parse(file.as_bytes()).unwrap();
            let read: Vec<Vec<String>> = rows[1..].iter().map(|r| r.iter().map(|c| restore(c).to_owned()).collect()).collect();
            prop_assert_eq!(read, cells.clone());
            for cell in rows[1..].iter().flatten() {
                prop_assert!(!cell.starts_with(&RISKY[..RISKY.len() - 1]), "{:?} would run", cell);
            }
        }
    }
}
