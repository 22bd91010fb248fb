//! Writing a pack: the leaves of the period go from the database into the file as they are read, and the findings are made on the way.
//! Memory grows with the cases, not with the events. The same audit at the same size of the log gives the same bytes, as long as nothing
//! that the log does not hold has changed (names of departments, accounts whose events were erased).

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    App, access, engagement,
    sources::{inclusion, numbers, of_tables, questions},
};
use crate::{
    app::{
        evidence::{gone, parts_of},
        retention, timestamps,
    },
    clock::Instant,
    crypto::{keyring::LogKeys, private},
    domain::{audit::MARGIN, event::Action, stream::MISSING},
    evidence::{
        audit::{
            GUIDE,
            bag::{Bag, Info, stamp},
            columns,
            facts::{self, AccessFacts, Day, Engagement, FORMAT, Facts},
            findings::{Findings, Found, OPENED},
            report::{Material, report},
            tables,
        },
        collected::{Content, Entry},
        columns::{Column, dictionary},
        paper,
        report::{LogFacts, pretty},
        succession,
        tables::Event,
        timestamps::Token,
    },
    i18n::Lang,
    ledger::{
        checkpoint::{self, Checkpoint},
        commitment::commit,
        leaf::Leaf,
        mldsa::MldsaVkey,
        note::Vkey,
        range::RangeProof,
    },
    store::{
        Store, StoreError,
        audits::AuditRow,
        reader::{self, OpenPart, StoredEvent, TileReader},
        successions,
    },
};

/// Leaves read at a time, and in one file.
const PIECE: u64 = 1000;
const FILE: u64 = 20_000;

/// What was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub number: String,
    pub log_size: u64,
    pub cases: u64,
    /// Bytes of what is in it.
    pub unpacked: u64,
    /// Whose signature it carries.
    pub vkey: Vkey,
    /// That signature: what a timestamp is over.
    pub signature: [u8; 64],
}

/// Told how many leaves of how many are written.
pub(super) type Progress<'p> = dyn Fn(u64, u64) -> Result<(), StoreError> + 'p;

fn broken(path: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull => StoreError::Full,
        _ => StoreError::Unavailable(format!("{}: {error}", path.display())),
    }
}

/// Where a pack lies until [`seal`].
fn draft_of(path: &Path) -> PathBuf {
    path.with_extension("zip.part")
}

/// Writes the pack of an audit at the size of `note` beside `path`, for [`seal`] to put it there. For a thread that may block.
pub(super) fn write(app: &App, audit: &AuditRow, note: &str, path: &Path, progress: &Progress<'_>) -> Result<Written, StoreError> {
    let draft = draft_of(path);
    let parts = path.with_extension("parts.part");
    let failed = |e: io::Error| broken(path, &e);
    private::folder(path.parent().unwrap_or(Path::new(""))).map_err(failed)?;
    let written = Writer::new(app, audit, note, &draft, &parts).and_then(|writer| writer.all(progress));
    let _ = fs::remove_file(&parts);
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Adds tokens over its signature to the pack that was written, and puts it at `path`, whole or not at all; its hash and its length.
pub(super) fn seal(number: &str, path: &Path, tokens: &[Token]) -> Result<([u8; 32], u64), StoreError> {
    let draft = draft_of(path);
    let sealed = || {
        let file = File::options().read(true).write(true).open(&draft)?;
        let file = if tokens.is_empty() { file } else { stamp(file, number, tokens)? };
        file.sync_all()?;
        let told = digest(&draft)?;
        fs::rename(&draft, path).map(|()| told)
    };
    let sealed = sealed();
    if sealed.is_err() {
        let _ = fs::remove_file(&draft);
    }
    sealed.map_err(|e| broken(path, &e))
}

/// SHA-256 and length of a file, read piece by piece.
pub(super) fn digest(path: &Path) -> io::Result<([u8; 32], u64)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok((hasher.finalize().into(), size));
        }
        hasher.update(&buffer[..n]);
        size += n as u64;
    }
}

/// The number of a pack, which is also its folder's and its file's name.
pub(super) fn number(audit: &AuditRow, size: u64) -> String {
    format!("{}-{size}", audit.number)
}

struct Writer<'a> {
    app: &'a App,
    store: &'a Store,
    audit: &'a AuditRow,
    said: Engagement,
    period: (Instant, Instant),
    note: &'a str,
    checkpoint: Checkpoint,
    bag: Bag<File>,
    /// Opened details, kept apart until the leaves are written.
    parts: File,
    parts_path: &'a Path,
    findings: Findings,
    /// What the tables say of the cases of this pack, by event.
    fallback: BTreeMap<String, Value>,
    opening_in_run: bool,
    /// Time of the log's last event.
    last_at: Instant,
    /// Taken once: keys may change while a pack is made.
    keys: (Vkey, Option<MldsaVkey>, LogKeys),
}

impl<'a> Writer<'a> {
    fn new(app: &'a App, audit: &'a AuditRow, note: &'a str, draft: &Path, parts: &'a Path) -> Result<Self, StoreError> {
        let keys = app.store.signing()?;
        let checkpoint = checkpoint::open(note, &keys.0).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")))?;
        let failed = |e: io::Error| broken(draft, &e);
        let (said, period) = (engagement(audit), (Instant(audit.from_at), Instant(audit.to_at)));
        let size = checkpoint.size;
        let last_at = app.store.read_now(move |conn| Ok(reader::event(conn, size.saturating_sub(1))?.leaf.at))?;
        Ok(Self {
            bag: Bag::new(private::file(draft).map_err(failed)?, &number(audit, size)),
            parts: private::file(parts).map_err(failed)?,
            parts_path: parts,
            findings: Findings::new(&said, period),
            app,
            store: &app.store,
            audit,
            said,
            period,
            note,
            checkpoint,
            fallback: BTreeMap::new(),
            opening_in_run: false,
            last_at,
            keys,
        })
    }

    fn failed(&self, error: io::Error) -> StoreError {
        broken(self.parts_path, &error)
    }

    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.bag.put(path, bytes).map_err(|e| self.failed(e))
    }

    fn all(mut self, progress: &Progress<'_>) -> Result<Written, StoreError> {
        let proof = self.range()?;
        self.run(&proof, progress)?;
        self.beyond(&proof)?;
        self.proofs(&proof)?;
        let parts = fs::read(self.parts_path).map_err(|e| self.failed(e))?;
        self.put("parts.jsonl", &parts)?;
        drop(parts);
        let findings = std::mem::replace(&mut self.findings, Findings::new(&self.said, self.period));
        let found = findings.finish();
        self.rest(&found)?;
        let (vkey, _, keys) = self.keys;
        let (number, unpacked) = (number(self.audit, self.checkpoint.size), self.bag.octets());
        let (day, pem) = (self.last_at.to_rfc3339()[..10].to_owned(), vkey.to_pem());
        let info = Info { organisation: &self.app.config.tenant, number: &number, date: &day, description: &self.audit.number };
        let authorities = timestamps::roots(&self.app.config).to_pem();
        let (_, signature) = self.bag.finish(&info, &pem, &authorities, &keys.log).map_err(|e| broken(self.parts_path, &e))?;
        Ok(Written { number, log_size: self.checkpoint.size, cases: found.cases.len() as u64, unpacked, vkey, signature })
    }

    /// From the last event before the period's margin to the first one after it.
    fn range(&self) -> Result<RangeProof, StoreError> {
        let ((from, to), size) = (self.period, self.checkpoint.size);
        self.store.read_now(move |conn| {
            let (first, last) = reader::span(conn, (from.minus(MARGIN), to.plus(MARGIN)), size)?;
            let first = first.unwrap_or(size).saturating_sub(1);
            let end = last.map_or(1, |last| last + 2).clamp(first + 1, size.max(first + 1));
            RangeProof::prove(&TileReader::new(conn), first, end, size).map_err(|e| StoreError::Corrupt(format!("the tree: {e}")))
        })
    }

    fn run(&mut self, proof: &RangeProof, progress: &Progress<'_>) -> Result<(), StoreError> {
        let total = proof.end - proof.first;
        let mut index = proof.first;
        while index < proof.end {
            if (index - proof.first).is_multiple_of(FILE) {
                progress(index - proof.first, total)?;
                self.bag.begin(&format!("leaves/{index:012}.jsonl")).map_err(|e| self.failed(e))?;
            }
            let in_file = FILE - (index - proof.first) % FILE;
            let wanted = PIECE.min(proof.end - index).min(in_file);
            let events = self.store.read_now(|conn| reader::events_from(conn, index, i64::try_from(wanted).unwrap_or(i64::MAX)))?;
            if events.len() as u64 != wanted || events.iter().zip(index..).any(|(e, i)| e.index != i) {
                return Err(StoreError::Corrupt(format!("events {index} and following are not all there")));
            }
            for event in &events {
                self.bag.write_all(&event.bytes).and_then(|()| self.bag.write_all(b"\n")).map_err(|e| self.failed(e))?;
                self.opening_in_run |= event.leaf.id == self.audit.opened_event;
            }
            self.take(&events, true)?;
            index += wanted;
        }
        progress(total, total)
    }

    /// Feeds events to the findings, with the details that these want.
    fn take(&mut self, events: &[StoredEvent], feed: bool) -> Result<(), StoreError> {
        let opening = |leaf: &Leaf| leaf.id == self.audit.opened_event;
        let candidates: Vec<String> = events
            .iter()
            .filter(|e| opening(&e.leaf) || (e.leaf.case.is_some() && OPENED.iter().any(|a| a.as_str() == e.leaf.action)))
            .map(|e| e.leaf.id.clone())
            .collect();
        let store = self.store;
        let mut parts = store.read_now(|conn| reader::parts_of_many(conn, store.keys(), &candidates))?;
        for event in events {
            let opens = event.leaf.id == self.audit.opened_event;
            let mut detail = None;
            if self.findings.wants(&event.leaf) || opens {
                let part = parts.remove(&event.leaf.id).into_iter().flatten().find(|p| p.name == "detail");
                detail = self.detail(event, part)?;
            }
            if feed {
                let detail = detail.or_else(|| self.fallback.get(&event.leaf.id).cloned());
                self.findings.feed(event.index, &event.bytes, &event.leaf, detail.as_ref());
            }
        }
        Ok(())
    }

    /// Keeps the line that opens a detail; what the tables say in its place where it was erased.
    fn detail(&mut self, event: &StoredEvent, part: Option<OpenPart>) -> Result<Option<Value>, StoreError> {
        let Some(commitment) = event.leaf.parts.get("detail") else { return Ok(None) };
        let mut line = json!({ "index": event.index, "event": event.leaf.id, "name": "detail" });
        let value = match part {
            Some(part) => {
                let salt: [u8; 32] = part.salt.try_into().map_err(|_| StoreError::Corrupt("log_parts.salt is not 32 bytes".to_owned()))?;
                if commit(&salt, &part.value) != *commitment {
                    return Err(StoreError::Corrupt(format!("the detail of event {} does not open its commitment", event.index)));
                }
                line["salt"] = json!(hex::encode(salt));
                line["value"] = json!(String::from_utf8_lossy(&part.value));
                serde_json::from_slice(&part.value).ok()
            }
            None => {
                let why = self.store.read_now(|conn| gone(conn, event, &[], Some(&retention::cuts(self.app))))?;
                line["withheld"] = json!(why.get("detail").copied().unwrap_or(MISSING));
                let leaf = event.leaf.clone();
                if let Some(said) = self.store.read_now(move |conn| of_tables(conn, &leaf))? {
                    self.fallback.insert(event.leaf.id.clone(), said);
                }
                None
            }
        };
        self.parts.write_all(format!("{line}\n").as_bytes()).map_err(|e| self.failed(e))?;
        Ok(value)
    }

    /// What happened to the cases after the run, and the event that recorded the audit itself.
    fn beyond(&mut self, proof: &RangeProof) -> Result<(), StoreError> {
        let (mut found, size) = (BTreeMap::new(), self.checkpoint.size);
        for case in self.findings.open_cases() {
            for event in self.store.read_now(|conn| reader::events_of_case(conn, &case, Some(size)))? {
                let closes = event.leaf.action == Action::CaseClosed.as_str();
                if event.index >= proof.end {
                    found.insert(event.index, event);
                }
                if closes {
                    break;
                }
            }
        }
        if !self.opening_in_run {
            let index = self.store.index_of(&self.audit.opened_event.as_str().into())?.filter(|index| *index < size).ok_or(StoreError::NotFound)?;
            let event = self.store.read_now(|conn| reader::event(conn, index))?;
            found.insert(index, event);
        }
        let (before, after): (Vec<StoredEvent>, Vec<StoredEvent>) = found.into_values().partition(|e| e.index < proof.end);
        self.take(&before, false)?;
        self.take(&after, true)?;
        let events = [before, after].concat();
        let leaves: Vec<u8> = events.iter().flat_map(|e| [e.bytes.as_slice(), b"\n"].concat()).collect();
        self.put("leaves/beyond.jsonl", &leaves)?;
        let lines = self.store.read_now(|conn| inclusion(conn, size, &events))?;
        self.put("proofs/beyond.jsonl", lines.as_bytes())
    }

    fn proofs(&mut self, proof: &RangeProof) -> Result<(), StoreError> {
        let hashes = |all: &[[u8; 32]]| all.iter().map(hex::encode).collect::<Vec<_>>();
        let range = json!({
            "first": proof.first, "end": proof.end, "size": proof.size, "before": hashes(&proof.before), "consistency": hashes(&proof.consistency),
        });
        self.put("proofs/range.json", &pretty(&range))?;
        let note = self.note;
        let signature = checkpoint::raw_signature(note, &self.keys.0).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")))?;
        self.put("proofs/checkpoint.note", note.as_bytes())?;
        let text = self.checkpoint.text();
        self.put("proofs/checkpoint.txt", text.as_bytes())?;
        self.put("proofs/checkpoint.txt.ed25519.sig", &signature)?;
        let (origin, size) = (self.checkpoint.origin.clone(), self.checkpoint.size);
        let links = self.store.read_now(|conn| successions::of(conn, &origin, size))?;
        if links.is_empty() { Ok(()) } else { self.put("proofs/succession.jsonl", succession::text(&links).as_bytes()) }
    }

    fn rest(&mut self, found: &Found) -> Result<(), StoreError> {
        let (zone, size) = (self.app.config.time_zone.clone(), self.checkpoint.size);
        let (access, access_facts) = self.store.read_now(|conn| access::list(self.store, conn, Instant(self.audit.as_at), size))?;
        let questions = self.store.read_now(|conn| questions(self.store, conn, &self.audit.id, size))?;
        let numbers = self.store.read_now(|conn| numbers(conn, &zone, self.period, self.last_at, found))?;
        let walk_case = self.walk_case(found);
        let walk = match &walk_case {
            Some(case) => self.walk(case, size)?,
            None => Vec::new(),
        };
        let csv = [
            ("cases.csv", "案件总体", columns::CASES, tables::cases(found, &zone)),
            ("exceptions.csv", "例外", columns::EXCEPTIONS, tables::exceptions(found)),
            ("sample.csv", "样本", columns::SAMPLE, tables::sample(found)),
            ("controls.csv", "控制矩阵", columns::CONTROLS, tables::controls(found)),
            ("access.csv", "访问清单", columns::ACCESS, tables::access(&access)),
            ("questions.csv", "审计问询", columns::QUESTIONS, tables::questions(&questions)),
            ("walkthrough/walkthrough.csv", "案件走查", columns::WALK, tables::walkthrough(&walk, &zone)),
        ];
        let mut told: Vec<(&str, &str, &'static [Column], u64, String)> = Vec::new();
        for (path, title, columns, text) in &csv {
            self.put(path, text.as_bytes())?;
            let listed = self.bag.listed(path).ok_or(StoreError::NotFound)?;
            told.push((path, title, columns, listed.bytes, listed.sha256));
        }
        let package = dictionary("countermand-audit", "审计资料包数据字典", told);
        self.put("datapackage.json", &pretty(&package))?;
        let facts = self.facts(found, numbers, access_facts, walk_case)?;
        self.put("audit.json", &facts.to_bytes())?;
        let material = Material { facts: &facts, found, access: &access, questions: &questions, walk: &walk };
        for lang in Lang::ALL {
            self.put(paper::name(lang), report(&material, lang).as_bytes())?;
        }
        for (path, text) in GUIDE {
            self.put(path, text.as_bytes())?;
        }
        Ok(())
    }

    fn facts(&mut self, found: &Found, numbers: Vec<Day>, access: AccessFacts, walk_case: Option<String>) -> Result<Facts, StoreError> {
        Ok(Facts {
            format: FORMAT,
            number: number(self.audit, self.checkpoint.size),
            organisation: self.app.config.tenant.clone(),
            zone: self.app.config.time_zone.clone(),
            audit: self.said.clone(),
            log: LogFacts {
                origin: self.checkpoint.origin.clone(),
                size: self.checkpoint.size,
                root: hex::encode(self.checkpoint.root),
                vkey: self.keys.0.to_string(),
                mldsa: self.keys.1.as_ref().map(ToString::to_string),
                as_of: self.checkpoint.size,
            },
            margin_seconds: facts::margin_seconds(),
            cases: found.cases.len() as u64,
            numbers,
            absent: facts::absent(),
            fallback: std::mem::take(&mut self.fallback),
            access,
            walk_case,
            authorities: Some(self.app.config.timestamp.authorities.iter().map(|a| a.name.clone()).collect()),
            limits: facts::limits(),
        })
    }

    fn walk_case(&self, found: &Found) -> Option<String> {
        let chosen = found.cases.iter().find(|c| Some(&c.number) == self.said.walk.as_ref());
        let first = || found.sample.first().map(|(_, place)| &found.cases[*place]);
        chosen.or_else(first).map(|c| c.id.clone())
    }

    /// Every event of the case with its proof; who did it and what it did are opened, the rest is named as not needed.
    fn walk(&mut self, case: &str, size: u64) -> Result<Vec<Event>, StoreError> {
        let store = self.store;
        let (events, mut opened, proofs) = store.read_now(|conn| {
            let events = reader::events_of_case(conn, case, Some(size))?;
            let opened = reader::parts_of_many(conn, store.keys(), &events.iter().map(|e| e.leaf.id.clone()).collect::<Vec<_>>())?;
            let proofs = inclusion(conn, size, &events)?;
            Ok((events, opened, proofs))
        })?;
        let (mut leaves, mut lines, mut read) = (Vec::new(), String::new(), Vec::new());
        for event in events {
            leaves.extend([event.bytes.as_slice(), b"\n"].concat());
            let there = opened.remove(&event.leaf.id).unwrap_or_default();
            let gone = store.read_now(|conn| gone(conn, &event, &there, None))?;
            let mut parts = parts_of(&event, there, &gone)?;
            for part in parts.iter_mut().filter(|p| !matches!(p.name.as_str(), "actor" | "detail") && matches!(p.content, Content::Open { .. })) {
                part.content = Content::Withheld("not_needed".to_owned());
            }
            for part in &parts {
                let mut line = json!({ "index": event.index, "event": event.leaf.id, "name": part.name });
                match &part.content {
                    Content::Open { salt, value } => {
                        line["salt"] = json!(hex::encode(salt));
                        line["value"] = json!(String::from_utf8_lossy(value));
                    }
                    Content::Withheld(reason) => line["withheld"] = json!(reason),
                }
                lines.push_str(&format!("{line}\n"));
            }
            let entry = Entry { index: event.index, leaf: event.bytes, parts, proof: Vec::new() };
            read.push(Event::read(&entry).ok_or_else(|| StoreError::Corrupt(format!("leaf {}", entry.index)))?);
        }
        self.put("walkthrough/events.jsonl", &leaves)?;
        self.put("walkthrough/parts.jsonl", lines.as_bytes())?;
        self.put("walkthrough/inclusion.jsonl", proofs.as_bytes())?;
        Ok(read)
    }
}
