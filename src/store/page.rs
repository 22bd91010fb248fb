//! Pages of lists by key: a page lies beside a row that somebody has seen, never behind a number of rows, so that the last page costs what
//! the first one does and nothing is skipped or shown twice while rows are added.

use diesel::{
    QueryResult, RunQueryDsl,
    backend::Backend,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::BigInt,
};

use super::{Conn, StoreError};

/// Counting ends here: how many more there are is worth no wait, and ten times as many would cost more than the page itself.
pub const COUNTED: u64 = 1_000;

/// How many rows there are, as far as anybody counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Few {
    pub n: u64,
    /// Whether there are more than that.
    pub more: bool,
}

impl Few {
    /// The rows that a limited query finds: [`COUNTED`] and one more at most.
    pub(super) fn of<Q>(conn: &mut Conn, limited: Q) -> Result<Self, StoreError>
    where
        Q: QueryFragment<<Conn as diesel::Connection>::Backend> + Send,
    {
        let n: i64 = Within(limited).get_result(conn)?;
        let n = u64::try_from(n).unwrap_or_default();
        Ok(Self { n: n.min(COUNTED), more: n > COUNTED })
    }

    /// The limit of such a query.
    pub(super) const LIMIT: i64 = COUNTED as i64 + 1;
}

/// Counts the rows of a query that has a limit; diesel's own `count` would come before it.
struct Within<Q>(Q);

impl<Q, DB: Backend> QueryFragment<DB> for Within<Q>
where
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql("SELECT count(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS few");
        Ok(())
    }
}

impl<Q> QueryId for Within<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Within<Q> {
    type SqlType = BigInt;
}

impl<Q> RunQueryDsl<Conn> for Within<Q> {}

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

/// Looks through a list for what no index knows, from `turn` on and in steps: rows that match, in the order of the list and one more than
/// `size` at most; and the row at which it stopped after about `depth` rows, if that was not the end.
///
/// # Errors
/// Those of `page` and `matches`.
pub fn look_through<R: Clone>(
    turn: &Turn,
    size: usize,
    depth: usize,
    mut page: impl FnMut(&Turn, i64) -> Result<Vec<R>, StoreError>,
    key: impl Fn(&R) -> String,
    matches: impl Fn(&R) -> Result<bool, StoreError>,
) -> Result<(Vec<R>, Option<R>), StoreError> {
    const STEP: usize = 200;
    let (mut found, mut at, mut seen) = (Vec::new(), turn.clone(), 0);
    let stopped = loop {
        let mut step = page(&at, STEP as i64)?;
        if turn.is_up() {
            step.reverse();
        }
        seen += step.len();
        let last = step.last().filter(|_| step.len() == STEP).cloned();
        for row in step {
            if matches(&row)? {
                found.push(row);
            }
        }
        match last {
            Some(row) if found.len() <= size && seen < depth => at = if turn.is_up() { Turn::Up(key(&row)) } else { Turn::Down(key(&row)) },
            last => break last.filter(|_| found.len() <= size),
        }
    };
    found.truncate(size + 1);
    Ok((in_order(turn, found), stopped))
}
