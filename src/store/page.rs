//! Pages of lists by key: a page lies beside a row that somebody has seen, never behind a number of rows, so that the last page costs what
//! the first one does and nothing is skipped or shown twice while rows are added.

/// Where a page lies, in the order of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Turn<K = String> {
    #[default]
    First,
    /// What follows this key.
    Down(K),
    /// What stands before it.
    Up(K),
}

/// One page, with whether there is more on either side.
#[derive(Clone, Debug)]
pub struct Cut<R> {
    pub rows: Vec<R>,
    pub more_above: bool,
    pub more_below: bool,
}

impl<K> Turn<K> {
    /// By what an address says, at most one of the two.
    pub fn of(down: Option<K>, up: Option<K>) -> Self {
        match (down, up) {
            (Some(key), _) => Self::Down(key),
            (None, Some(key)) => Self::Up(key),
            (None, None) => Self::First,
        }
    }

    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Up(_))
    }

    /// The page of at most `size` rows from one row more, in the order of the list: that row tells whether there is another page.
    pub fn cut<R>(&self, mut rows: Vec<R>, size: usize) -> Cut<R> {
        let more = rows.len() > size;
        if more {
            if self.is_up() { drop(rows.remove(0)) } else { rows.truncate(size) }
        }
        match self {
            Self::First => Cut { rows, more_above: false, more_below: more },
            Self::Down(_) => Cut { rows, more_above: true, more_below: more },
            Self::Up(_) => Cut { rows, more_above: more, more_below: true },
        }
    }
}

impl<R> Cut<R> {
    /// The keys of the first and the last row, each where there is more beyond it.
    pub fn edges<K>(&self, key: impl Fn(&R) -> K) -> (Option<K>, Option<K>) {
        (self.rows.first().filter(|_| self.more_above).map(&key), self.rows.last().filter(|_| self.more_below).map(&key))
    }
}

/// Rows of a query that goes away from `turn`'s key, in the order of the list.
pub(super) fn in_order<K, R>(turn: &Turn<K>, mut rows: Vec<R>) -> Vec<R> {
    if turn.is_up() {
        rows.reverse();
    }
    rows
}
