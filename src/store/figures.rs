//! What figures about cases are made from: few columns of the cases of a while, found by index. Not here: what is made of them
//! (`app::overview`), lists (`recalls`).

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    page::Few,
    recalls::{Filter, narrowed},
    schema::{decisions, recalls},
};

/// Cases that figures are made from at most: the newest.
pub const MOST: i64 = 20_000;

/// A case that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = recalls)]
pub struct Ended {
    pub id: String,
    pub state: String,
    pub harm_class: String,
    pub platform: String,
    pub round: i64,
    pub cut_off: Option<i64>,
    pub submitted_at: i64,
    pub approved_at: Option<i64>,
    #[diesel(select_expression = recalls::finished_at.assume_not_null())]
    pub finished_at: i64,
}

/// The cases that `filter` leaves and that have ended since `from`, newest first.
pub fn ended(conn: &mut Conn, filter: &Filter, from: i64) -> Result<Vec<Ended>, StoreError> {
    let of = narrowed(filter).filter(recalls::finished_at.ge(from));
    Ok(of.order((recalls::finished_at.desc(), recalls::id.desc())).limit(MOST).select(Ended::as_select()).load(conn)?)
}

/// When each level of these cases was approved in the first round, by the last who had to: level and instant, in the order of levels, by case.
pub fn approvals(conn: &mut Conn, cases: &[&str]) -> Result<BTreeMap<String, Vec<(i64, i64)>>, StoreError> {
    let mut found: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    for ids in cases.chunks(500) {
        let of = decisions::table
            .filter(decisions::recall_id.eq_any(ids.to_vec()))
            .filter(decisions::round.eq(1))
            .filter(decisions::decision.eq("approve"));
        let rows: Vec<(String, i64, i64)> =
            of.order((decisions::level.asc(), decisions::at.asc())).select((decisions::recall_id, decisions::level, decisions::at)).load(conn)?;
        for (case, level, at) in rows {
            let levels = found.entry(case).or_default();
            // Added reviewers approve before the level closes.
            levels.pop_if(|(before, _)| *before == level);
            levels.push((level, at));
        }
    }
    Ok(found)
}

/// When the cases that `filter` leaves were submitted since `from`.
pub fn submitted(conn: &mut Conn, filter: &Filter, from: i64) -> Result<Vec<i64>, StoreError> {
    let of = narrowed(filter).filter(recalls::submitted_at.ge(from));
    Ok(of.order(recalls::submitted_at.desc()).limit(MOST).select(recalls::submitted_at).load(conn)?)
}

/// How many of the cases that `filter` leaves have their end before `before`.
pub fn closing(conn: &mut Conn, filter: &Filter, before: i64) -> Result<Few, StoreError> {
    Few::of(conn, narrowed(filter).filter(recalls::cut_off.lt(before)).select(recalls::id).limit(Few::LIMIT))
}
