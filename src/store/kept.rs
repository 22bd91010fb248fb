//! Updates that stay prepared. diesel prepares every `UPDATE` and every upsert anew, because what they set may differ from call to call:
//! parsing on SQLite, a round trip on PostgreSQL. [`Keep::kept`] keeps them by their text, so that one that differs is another statement.

use diesel::{
    QueryResult, RunQueryDsl,
    backend::Backend,
    query_builder::{AstPass, InsertStatement, QueryFragment, QueryId, UpdateStatement},
    query_source::QuerySource,
};

/// A statement that stays prepared on its connection.
#[derive(Clone, Copy, Debug)]
pub struct Kept<Q>(Q);

/// Makes a statement stay prepared. For those whose text has few forms: each form is kept as long as the connection.
pub trait Keep: Sized {
    fn kept(self) -> Kept<Self> {
        Kept(self)
    }
}

impl<T: QuerySource, U, V, Ret> Keep for UpdateStatement<T, U, V, Ret> {}
impl<T: QuerySource, U, Op, Ret> Keep for InsertStatement<T, U, Op, Ret> {}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Kept<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Kept<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, C> RunQueryDsl<C> for Kept<Q> {}
