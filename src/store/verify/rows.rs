//! Rows as the database has them: their bytes in one buffer, so that a batch is read without an allocation a value, and whole for another
//! thread. Nothing is converted: a value of another type than its column's is seen for what it is.

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    /// As stored; SQLite does not make sure that it is UTF-8.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// Of a type that no column of the log has.
    Other,
}

impl<'a> Cell<'a> {
    pub(super) fn integer(self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(number) } else { None }
    }

    pub(super) fn text(self) -> Option<&'a [u8]> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// Whether it is this text.
    pub(super) fn says(self, text: &str) -> bool {
        self.text() == Some(text.as_bytes())
    }

    /// Whether it is this text, or NULL for none.
    pub(super) fn may_say(self, text: Option<&str>) -> bool {
        match text {
            Some(text) => self.says(text),
            None => self == Self::Null,
        }
    }
}

/// Where a value lies.
#[derive(Clone, Copy)]
enum Slot {
    Null,
    Integer(i64),
    Text(usize, usize),
    Bytes(usize, usize),
    Other,
}

/// Rows of `width` values each.
pub(super) struct Rows {
    width: usize,
    slots: Vec<Slot>,
    bytes: Vec<u8>,
}

impl Rows {
    pub(super) fn new(width: usize) -> Self {
        Self { width, slots: Vec::new(), bytes: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() / self.width
    }

    /// Bytes of all texts and blobs.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len()
    }

    /// Adds the next value of a row.
    pub(super) fn push(&mut self, cell: Cell<'_>) {
        let mut keep = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            (start, self.bytes.len())
        };
        let slot = match cell {
            Cell::Null => Slot::Null,
            Cell::Integer(number) => Slot::Integer(number),
            Cell::Text(text) => {
                let (start, end) = keep(text);
                Slot::Text(start, end)
            }
            Cell::Bytes(bytes) => {
                let (start, end) = keep(bytes);
                Slot::Bytes(start, end)
            }
            Cell::Other => Slot::Other,
        };
        self.slots.push(slot);
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let slot = if column < self.width { self.slots.get(row * self.width + column) } else { None };
        match slot.copied() {
            Some(Slot::Integer(number)) => Cell::Integer(number),
            Some(Slot::Text(start, end)) => Cell::Text(&self.bytes[start..end]),
            Some(Slot::Bytes(start, end)) => Cell::Bytes(&self.bytes[start..end]),
            Some(Slot::Other) => Cell::Other,
            Some(Slot::Null) | None => Cell::Null,
        }
    }
}
