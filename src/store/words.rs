//! The words of the trail: what a person can look for by typing, one row an event, as marks that only this installation's key makes
//! (`crypto::blind`). Neither the file nor a backup of the database can be read for them, and what is erased leaves no word behind.
//!
//! An FTS5 index without contents on SQLite, an array under GIN on PostgreSQL. The rows are derived from leaf and parts like `log_search`,
//! and `ledger verify` recomputes them; but they are not made in the write that makes the event, which would cost it a third of its speed.
//! Whoever searches by words first makes those that are missing ([`Store::read_words`]). Rows are made in the order of the log, so the last
//! one tells how far they go. Not here: how a text is cut (`domain::terms`), what is asked for (`find`).

use std::{
    borrow::Cow,
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant as Ticks},
};

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{
    Conn, Store, StoreError, Tx, log,
    part_keys::Opener,
    schema::{log_parts, log_search},
    search::field,
    tx::PartRow,
};
use crate::{
    crypto::{
        blind::{Blind, Mark},
        keyring::Keyring,
    },
    domain::{event::CONTENT_PARTS, terms},
    on_each,
};

/// Events whose words are made in one write: a few milliseconds, in which others wait.
const STEP: i64 = 500;
/// Rows that one statement inserts.
const ROWS: usize = 50;

/// What a mark is of.
mod kind {
    pub(super) const TEXT: u8 = b't';
    pub(super) const NAME: u8 = b'n';
    pub(super) const DEVICE: u8 = b'd';
    /// A network that the client's address lies in.
    pub(super) const NET: u8 = b'a';
    /// An outcome other than success.
    pub(super) const OUTCOME: u8 = b'o';
    pub(super) const CASE: u8 = b'c';
}

/// What the words of an event come from beside its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub actor: &'a str,
    pub subject: &'a str,
    pub outcome: &'a str,
    pub case: Option<&'a str>,
}

/// Makes the marks of events and of questions.
#[derive(Clone)]
pub struct Words(Blind);

impl Words {
    pub fn new(keys: &Keyring) -> Self {
        Self(Blind::new(&keys.words_key()))
    }

    /// The marks of an event, each once and in order, given the parts that still exist (name, canonical bytes). Of parts that repeat contents none.
    pub(super) fn of<'p>(&self, facts: Facts<'_>, parts: impl Iterator<Item = (&'p str, &'p [u8])>) -> Vec<Mark> {
        let mut marks = Vec::new();
        let mut add = |kind: u8, term: &str| marks.push(self.0.mark(kind, term));
        terms::of(facts.actor, |term| add(kind::NAME, term));
        terms::of(facts.subject, |term| add(kind::TEXT, term));
        if facts.outcome != "success" {
            add(kind::OUTCOME, facts.outcome);
        }
        if let Some(case) = facts.case {
            add(kind::CASE, case);
        }
        for (name, value) in parts {
            match name {
                _ if CONTENT_PARTS.contains(&name) => {}
                "actor" => terms::of_name(&field(value, "name").unwrap_or_default(), |term| add(kind::NAME, term)),
                "client" => {
                    let address = field(value, "client_ip").and_then(|text| text.parse().ok());
                    address.into_iter().flat_map(nets_of).for_each(|net| add(kind::NET, &net));
                }
                "device" => {
                    for id in ["device_id", "fingerprint"].into_iter().filter_map(|key| field(value, key)) {
                        devices(&id).into_iter().for_each(|text| add(kind::DEVICE, &text));
                    }
                }
                _ => texts(value, &mut |text| terms::of(text, |term| add(kind::TEXT, term))),
            }
        }
        marks.sort_unstable();
        marks.dedup();
        marks
    }

    /// An event that has all terms of `text`, each in a name or in a text; nothing if there is no term in it.
    pub fn text(&self, text: &str) -> Vec<Group> {
        terms::asked(text).iter().map(|term| Group(vec![self.0.mark(kind::TEXT, term), self.0.mark(kind::NAME, term)])).collect()
    }

    /// An event of a case, by its id.
    pub fn case(&self, id: &str) -> Group {
        Group(vec![self.0.mark(kind::CASE, id)])
    }

    /// An event by whom `text` names: an id, or a part of the name that they had.
    pub fn name(&self, text: &str) -> Vec<Group> {
        terms::asked(text).iter().map(|term| Group(vec![self.0.mark(kind::NAME, term)])).collect()
    }

    /// An event by the account `id`, or by whom its user name `text` names otherwise: each term of the one or each term of the other.
    pub fn person(&self, text: &str, id: &str) -> Vec<Group> {
        let (named, ids) = (terms::asked(text), terms::asked(id));
        let mark = |term: &str| self.0.mark(kind::NAME, term);
        match named.is_empty() {
            true => self.name(id),
            false => named.iter().flat_map(|a| ids.iter().map(move |b| Group(vec![mark(a), mark(b)]))).collect(),
        }
    }

    /// An event about the thing with this id.
    pub fn subject(&self, id: &str) -> Vec<Group> {
        terms::asked(id).iter().map(|term| Group(vec![self.0.mark(kind::TEXT, term)])).collect()
    }

    /// An event from a device, by its id, its fingerprint or the code that is shown for it.
    pub fn device(&self, text: &str) -> Group {
        Group(vec![self.0.mark(kind::DEVICE, &text.to_lowercase())])
    }

    /// An event with an outcome other than success.
    pub fn outcome(&self, outcome: &str) -> Group {
        Group(vec![self.0.mark(kind::OUTCOME, outcome)])
    }

    /// An event whose client's address lies in the network of the first `bits` of `address`. An IPv4 address within IPv6 (RFC 4291 §2.5.5.2)
    /// is the IPv4 address.
    pub fn net(&self, address: IpAddr, bits: u8) -> Group {
        let (bytes, bits) = bytes_of(address, bits);
        // Marks there are for whole bytes: a network between them is all of those within it.
        let whole = usize::from(bits.div_ceil(8)).max(1);
        let free = u32::try_from(whole * 8).unwrap_or(0) - u32::from(bits);
        let mut begin = bytes[..whole].to_vec();
        let last = begin[whole - 1] & (0xffu32 << free) as u8;
        let marks = (0..1u32 << free).map(|n| {
            begin[whole - 1] = last | n as u8;
            self.0.mark(kind::NET, &net_text(bytes.len(), &begin))
        });
        Group(marks.collect())
    }
}

/// An event meets it if it has one of these marks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Group(Vec<Mark>);

impl Group {
    /// As FTS5 asks for it.
    pub(super) fn to_match(&self) -> String {
        format!("({})", self.0.iter().map(Mark::as_str).collect::<Vec<_>>().join(" OR "))
    }

    /// The marks, separated by spaces.
    pub(super) fn to_list(&self) -> String {
        list(&self.0)
    }
}

fn list<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> String {
    marks.into_iter().map(Mark::as_str).collect::<Vec<_>>().join(" ")
}

/// The bytes of an address, and how many of their first bits `bits` are.
fn bytes_of(address: IpAddr, bits: u8) -> (Vec<u8>, u8) {
    match (address, address.to_canonical()) {
        (IpAddr::V6(_), IpAddr::V4(inner)) if bits >= 96 => (inner.octets().to_vec(), bits - 96),
        (IpAddr::V4(plain), _) => (plain.octets().to_vec(), bits.min(32)),
        (IpAddr::V6(plain), _) => (plain.octets().to_vec(), bits.min(128)),
    }
}

/// The networks of whole bytes that an address lies in.
fn nets_of(address: IpAddr) -> Vec<String> {
    let (bytes, _) = bytes_of(address, 128);
    (1..=bytes.len()).map(|whole| net_text(bytes.len(), &bytes[..whole])).collect()
}

fn net_text(length: usize, begin: &[u8]) -> String {
    format!("{length}/{}", hex::encode(begin))
}

/// What a device can be named by: its id whole, and the code that is shown for it.
fn devices(id: &str) -> [String; 2] {
    let hex: String = id.chars().filter(char::is_ascii_hexdigit).take(6).collect::<String>().to_lowercase();
    let code = if hex.len() < 6 { hex } else { format!("{}-{}", &hex[..2], &hex[2..]) };
    [id.to_lowercase(), code]
}

/// Gives every text within a part's canonical bytes to `each`, but instants, which are searched for as such.
fn texts(part: &[u8], each: &mut dyn FnMut(&str)) {
    let mut reader = serde_json::Deserializer::from_slice(part);
    // A part is JSON, or its commitment would not have been made.
    let _ = Texts(each).deserialize(&mut reader);
}

struct Texts<'f>(&'f mut dyn FnMut(&str));

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let instant = text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z') && text.as_bytes()[4] == b'-';
        if !instant {
            (self.0)(text);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<Cow<'de, str>>()?.is_some() {
            members.next_value_seed(Texts(&mut *self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Texts(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Nullable<BigInt>)]
    idx: Option<i64>,
}

/// The index of the first event without words.
pub fn next(conn: &mut Conn) -> Result<i64, StoreError> {
    let last: Place = match conn {
        Conn::Sqlite(c) => sql_query("SELECT (SELECT rowid FROM log_words ORDER BY rowid DESC LIMIT 1) AS idx").get_result(c)?,
        Conn::Postgres(c) => sql_query("SELECT max(idx) AS idx FROM log_words").get_result(c)?,
    };
    Ok(last.idx.map_or(0, |idx| idx.saturating_add(1)))
}

type EventFacts = (i64, String, String, String, String, Option<String>);

/// Makes the words of the next events; whether there were any.
fn make(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    let next = next(tx.conn)?;
    let found = facts().filter(log_search::idx.ge(next)).order(log_search::idx).limit(STEP).load(tx.conn)?;
    let any = !found.is_empty();
    insert(tx, found)?;
    Ok(any)
}

/// Makes the words of these events anew from the parts that they still have.
pub(super) fn renew(tx: &mut Tx<'_>, places: &[i64]) -> Result<(), StoreError> {
    let next = next(tx.conn)?;
    let made: Vec<i64> = places.iter().copied().filter(|idx| *idx < next).collect();
    for few in made.chunks(ROWS) {
        let list = few.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match &mut *tx.conn {
            Conn::Sqlite(c) => sql_query(format!("DELETE FROM log_words WHERE rowid IN ({list})")).execute(c)?,
            Conn::Postgres(c) => sql_query(format!("DELETE FROM log_words WHERE idx IN ({list})")).execute(c)?,
        };
    }
    let found = facts().filter(log_search::idx.eq_any(made)).order(log_search::idx).load(tx.conn)?;
    insert(tx, found)
}

#[derive(QueryableByName)]
struct Changes {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Merges the index into one piece, a few pages at a time: until then FTS5 only remembers that a row was deleted, and its marks stay in
/// the file (<https://sqlite.org/fts5.html>, "The 'merge' Command").
pub(super) fn settle(conn: &mut SqliteConnection) -> Result<(), StoreError> {
    /// Pages of the index that one statement writes.
    const PAGES: i64 = 64;
    let changes = |c: &mut SqliteConnection| Ok::<_, StoreError>(sql_query("SELECT total_changes() AS n").get_result::<Changes>(c)?.n);
    // A negative number begins with everything that there is; positive ones go on, and change less than two rows at the end.
    let mut pages = -PAGES;
    loop {
        let before = changes(conn)?;
        sql_query("INSERT INTO log_words (log_words, rank) VALUES ('merge', ?)").bind::<BigInt, _>(pages).execute(conn)?;
        if changes(conn)? - before < 2 {
            return Ok(());
        }
        pages = PAGES;
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn facts() -> _ {
    log_search::table.select((
        log_search::idx,
        log_search::event_id,
        log_search::actor_id,
        log_search::subject_id,
        log_search::outcome,
        log_search::case_id,
    ))
}

fn insert(tx: &mut Tx<'_>, events: Vec<EventFacts>) -> Result<(), StoreError> {
    let ids: Vec<&String> = events.iter().map(|e| &e.1).collect();
    let sealed: Vec<PartRow> =
        log_parts::table.filter(log_parts::event_id.eq_any(ids)).filter(log_parts::name.ne_all(CONTENT_PARTS)).load(tx.conn)?;
    let mut parts: BTreeMap<String, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    let mut opener = Opener::new(&tx.scope.keys);
    for part in sealed {
        // One that does not open is for `ledger verify` to name.
        if let Ok(Some((_, bytes))) = opener.open(tx.conn, &part) {
            parts.entry(part.event_id).or_default().push((part.name, bytes.to_vec()));
        }
    }
    let rows: Vec<(i64, String)> = events
        .iter()
        .map(|(idx, id, actor, subject, outcome, case)| {
            let facts = Facts { actor, subject, outcome, case: case.as_deref() };
            let opened = parts.get(id).into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_slice()));
            (*idx, list(&tx.scope.words.of(facts, opened)))
        })
        .collect();
    for few in rows.chunks(ROWS) {
        let (head, row, tail) = match &*tx.conn {
            Conn::Sqlite(_) => ("INSERT INTO log_words (rowid, words) VALUES ", "(?, ?)".to_owned(), ""),
            Conn::Postgres(_) => ("INSERT INTO log_words (idx, words) VALUES ", String::new(), " ON CONFLICT (idx) DO NOTHING"),
        };
        let values = (0..few.len()).map(|n| match row.is_empty() {
            true => format!("(${}, string_to_array(${}, ' '))", 2 * n + 1, 2 * n + 2),
            false => row.clone(),
        });
        let sql = format!("{head}{}{tail}", values.collect::<Vec<_>>().join(", "));
        on_each!(&mut *tx.conn, c => {
            let mut query = sql_query(sql).into_boxed();
            for (idx, words) in few {
                query = query.bind::<BigInt, _>(*idx).bind::<Text, _>(words.clone());
            }
            query.execute(c)?
        });
    }
    Ok(())
}

impl Store {
    /// Makes the words that are missing, for at most about `within`; the index of the first event that has none yet.
    ///
    /// # Errors
    /// Those of a write: on a full disk, or while nothing may be written, the words end where they end.
    pub async fn read_words(&self, within: Duration) -> Result<u64, StoreError> {
        let until = Ticks::now() + within;
        loop {
            let (next, size) = self.read(|conn| Ok((next(conn)?, log::head(conn)?.size))).await?;
            if next >= size || Ticks::now() >= until {
                return Ok(u64::try_from(next).unwrap_or(0));
            }
            if !self.write_reserved(make).await?.value {
                return Ok(u64::try_from(next).unwrap_or(0));
            }
        }
    }
}
