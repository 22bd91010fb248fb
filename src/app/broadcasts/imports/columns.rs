//! What the columns of an imported table mean, and what is wrong in which line. Reads text, decides nothing that needs the database: what a
//! broadcast may be is judged where the API's import is (`import::judge`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::{
    audience,
    import::{Import, MOST_MESSAGES, MessageRef, Recipients},
};
use crate::{
    clock::Instant,
    domain::{
        platform::Platform,
        sheet::{BadRow, Row, Rows, Separator},
    },
    words,
};

words! {
    /// What a table lists.
    pub enum Kind {
        /// A broadcast in each line.
        Broadcasts = "broadcasts",
        /// A recipient in each line, of one broadcast that is described beside it.
        Recipients = "recipients",
    }
}

words! {
    /// A column that is read; words `import-column-<as_str>`, and what stands in it rightly: `import-right-<as_str>`.
    pub enum Column {
        Connection = "connection",
        MessageId = "message_id",
        Room = "room",
        SentAt = "sent_at",
        Sender = "sender",
        Title = "title",
        Text = "text",
        Recipients = "recipients",
        Recipient = "recipient",
    }
}

impl Column {
    /// The columns of a kind of table, and whether each must be there.
    pub const fn of(kind: Kind) -> &'static [(Self, bool)] {
        match kind {
            Kind::Broadcasts => &[
                (Self::Connection, true),
                (Self::MessageId, true),
                (Self::Room, false),
                (Self::SentAt, true),
                (Self::Sender, false),
                (Self::Title, false),
                (Self::Text, true),
                (Self::Recipients, true),
            ],
            Kind::Recipients => &[(Self::Recipient, true)],
        }
    }

    /// How people head it, lower case, with `_` for blanks and hyphens.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Connection => &["平台连接", "连接", "渠道", "connection", "channel"],
            Self::MessageId => &["消息编号", "消息id", "message_id", "msgid", "message"],
            Self::Room => &["房间编号", "房间", "room", "room_id"],
            Self::SentAt => &["发送时间", "时间", "sent_at", "sent", "time"],
            Self::Sender => &["发送人", "发送人账号", "sender"],
            Self::Title => &["标题", "title", "subject"],
            Self::Text => &["正文", "原文", "内容", "text", "content", "body"],
            Self::Recipients => &["收件人", "接收人", "recipients", "to"],
            Self::Recipient => &["收件人", "收件人编号", "成员编号", "接收人", "账号", "recipient", "recipients", "user_id", "userid", "id"],
        }
    }

    fn named(kind: Kind, head: &str) -> Option<Self> {
        let plain: String = head.trim().to_lowercase().chars().map(|c| if c == '-' || c == ' ' { '_' } else { c }).collect();
        Self::of(kind).iter().map(|(column, _)| *column).find(|column| column.names().contains(&plain.as_str()))
    }

    /// The field of an import by the name that the use case gives it.
    pub(super) fn of_field(field: &str) -> Self {
        match field {
            "message_ids" => Self::MessageId,
            "content" => Self::Text,
            field => Self::parse(field).unwrap_or(Self::MessageId),
        }
    }
}

/// One thing that is wrong in a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// From 1; 0 for the table as a whole.
    pub line: usize,
    pub column: Option<Column>,
    /// `import-wrong-<kind>`, else `error-<kind>`, else `refusal-<kind>`.
    pub kind: String,
    pub args: Vec<(String, String)>,
    /// What stands there, shortened.
    pub value: String,
}

impl Problem {
    pub(super) fn new(line: usize, column: Option<Column>, kind: &str, value: &str) -> Self {
        const LONGEST: usize = 60;
        let mut short: String = value.trim().chars().take(LONGEST).collect();
        if short.len() < value.trim().len() {
            short.push('…');
        }
        Self { line, column, kind: kind.to_owned(), args: Vec::new(), value: short }
    }

    pub(super) fn arg(mut self, name: &str, value: impl ToString) -> Self {
        self.args.push((name.to_owned(), value.to_string()));
        self
    }
}

/// What a person says of the one broadcast whose recipients a table lists; as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub connection: String,
    pub message_id: String,
    pub room: String,
    pub sent_at: String,
    pub sender: String,
    pub title: String,
    pub text: String,
}

/// What a table says.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Broadcasts, each with the line that it stands in.
    pub imports: Vec<(usize, Import)>,
    /// The first of what is wrong, at most [`TOLD`].
    pub problems: Vec<Problem>,
    /// How many things are wrong.
    pub wrong: usize,
    /// Recipients that stand there again.
    pub doubles: u64,
    /// Heads of columns that nothing is taken from.
    pub ignored: Vec<String>,
    /// Lines with something in them, without the first.
    pub rows: usize,
}

impl Found {
    pub(super) fn add(&mut self, problem: Problem) {
        self.wrong += 1;
        if self.problems.len() < TOLD {
            self.problems.push(problem);
        }
    }
}

/// Problems of which the report tells; beyond, they are counted.
pub(super) const TOLD: usize = 1000;
/// Most broadcasts of one table.
const MOST_BROADCASTS: usize = 1000;
/// Most lines of one table: some more than recipients that a broadcast may have, for those that stand there twice.
const MOST_ROWS: usize = 400_000;
/// Most recipients of all broadcasts of one table together: they are written at once.
pub(super) const MOST_PEOPLE: usize = 400_000;
/// Most ids of messages of one table together.
const MOST_IDS: usize = 5_000;
/// Longest room in characters: longer ones name none.
const LONGEST_ROOM: usize = 512;

/// How a table is to be understood.
pub(super) struct Sense<'s> {
    pub separator: Separator,
    pub kind: Kind,
    /// The broadcast of a list of recipients.
    pub given: &'s Given,
    /// Whether ids there that differ by case only are the same.
    pub folds: bool,
    /// Of times without one.
    pub zone: &'s jiff::tz::TimeZone,
}

/// Reads a table; `told` is told of every line.
pub(super) fn read(text: &str, sense: &Sense<'_>, told: impl Fn(usize)) -> Found {
    let Sense { separator, kind, given, folds, zone } = *sense;
    let mut found = Found::default();
    let mut rows = Rows::of(text, separator);
    let head = match rows.next() {
        Some(Ok(head)) => head,
        Some(Err(bad)) => {
            found.add(broken(bad));
            return found;
        }
        None => return found,
    };
    let places = layout(&head, kind, &mut found);
    if !found.problems.is_empty() {
        return found;
    }
    let (mut people, mut seen) = (Vec::new(), BTreeSet::new());
    let (mut listed, mut ids) = (0, 0);
    for row in rows {
        let row = match row {
            Ok(row) => row,
            Err(bad) => {
                found.add(broken(bad));
                break;
            }
        };
        found.rows += 1;
        told(found.rows);
        if found.rows > MOST_ROWS || found.imports.len() > MOST_BROADCASTS {
            let most = if kind == Kind::Broadcasts { MOST_BROADCASTS } else { MOST_ROWS };
            found.add(Problem::new(row.line, None, "too-many-rows", "").arg("max", most));
            break;
        }
        // Spreadsheets write empty cells behind the last one.
        if row.cells.iter().skip(places.len()).any(|cell| !cell.trim().is_empty()) {
            found.add(Problem::new(row.line, None, "too-many-cells", "").arg("found", row.cells.len()).arg("max", places.len()));
            continue;
        }
        let cell = |wanted: Column| {
            let at = places.iter().position(|place| *place == Some(wanted));
            at.and_then(|at| row.cells.get(at)).map_or("", |cell| cell.trim())
        };
        match kind {
            Kind::Broadcasts => match broadcast(row.line, cell, zone, &mut found.doubles) {
                Ok(import) => {
                    listed += if let Recipients::Listed(people) = &import.recipients { people.len() } else { 0 };
                    ids += import.messages.len();
                    if listed > MOST_PEOPLE {
                        found.add(too_many(row.line));
                        break;
                    }
                    if ids > MOST_IDS {
                        found.add(Problem::new(row.line, Some(Column::MessageId), "too-many-ids", "").arg("max", MOST_IDS));
                        break;
                    }
                    found.imports.push((row.line, import));
                }
                Err(problems) => problems.into_iter().for_each(|problem| found.add(problem)),
            },
            Kind::Recipients => match id(row.line, Column::Recipient, cell(Column::Recipient)) {
                Ok(person) => {
                    if seen.insert(if folds { person.to_lowercase() } else { person.clone() }) {
                        people.push(person)
                    } else {
                        found.doubles += 1
                    }
                }
                Err(problem) => found.add(problem),
            },
        }
    }
    if found.rows == 0 && found.problems.is_empty() {
        found.add(Problem::new(head.line, None, "no-rows", ""));
    }
    if kind == Kind::Recipients && found.problems.is_empty() {
        found.imports.push((head.line, one(given, Recipients::Listed(people), zone)));
    }
    found
}

/// The broadcast that is described beside a list of recipients.
pub(super) fn one(given: &Given, recipients: Recipients, zone: &jiff::tz::TimeZone) -> Import {
    Import {
        connection: given.connection.clone(),
        sent_at: Some(moment(&given.sent_at, zone).unwrap_or_else(|_| given.sent_at.clone())),
        messages: messages(&given.message_id, &given.room),
        content: Some((given.title.clone(), given.text.clone())),
        recipients,
        sender: given.sender.clone(),
    }
}

/// That the recipients are too many from this line on.
pub(super) fn too_many(line: usize) -> Problem {
    Problem::new(line, Some(Column::Recipients), "too-many-people", "").arg("max", MOST_PEOPLE)
}

fn broken(bad: BadRow) -> Problem {
    let most = match bad.kind {
        "long-cell" | "unclosed-quote" => crate::domain::sheet::LONGEST_CELL,
        _ => crate::domain::sheet::LONGEST_ROW,
    };
    Problem::new(bad.line, None, bad.kind, "").arg("max", most >> 10)
}

/// What stands in which place of a row.
fn layout(head: &Row, kind: Kind, found: &mut Found) -> Vec<Option<Column>> {
    let mut places: Vec<Option<Column>> = Vec::new();
    for name in &head.cells {
        let column = Column::named(kind, name);
        if column.is_some() && places.contains(&column) {
            found.add(Problem::new(head.line, column, "column-twice", name));
        }
        if column.is_none() && !name.trim().is_empty() {
            found.ignored.push(Problem::new(0, None, "", name).value);
        }
        places.push(column);
    }
    for (column, needed) in Column::of(kind) {
        if *needed && !places.contains(&Some(*column)) {
            found.add(Problem::new(head.line, Some(*column), "column-missing", ""));
        }
    }
    places
}

/// A cell that a spreadsheet would take for a formula. `@name:server` is how Matrix writes a person.
fn is_formula(cell: &str) -> bool {
    let matrix = |rest: &str| {
        let plain = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "._=-/+:".contains(c));
        rest.split_once(':').is_some_and(|(name, server)| plain(name) && plain(server))
    };
    match cell.chars().next() {
        Some('=' | '+' | '-' | '＝' | '＋' | '－' | '＠') => true,
        Some('@') => !matrix(&cell[1..]),
        _ => false,
    }
}

/// A long number as a spreadsheet shows it, `1.23457E+17`: its last digits are lost.
fn is_shortened(cell: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let fraction = |s: &str| s.split_once('.').map_or_else(|| digits(s), |(whole, part)| digits(whole) && digits(part));
    cell.split_once("E+").is_some_and(|(number, exponent)| fraction(number) && digits(exponent))
}

/// Why a cell can name nothing and nobody, if it cannot.
fn unfit(cell: &str) -> Option<&'static str> {
    if is_formula(cell) {
        Some("formula")
    } else if is_shortened(cell) {
        Some("excel-number")
    } else {
        None
    }
}

fn id(line: usize, column: Column, cell: &str) -> Result<String, Problem> {
    if cell.is_empty() {
        return Err(Problem::new(line, Some(column), "required", ""));
    }
    if let Some(kind) = unfit(cell) {
        return Err(Problem::new(line, Some(column), kind, cell));
    }
    audience::ids_of(vec![cell.to_owned()], Platform::Manual).map_err(|kind| Problem::new(line, Some(column), kind, cell))?;
    Ok(cell.to_owned())
}

/// What stands in a cell of several ids, one after the other; separated as `Wanted::split` has it.
fn parts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(|c: char| c.is_whitespace() || ",;|，；、".contains(c)).filter(|part| !part.is_empty())
}

/// The messages of a broadcast; of too many only one more than it may have, which is enough to say so.
fn messages(ids: &str, room: &str) -> Vec<MessageRef> {
    let room = Some(room.trim()).filter(|room| !room.is_empty()).map(ToOwned::to_owned);
    let each = ids.split(['|', '\n', ';', '；', '、']).map(str::trim).filter(|id| !id.is_empty());
    each.take(MOST_MESSAGES + 1).map(|id| MessageRef { id: id.to_owned(), room: room.clone() }).collect()
}

fn broadcast<'r>(line: usize, cell: impl Fn(Column) -> &'r str, zone: &jiff::tz::TimeZone, doubles: &mut u64) -> Result<Import, Vec<Problem>> {
    let mut problems = Vec::new();
    for (column, _) in Column::of(Kind::Broadcasts).iter().filter(|(column, needed)| *needed && cell(*column).is_empty()) {
        problems.push(Problem::new(line, Some(*column), "required", ""));
    }
    for column in [Column::Connection, Column::MessageId, Column::Room, Column::Sender, Column::Recipients] {
        let words = cell(column);
        let long = column == Column::Room && words.chars().count() > LONGEST_ROOM;
        let kind = unfit(words).or_else(|| parts(words).any(is_shortened).then_some("excel-number")).or(long.then_some("bad-id"));
        problems.extend(kind.map(|kind| Problem::new(line, Some(column), kind, words)));
    }
    let typed = cell(Column::SentAt);
    let sent_at = if typed.is_empty() { Ok(String::new()) } else { moment(typed, zone) };
    let sent_at = sent_at.map_err(|kind| problems.push(Problem::new(line, Some(Column::SentAt), kind, typed))).ok();
    let recipients = match cell(Column::Recipients) {
        "全部" | "全部人员" | "all" => Recipients::All,
        listed => {
            let mut seen = BTreeSet::new();
            let ids: Vec<String> = parts(listed).filter(|id| seen.insert(*id)).map(ToOwned::to_owned).collect();
            *doubles += (parts(listed).count() - ids.len()) as u64;
            Recipients::Listed(ids)
        }
    };
    match (sent_at, problems.is_empty()) {
        (Some(sent_at), true) => Ok(Import {
            connection: cell(Column::Connection).to_owned(),
            sent_at: Some(sent_at),
            messages: messages(cell(Column::MessageId), cell(Column::Room)),
            content: Some((cell(Column::Title).to_owned(), cell(Column::Text).to_owned())),
            recipients,
            sender: cell(Column::Sender).to_owned(),
        }),
        _ => Err(problems),
    }
}

/// A time as spreadsheets show it, in the installation's zone, or RFC 3339; written as RFC 3339.
///
/// # Errors
/// The kind of a [`Problem`]: a serial number, a day without a time, an hour that the zone has twice or not at all, or none of these.
pub(super) fn moment(typed: &str, zone: &jiff::tz::TimeZone) -> Result<String, &'static str> {
    let typed = typed.trim();
    if Instant::parse(typed).is_some() {
        return Ok(typed.to_owned());
    }
    if typed.parse::<f64>().is_ok() {
        return Err("excel-serial");
    }
    let plain: String = typed
        .chars()
        .map(|c| match c {
            '/' | '.' | '年' | '月' => '-',
            '日' | 'T' => ' ',
            '：' | '时' => ':',
            c => c,
        })
        .collect();
    let mut words = plain.split_whitespace();
    let numbers = |word: &str, by: char| word.split(by).map(|n| n.parse::<i16>().ok().filter(|_| n.len() <= 4)).collect::<Option<Vec<i16>>>();
    let date = words.next().and_then(|word| numbers(word, '-')).unwrap_or_default();
    let [year @ 1000..=9999, month, day] = date[..] else { return Err("not-a-time") };
    let Some(clock) = words.next() else { return Err("no-clock") };
    let clock = numbers(clock.trim_end_matches('分'), ':').filter(|_| words.next().is_none()).ok_or("not-a-time")?;
    let (hour, minute, second) = match clock.as_slice() {
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return Err("not-a-time"),
    };
    let small = |n: i16| i8::try_from(n).map_err(|_| "not-a-time");
    let at =
        jiff::civil::DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).map_err(|_| "not-a-time")?;
    // Where clocks are put back an hour stands twice, where they are put forward one is left out: neither is guessed.
    let at = zone.to_ambiguous_zoned(at);
    if at.is_ambiguous() {
        return Err("ambiguous-time");
    }
    let at = at.unambiguous().map_err(|_| "not-a-time")?;
    Ok(Instant(at.timestamp().as_microsecond()).to_rfc3339())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_spreadsheets_show_them_and_never_guessed() {
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
        let read = |typed: &str| moment(typed, &zone);
        for typed in ["2026/11/27 9:05", "2026-11-27 09:05:00", "2026年11月27日 9:05", "2026.11.27 09:05", "2026-11-27T09:05"] {
            assert_eq!(read(typed).as_deref(), Ok("2026-11-27T01:05:00.000000Z"), "{typed}");
        }
        assert_eq!(read("2026-11-27T09:05:00+08:00").as_deref(), Ok("2026-11-27T09:05:00+08:00"));
        assert_eq!((read("46353.378"), read("46353")), (Err("excel-serial"), Err("excel-serial")));
        assert_eq!(read("2026/11/27"), Err("no-clock"));
        for typed in ["27/11/2026 9:05", "11-27 9:05", "2026/13/1 9:05", "2026/11/27 25:00", "上午9:05", "2026/11/27 9:05 下午", "2026/11/27 9", "-"]
        {
            assert_eq!(read(typed), Err("not-a-time"), "{typed}");
        }
    }

    #[test]
    fn an_hour_that_is_there_twice_or_not_at_all_needs_its_offset() {
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        let read = |typed: &str| moment(typed, &zone);
        assert_eq!(read("2026/10/25 2:30"), Err("ambiguous-time"), "clocks are put back");
        assert_eq!(read("2026/3/29 2:30"), Err("ambiguous-time"), "clocks are put forward");
        assert_eq!(read("2026-10-25T02:30:00+02:00").as_deref(), Ok("2026-10-25T02:30:00+02:00"));
        assert_eq!(read("2026/10/25 4:30").as_deref(), Ok("2026-10-25T03:30:00.000000Z"));
        assert_eq!(read("2026/7/1 4:30").as_deref(), Ok("2026-07-01T02:30:00.000000Z"));
    }

    #[test]
    fn a_number_that_a_spreadsheet_has_shortened_is_no_id() {
        for cell in ["1.23457E+17", "1E+10", "13.8E+9"] {
            assert_eq!(unfit(cell), Some("excel-number"), "{cell}");
        }
        for cell in ["123457170000000017", "E+", "1E10", "e1.2E+x", "1.E+3", "99999999999999999999999999"] {
            assert_eq!(unfit(cell), None, "{cell}");
        }
    }

    #[test]
    fn a_formula_is_no_id_and_a_person_on_matrix_is() {
        for cell in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1:B2)", "＝1", "@all"] {
            assert!(is_formula(cell), "{cell}");
        }
        assert!(!is_formula("@lin:example.org") && !is_formula("lin=1") && !is_formula(""));
    }
}
