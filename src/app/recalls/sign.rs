//! A decision that a passkey signs: the statement is made and shown first, with random values of its own, and the passkey is asked for exactly
//! that one. The decision makes it again of what was posted and of the case as it is: where the two differ in anything, the signature is over
//! something else. Not here: what the decision does (`decide`).

use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, Loaded,
    decide::{self, Decide, Seen},
    load, refused, subject, weighing,
};
use crate::{
    app::{
        Done,
        delegations::grants,
        passkeys::{self, Answer, Bound, Purpose, Question},
        step_up,
    },
    clock::Instant,
    crypto::{self, webauthn::Signed},
    domain::{
        account::Method,
        event::Action,
        recall::{Rules, Verb, approval, weighing::Answers},
        role::Permission,
    },
    ledger::{
        commitment,
        set::Set,
        statement::{Policy, Statement},
    },
    store::{StoreError, Tx, recalls::RecallRow},
};

/// A statement as it is put before its decider.
#[derive(Clone, Debug)]
pub struct ToSign {
    pub id: String,
    pub number: String,
    pub title: String,
    pub level: u8,
    pub verb: Verb,
    pub comment: String,
    /// What level 2 was asked.
    pub answers: Answers,
    /// On whose behalf: name; and the delegation. Nothing in their own name.
    pub behalf: Option<(String, String)>,
    pub recipients: i64,
    pub deadline: Instant,
    pub version: i64,
    /// What it binds of the page.
    pub summary: String,
    /// Its canonical bytes.
    pub statement: String,
    pub sha256: String,
    /// What the passkey is asked (JSON for `passkey.js`).
    pub ask: String,
}

/// What a statement says beside the case.
pub(super) struct Said<'s> {
    pub(super) level: u8,
    pub(super) verb: Verb,
    pub(super) comment: &'s str,
    pub(super) summary: &'s str,
    pub(super) decider: &'s str,
    pub(super) nonce: [u8; 32],
    pub(super) salt: [u8; 32],
}

/// The canonical bytes of the statement on the case as it is.
pub(super) fn statement(row: &RecallRow, said: &Said<'_>) -> Result<Vec<u8>, StoreError> {
    let comment = commitment::canonical(&json!({ "comment": said.comment })).map_err(|e| StoreError::Event(e.to_string()))?;
    let statement = Statement {
        case: row.id.clone(),
        level: said.level,
        decision: said.verb.as_str().to_owned(),
        // That of the event's `text` part, with a salt of its own.
        comment: commitment::commit(&said.salt, &comment),
        message: hash(&row.commitment)?,
        recipients: Set { count: u64::try_from(row.recipients_count).unwrap_or(0), root: hash(&row.recipients_root)? },
        policy: Policy { id: row.policy_id.clone(), version: u64::try_from(row.policy_version).unwrap_or(1) },
        deadline: deadline(row),
        shown: crypto::sha256(said.summary.as_bytes()),
        decider: said.decider.to_owned(),
        nonce: said.nonce,
    };
    statement.to_bytes().map_err(|e| StoreError::Corrupt(e.to_string()))
}

fn deadline(row: &RecallRow) -> Instant {
    Instant(row.cut_off.unwrap_or(row.due_3))
}

fn hash(bytes: &[u8]) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt("a hash of a case is not 32 bytes".to_owned()))
}

/// What a decision is proven by, before it is verified: a code, or a passkey's answer to a statement.
pub(super) struct Proof<'p> {
    given: &'p str,
    answer: Option<Answer>,
}

impl<'p> Proof<'p> {
    /// Reads what was posted; the answer must be to a statement on this case.
    pub(super) fn read(app: &App, case: &str, given: &'p str) -> AppResult<Self> {
        let given = given.trim();
        if !passkeys::is_answer(given) {
            return Ok(Self { given, answer: None });
        }
        let answer = passkeys::read(app.store.keys(), given).filter(|a| a.question.bound.as_ref().is_some_and(|b| b.case == case));
        answer.map(|answer| Self { given, answer: Some(answer) }).ok_or_else(|| AppError::invalid(step_up::FIELD, "passkey-stale"))
    }

    /// Nonce and salt of the statement: those of the one that was signed, or fresh ones.
    pub(super) fn random(&self) -> ([u8; 32], [u8; 32]) {
        let bound = self.answer.as_ref().and_then(|answer| answer.question.bound.as_ref());
        bound.map_or_else(|| (crypto::random(), crypto::random()), |bound| (bound.nonce, bound.salt))
    }

    /// Verifies and spends it for `statement`.
    ///
    /// # Errors
    /// The inner error is a refusal: those of `step_up::spend_totp` and `passkeys::spend`, and `Invalid` with kind `statement-changed` where what
    /// was signed is not what is to be decided.
    pub(super) fn spend(&self, tx: &mut Tx<'_>, app: &App, user: &str, statement: &[u8]) -> Result<AppResult<(Method, Option<Signed>)>, StoreError> {
        let Some(answer) = &self.answer else {
            return Ok(step_up::spend_totp(tx, app.store.keys(), user, self.given)?.map(|method| (method, None)));
        };
        if !crypto::same(answer.question.challenge(), &crypto::sha256(statement)) {
            return Ok(Err(AppError::invalid(step_up::FIELD, "statement-changed")));
        }
        let spent = passkeys::spend(tx, answer, Purpose::Decision, user, user)?;
        Ok(spent.map(|key| (Method::Passkey, Some(passkeys::signed(answer, &key)))))
    }
}

/// Makes the statement of a decision and what a passkey is asked for it. Nothing is decided yet.
///
/// # Errors
/// As `decide::decide` without those of a code, and `Refused` with kind `no-passkey`. Each is recorded, the typed comment with it.
pub async fn prepare(app: &App, caller: &Caller, id: &str, input: Decide, credentials: &[Vec<u8>]) -> AppResult<Done<ToSign>> {
    let action = Action::StatementMade;
    let caller = &grants::as_shown(app, caller, id, input.behalf.as_deref().unwrap_or_default()).await?;
    let seen = decide::seen(app, caller, id, action, Permission::RecallDecide).await?;
    let Seen { loaded, title, summary } = seen;
    let case_id = loaded.row.id.clone();
    let (verb, comment, answered) = match decide::parse(&input, false) {
        Ok(parsed) => parsed,
        Err(error) => return Err(app.refuse(caller, action, subject(&case_id), Some(&case_id), error).await),
    };
    let (app2, caller2, credentials) = (app.clone(), caller.clone(), credentials.to_vec());
    let seen_version = loaded.case.version;
    let written = app
        .store
        .write(move |tx| {
            let event = caller2.event(action, subject(&case_id)).case(&case_id).text(json!({ "comment": comment }));
            let Loaded { row, case, .. } = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let now = tx.now();
            let who = decide::shown_as(tx.conn, &caller2, input.behalf.as_deref(), now)?;
            let level = decide::level_for(&case, &who);
            let answers = match weighing::at(level, &answered) {
                Ok(answers) => answers,
                Err(error) => return refused(tx, event, error),
            };
            let ballot = weighing::ballot(tx.conn, &app2.store.keys().envelope, (&row, &case), (level, verb, input.seen), &answers)?;
            if let Err(guard) = approval::decide(Rules::ALL, &case, &who, ballot, now) {
                return refused(tx, event, weighing::refusal(guard, &answers));
            }
            let grant = decide::in_whose_name(&case, &who, level);
            if case.version != seen_version || decide::as_another(grant, input.behalf.as_deref()) {
                return refused(tx, event, AppError::Conflict);
            }
            let (nonce, salt) = (crypto::random(), crypto::random());
            let summary = format!("{summary}{}", answers.lines());
            let said = Said { level, verb, comment: &comment, summary: &summary, decider: &who.user.0, nonce, salt };
            let bytes = statement(&row, &said)?;
            let sha256 = crypto::sha256(&bytes);
            let question = Question::new(&app2, Purpose::Decision, &who.user.0, sha256).filter(|_| !credentials.is_empty());
            let bound = Bound { case: row.id.clone(), nonce, salt };
            let Some(ask) = question.and_then(|question| question.bind(bound).ask(&app2, &credentials)) else {
                return refused(tx, event, AppError::refused("no-passkey"));
            };
            let detail = json!({ "level": level, "decision": verb, "statement_sha256": hex::encode(sha256) });
            tx.append(event.detail(detail))?;
            Ok(Ok(ToSign {
                deadline: deadline(&row),
                id: row.id,
                number: row.number,
                title: title.clone(),
                level,
                verb,
                comment: comment.clone(),
                answers,
                behalf: grant.map(|grant| (grant.name.clone(), grant.id.clone())),
                recipients: row.recipients_count,
                version: case.version,
                summary,
                statement: String::from_utf8(bytes).map_err(|e| StoreError::Corrupt(e.to_string()))?,
                sha256: hex::encode(sha256),
                ask,
            }))
        })
        .await?;
    Done::from_write(written)
}
