//! Every table as lines of JSON and back: what a backup holds of the database. The lines are the same from SQLite and from PostgreSQL, so
//! that a backup of the one can be put into the other. Not here: the file around them, and whether a log may go on (`app::backup`).

use diesel::{
    QueryableByName, RunQueryDsl,
    connection::{DefaultLoadingMode, SimpleConnection},
    pg::PgRowByRowLoadingMode,
    sql_query,
    sql_types::{Bool, Text},
};

use super::{
    Conn, Database, StoreError,
    conn::{self, Purpose},
    months,
};

/// A table in a backup.
pub struct Table {
    pub name: &'static str,
    /// `name:type` of each column: `t`ext, `i`nteger, `b`ytes (hexadecimal in a line); `x` is a text that is left out, because it repeats
    /// what a purge erases.
    columns: &'static str,
    /// What its rows are sorted by: the order in which one row may refer to another.
    order: &'static str,
}

const fn table(name: &'static str, columns: &'static str, order: &'static str) -> Table {
    Table { name, columns, order }
}

/// All tables, each after those that it refers to, but the keys of parts (`key_copy`): what was purged must not be read in an old backup. A pending event gets another number where it is put back, in the same order.
pub const TABLES: &[Table] = &[
    table("settings", "name:t value:t", "name"),
    table("counters", "name:t value:i", "name"),
    table(
        "departments",
        "id:t name:t parent_id:t created_at:i closed_at:i version:i",
        // A department can be moved below a younger one: by how deep it lies, so that what it refers to comes first.
        "(WITH RECURSIVE up(id) AS (SELECT departments.parent_id UNION ALL SELECT d.parent_id FROM departments d JOIN up ON d.id = up.id) \
         SELECT COUNT(up.id) FROM up), id",
    ),
    table(
        "users",
        "id:t username:t display_name:t department_id:t state:t password_hash:t totp_sealed:b totp_step:i failures:i locked_until:i \
         valid_until:i lang:t theme:t created_at:i version:i signed_in_at:i",
        "id",
    ),
    table("user_roles", "user_id:t role:t", "user_id, role"),
    table(
        "invitations",
        "id:t token_hash:b kind:t roles:t department_id:t created_by:t created_at:i expires_at:i used_at:i used_by:t name:t address:t mail:t \
         link_sealed:b revoked_at:i version:i",
        "id",
    ),
    table(
        "sessions",
        "id:t token_hash:b user_id:t csrf:t state:t device_id:x client_ip:x user_agent:x flash:t created_at:i seen_at:i expires_at:i closed_at:i",
        "id",
    ),
    table("devices", "id:t user_id:t fingerprint:t components_sealed:b first_seen_at:i last_seen_at:i", "id, user_id"),
    table("tokens", "id:t name:t token_hash:b user_id:t scopes:t created_at:i expires_at:i revoked_at:i last_used_at:i", "id"),
    table("exports", "id:t owner_id:t session_id:t format:t query_sealed:b log_size:i created_at:i", "id"),
    table("passkeys", "id:t user_id:t name:t credential_id:b public_key:b counter:i synced:i spent_at:i created_at:i used_at:i", "id"),
    table("recovery_codes", "user_id:t code_hash:b created_at:i used_at:i", "user_id, code_hash"),
    table(
        "imports",
        "id:t kind:t state:t owner_id:t digest:b size:i encoding:t separator:t file_sealed:b about_sealed:b done:i total:i problems:i \
         broadcasts:i recipients:i doubles:i created_at:i ended_at:i version:i",
        "id",
    ),
    table("searches", "id:t owner_id:t shared:i sealed:b created_at:i list:t", "id"),
    table("idempotency", "token_id:t request_key:t body_hash:b status:i answer:t created_at:i", "token_id, request_key"),
    table("connections", "id:t name:t platform:t settings:t secret_sealed:b state:t agreement:t created_at:i version:i", "id"),
    table(
        "broadcasts",
        "id:t origin:t connection_id:t platform:t channel:t sender_id:t department_id:t state:t title_sealed:b content_sealed:b key_sealed:b \
         content_salt:b commitment:b audience_sealed:b recipients_count:i recipients_root:b sent_at:i sent_at_source:t created_at:i version:i \
         erased_at:i erased_counts:t",
        "id",
    ),
    table("messages", "id:t broadcast_id:t piece:i audience_sealed:b platform_id:t room:t state:t sent_at:i recall_state:t recall_attempts:i", "id"),
    table(
        "recipients",
        "broadcast_id:t platform_id:t message_id:t salt:b delivery:t read_state:t read_at:i read_source:t outcome:t outcome_at:i",
        "broadcast_id, platform_id",
    ),
    table(
        "attachments",
        "id:t broadcast_id:t recall_id:t kind:t name:t media_type:t size:i sha256:b sealed:b uploaded_by:t uploaded_at:i confirmed_by:t \
         confirmed_at:i",
        "id",
    ),
    table(
        "recalls",
        "id:t number:t broadcast_id:t requester_id:t department_id:t state:t open_levels:t round:i mode:t harm_class:t request_sealed:b \
         cut_off:i due_1:i due_2:i due_3:i recipients_count:i recipients_root:b commitment:b policy_id:t policy_version:i halted_at:i \
         submitted_at:i approved_at:i finished_at:i closed_at:i tally:t version:i erased_at:i \
         platform:t sender_id:t escalated:t correction_id:t",
        "id",
    ),
    table(
        "decisions",
        "id:t recall_id:t round:i level:i decider_id:t decision:t comment_sealed:b method:t statement:b shown:b event_id:t client_ip:x \
         device_id:x at:i principal_id:t answers:t",
        "id",
    ),
    table(
        "calls",
        "id:t kind:t connection_id:t broadcast_id:t recall_id:t message_id:t attempt:i state:t started_at:i answered_at:i result:t code:t \
         raw_sealed:b started_event:t answered_event:t",
        "id",
    ),
    table("bundles", "id:t number:t recall_id:t log_size:i path:t sha256:b size:i sealed_at:i erased_at:i", "id"),
    table(
        "jobs",
        "id:t kind:t job_key:t payload:t state:t run_at:i attempts:i lease_until:i lease_owner:t last_error:t created_at:i done_at:i",
        "id",
    ),
    table("log_keys", "id:i vkey:t mldsa:t announced:t retired:t ends_at:i stolen:t", "id"),
    table("log_head", "id:i size:i root:b frontier:b last_at:i checkpoint_seq:i mac:b", "id"),
    table("log_events", "idx:i event_id:t leaf:b", "idx"),
    table("log_pending", "event_id:t leaf:b mac:b", "seq"),
    table("log_parts", "month:t event_id:t name:t salt:b sealed:b bucket:t", "event_id, name, month"),
    table("log_tiles", "level:i idx:i hashes:b", "level, idx"),
    table("log_checkpoints", "seq:i size:i note:t", "seq"),
    table(
        "log_search",
        "idx:i event_id:t at:i action:t outcome:t actor_id:t actor_name:x subject_kind:t subject_id:t case_id:t session_id:t client_ip:x \
         device_id:x",
        "idx",
    ),
    table("mail_addresses", "user_id:t address:t", "user_id"),
    table(
        "remediation_steps",
        "id:t recall_id:t strategy:t owner_id:t due_at:i state:t note_sealed:b set_by:t set_at:i ended_by:t ended_at:i said_sealed:b version:i",
        "id",
    ),
    table("recall_entries", "id:t recall_id:t round:i level:i kind:t by_id:t to_id:t text_sealed:b at:i", "id"),
    table("duty_shifts", "id:t user_id:t from_at:i until_at:i added_by:t added_at:i ended_by:t ended_at:i", "id"),
    table(
        "recall_orders",
        "id:t recall_id:t officer_id:t harm_class:t reason_sealed:b levels:t due_at:i state:t method:t event_id:t client_ip:x device_id:x at:i \
         overdue_at:i ended_at:i release_by:t release_at:i release_sealed:b released_by:t released_at:i version:i",
        "id",
    ),
    table(
        "ratifications",
        "id:t order_id:t recall_id:t level:i by_id:t verdict:t comment_sealed:b method:t event_id:t client_ip:x device_id:x at:i",
        "id",
    ),
    table(
        "self_recalls",
        "id:t number:t broadcast_id:t filer_id:t department_id:t state:t extent:t withdrawn_at:i note_sealed:b filed_at:i checker_id:t \
         checked_at:i check_sealed:b version:i",
        "id",
    ),
    table(
        "delegations",
        "id:t principal_id:t delegate_id:t levels:t department_id:t reason_sealed:b from_at:i until_at:i made_at:i ended_at:i ended_by:t \
         end_sealed:b",
        "id",
    ),
    table("notices", "id:t recall_id:t user_id:t kind:t round:i level:i state:t problem:t created_at:i ended_at:i", "id"),
    table(
        "holds",
        "id:t state:t scope:t reason_sealed:b proposed_by:t proposed_at:i placed_by:t placed_at:i release_reason_sealed:b \
         release_proposed_by:t release_proposed_at:i ended_by:t ended_at:i version:i found:t search_sealed:b",
        "id",
    ),
    table(
        "audits",
        "id:t number:t title:t from_at:i to_at:i as_at:i exceptions:t sample_size:i seed:t seed_source:t walk:t opened_by:t opened_at:i \
         opened_event:t",
        "id",
    ),
    table(
        "audit_packs",
        "id:t audit_id:t state:t requested_by:t requested_at:i done:i total:i number:t log_size:i cases:i path:t sha256:b size:i verified:i \
         sealed_at:i erased_at:i",
        "id",
    ),
    table(
        "audit_questions",
        "id:t audit_id:t number:i asked_by:t asked_of:t asked_at:i asked_event:t question_sealed:b cases:t events:t answered_at:i \
         answered_event:t answer_sealed:b",
        "id",
    ),
    table(
        "streams",
        "id:t name:t kind:t settings:t secrets_sealed:b state:t next_index:i failures:i failing_since:i stuck_at:i problem:t tried_at:i \
         delivered_at:i lease_owner:t lease_until:i created_at:i version:i",
        "id",
    ),
    table("log_purges", "event_id:t list:t", "event_id"),
    table("log_cosignatures", "size:i witness:t line:t", "size, witness"),
    table("witnesses", "name:t vkey:t size:i seen_at:i problem:t", "name"),
    table(
        "timestamps",
        "id:t authority:t subject:t bundle_id:t log_size:i stamped:b state:t query:b answer:b chain:t stamped_at:i refusal:t attempts:i \
         asked_at:i valid_until:i renewed_by:t revocation:t",
        "id",
    ),
    table("revocation_lists", "id:t issuer:t begins:i ends:i source:t kept_at:i list:b", "id"),
    table(
        "policies",
        "id:t nonce:t base:i origin:i rules:t state:t version:i reason_sealed:b proposed_by:t proposed_at:i ended_by:t ended_at:i ending_sealed:b",
        "id",
    ),
    table("alert_rules", "rule:t version:i settings:t changed_by:t changed_at:i", "rule, version"),
    table(
        "alerts",
        "id:t rule:t rule_version:i severity:t subject_kind:t subject_id:t dedupe:t state:t explanation:t first_at:i last_at:i last_idx:i \
         raised_at:i acknowledged_by:t acknowledged_at:i note_sealed:b version:i",
        "id",
    ),
];

/// Bytes of lines that are put into the database by one statement, as long as more than one line fits.
const WEIGHT: usize = 1 << 20;

impl Table {
    /// Names and types of the columns, in the order of a line.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.columns.split_whitespace().filter_map(|column| column.split_once(':'))
    }

    /// The names of the columns, in the order of a line.
    pub fn names(&self) -> Vec<&'static str> {
        self.columns().map(|(name, _)| name).collect()
    }

    /// The statement that answers one line a row.
    fn select(&self, conn: &Conn) -> String {
        let (array, sqlite) = match conn {
            Conn::Sqlite(_) => ("json_array", true),
            Conn::Postgres(_) => ("json_build_array", false),
        };
        let values = self.columns().map(|(name, kind)| match (kind, sqlite) {
            // SQLite's hex() of NULL is an empty text.
            ("b", true) => format!("CASE WHEN {name} IS NULL THEN NULL ELSE lower(hex({name})) END"),
            ("b", false) => format!("encode({name}, 'hex')"),
            ("x", _) => "NULL".to_owned(),
            _ => name.to_owned(),
        });
        let values: Vec<String> = values.collect();
        let text = if sqlite { "" } else { "::text" };
        format!("SELECT {array}({}){text} AS line FROM {} ORDER BY {}", values.join(", "), self.name, self.order)
    }

    /// The statement that puts in the rows of a JSON list of lines.
    fn insert(&self, conn: &Conn) -> String {
        let sqlite = matches!(conn, Conn::Sqlite(_));
        let values = self.columns().enumerate().map(|(at, (_, kind))| match (kind, sqlite) {
            ("b", true) => format!("unhex(json_extract(value, '$[{at}]'))"),
            (_, true) => format!("json_extract(value, '$[{at}]')"),
            ("b", false) => format!("decode(value ->> {at}, 'hex')"),
            ("i", false) => format!("(value ->> {at})::bigint"),
            (_, false) => format!("value ->> {at}"),
        });
        let (names, values) = (self.names().join(", "), values.collect::<Vec<_>>().join(", "));
        let rows = match conn {
            Conn::Sqlite(_) => "json_each(?1) ORDER BY key",
            Conn::Postgres(_) => "jsonb_array_elements($1::jsonb) WITH ORDINALITY AS rows (value, key) ORDER BY key",
        };
        format!("INSERT INTO {} ({names}) SELECT {values} FROM {rows}", self.name)
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Hands each row of `table` to `each` as one line, in order, holding one at a time; answers how many there were.
pub fn dump<E: From<StoreError>>(conn: &mut Conn, table: &Table, mut each: impl FnMut(&str) -> Result<(), E>) -> Result<u64, E> {
    let query = sql_query(table.select(conn));
    let mut rows = 0;
    let mut take = |row: diesel::QueryResult<Line>| {
        rows += 1;
        each(&row.map_err(StoreError::from)?.line)
    };
    match conn {
        Conn::Sqlite(c) => query.load_iter::<Line, DefaultLoadingMode>(c).map_err(StoreError::from)?.try_for_each(&mut take)?,
        Conn::Postgres(c) => query.load_iter::<Line, PgRowByRowLoadingMode>(c).map_err(StoreError::from)?.try_for_each(&mut take)?,
    }
    Ok(rows)
}

/// Puts `lines` back as rows of `table`; answers how many there were.
///
/// # Errors
/// What `lines` gives; lines that are no rows of the table.
pub fn load<E: From<StoreError>>(conn: &mut Conn, table: &Table, lines: impl Iterator<Item = Result<String, E>>) -> Result<u64, E> {
    let sql = table.insert(conn);
    let mut put = |lines: &mut String| {
        let list = format!("[{lines}]");
        lines.clear();
        crate::on_each!(&mut *conn, c => sql_query(&sql).bind::<Text, _>(list).execute(c)).map_err(StoreError::from)
    };
    let (mut waiting, mut rows) = (String::new(), 0);
    for line in lines {
        let line = line?;
        if !waiting.is_empty() && waiting.len() + line.len() > WEIGHT {
            put(&mut waiting)?;
        }
        if !waiting.is_empty() {
            waiting.push(',');
        }
        waiting.push_str(&line);
        rows += 1;
    }
    if !waiting.is_empty() {
        put(&mut waiting)?;
    }
    Ok(rows)
}

/// Whether no table holds a row.
pub fn is_empty(conn: &mut Conn) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        found: bool,
    }
    for Table { name, .. } in TABLES {
        let ask = format!("SELECT EXISTS (SELECT 1 FROM {name}) AS found");
        let found: Found = crate::on_each!(&mut *conn, c => sql_query(&ask).get_result(c))?;
        if found.found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Runs `work` on a database of this program in one transaction that nobody else's write falls into, and keeps what it did or nothing.
pub fn refill<T, E: From<StoreError>>(database: &Database, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    let mut conn = conn::open(database, Purpose::Write)?;
    match &mut conn {
        Conn::Sqlite(_) => conn::begin(&mut conn, "BEGIN IMMEDIATE")?,
        Conn::Postgres(_) => {
            conn::begin(&mut conn, "BEGIN ISOLATION LEVEL READ COMMITTED")?;
            let names: Vec<&str> = TABLES.iter().map(|t| t.name).collect();
            let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", names.join(", "));
            crate::on_each!(&mut conn, c => c.batch_execute(&lock)).map_err(StoreError::from)?;
        }
    }
    // Dropping the connection undoes it all.
    let done = work(&mut conn)?;
    conn::commit(&mut conn)?;
    Ok(done)
}

/// After the parts were put back on PostgreSQL: a partition for each of their months, as if they had come one by one.
pub fn partition(conn: &mut Conn) -> Result<(), StoreError> {
    let Conn::Postgres(pg) = conn else { return Ok(()) };
    let months: Vec<Line> = sql_query("SELECT DISTINCT month::text AS line FROM log_parts_rest WHERE month ~ '^[0-9]{4}-[0-9]{2}$'").load(pg)?;
    for Line { line } in months {
        months::make(pg, &line)?;
    }
    Ok(())
}
