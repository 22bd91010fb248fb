//! 误发上报: a wrong message that a person typed in a client, reported by hand with its text or pictures of it. It has no id that an API would take.

use std::collections::BTreeSet;

use serde_json::json;

use super::{audience, import::instant, refuse, send, sender_of};
use crate::{
    app::{
        App, AppError, AppResult, Caller, Done, FieldError, connections, content,
        content::{Addressees, Content, File},
    },
    connect::Audience,
    crypto::{self, seal::Key},
    domain::{
        event::{Action, Subject},
        platform::Platform,
        role::Permission,
        text::{self, TextError},
    },
    id::{AttachmentId, BroadcastId, MessageId},
    store::{
        attachments::{self, AttachmentRow},
        broadcasts::BroadcastRow,
        messages::MessageRow,
    },
};

/// Largest picture in bytes.
pub const LARGEST_FILE: usize = 10 * 1024 * 1024;
/// Most pictures of one report.
pub const MOST_FILES: usize = 6;

/// A report, as typed.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Id or name of a connection; empty for a channel that no connection serves.
    pub connection: String,
    /// What people call the channel; may be empty where there is a connection.
    pub channel: String,
    /// RFC 3339.
    pub sent_at: String,
    /// To whom, in the reporter's words.
    pub audience: String,
    pub title: String,
    /// The forwarded text.
    pub text: String,
    pub files: Vec<Upload>,
    /// Id or account name of who sent it; empty: the reporter.
    pub sender: String,
}

/// A picture, as uploaded.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Records a report and returns the broadcast's id; `id` as for [`send::send`].
pub async fn report(app: &App, caller: &Caller, report: Report, id: Option<BroadcastId>) -> AppResult<Done<String>> {
    let given = id.is_some();
    let id = id.unwrap_or_else(BroadcastId::fresh).0;
    let same = id.clone();
    let subject = Subject::new("broadcast", id.clone());
    app.require(caller, Permission::BroadcastSend, Action::BroadcastReported, subject.clone()).await?;
    let (row, set, people, piece, files) = match prepare(app, caller, report, &id).await {
        Ok(prepared) => prepared,
        Err(error) => return Err(refuse(app, caller, Action::BroadcastReported, &id, error).await),
    };
    let listed: Vec<_> = files.iter().map(|f| json!({ "attachment": f.id, "size": f.size, "media_type": f.media_type })).collect();
    let event = caller.event(Action::BroadcastReported, subject).detail(json!({ "after": send::shown(&row, &set), "files": listed }));
    let written = app
        .store
        .write(move |tx| {
            tx.append(event.clone())?;
            send::insert(tx, &row, &people, std::slice::from_ref(&piece))?;
            for file in &files {
                attachments::insert(tx.conn, AttachmentRow { uploaded_at: tx.now().0, ..file.clone() })?;
            }
            Ok(Ok(id.clone()))
        })
        .await;
    match written {
        Ok(written) => Done::from_write(written),
        Err(error) => super::made_before(app, Action::BroadcastReported, &same, given, error).await,
    }
}

type Prepared = (BroadcastRow, crate::ledger::set::Set, Vec<crate::store::recipients::RecipientRow>, MessageRow, Vec<AttachmentRow>);

async fn prepare(app: &App, caller: &Caller, report: Report, id: &str) -> AppResult<Prepared> {
    let mut errors = Vec::new();
    let connection = match report.connection.trim() {
        "" => None,
        named => send::collect(&mut errors, connections::usable(app, named).await)?,
    };
    let sender = send::collect(&mut errors, sender_of(app, caller, &report.sender).await)?.unwrap_or_default();
    let platform = connection.as_ref().and_then(|c| Platform::parse(&c.platform)).unwrap_or(Platform::Manual);
    let channel = match (report.channel.trim(), &connection) {
        ("", Some(connection)) => connection.name.clone(),
        (typed, _) => text::line(typed, 80).map_err(|e| errors.push(FieldError::text("channel", e))).unwrap_or_default(),
    };
    let sent_at = instant(&report.sent_at, app.now(), "sent_at", &mut errors);
    let words = text::paragraph(&report.audience, 1, 4000).map_err(|e| errors.push(FieldError::text("audience", e))).unwrap_or_default();
    let ids: BTreeSet<String> = match audience::ids_of(people(&words), platform) {
        Ok(ids) => ids.into_iter().collect(),
        Err(kind) => {
            errors.push(FieldError::new("audience", kind));
            BTreeSet::new()
        }
    };
    let said = quoted(&report.text, 0, 50_000).map_err(|e| errors.push(FieldError::text("text", e))).unwrap_or_default();
    let title = match report.title.trim() {
        "" if !said.is_empty() => first_line(&said),
        "" => channel.clone(),
        typed => text::line(typed, 120).map_err(|e| errors.push(FieldError::text("title", e))).unwrap_or_default(),
    };
    let pictures = pictures(&report.files, &mut errors);
    if errors.is_empty() && said.is_empty() && pictures.is_empty() {
        errors.push(FieldError::new("text", "text-or-picture"));
    }
    let (Some(sent_at), true) = (sent_at, errors.is_empty()) else { return Err(AppError::Invalid(errors)) };

    let envelope = &app.store.keys().envelope;
    let key = Key::fresh();
    let mut people = content::recipient_rows(id, &ids, "reported");
    let set = crate::store::recipients::set_of(platform.as_str(), &people)?;
    let message = MessageId::fresh().0;
    for person in &mut people {
        person.message_id = Some(message.clone());
    }
    let piece = MessageRow {
        state: "sent".to_owned(),
        sent_at: Some(sent_at.0),
        ..MessageRow::pending(message.clone(), id.to_owned(), 0, content::seal_piece(&key, &message, &Audience::default())?)
    };
    let files: Vec<File> = pictures.iter().map(|(file, _)| file.clone()).collect();
    let sealed =
        content::seal(envelope, &key, id, &Content { title, text: said, attachments: files }, &Addressees { audience: Audience::default(), words })?;
    let row = BroadcastRow {
        origin: "reported".to_owned(),
        connection_id: connection.map(|c| c.id),
        platform: platform.as_str().to_owned(),
        channel,
        sender_id: sender.id,
        department_id: sender.department,
        sent_at: Some(sent_at.0),
        sent_at_source: Some("reported".to_owned()),
        ..send::new_row(id, &sealed, &set)
    };
    let attachments = pictures
        .into_iter()
        .map(|(file, bytes)| {
            let attachment = AttachmentId::fresh().0;
            AttachmentRow {
                broadcast_id: Some(id.to_owned()),
                recall_id: None,
                kind: "screenshot".to_owned(),
                size: i64::try_from(file.size).unwrap_or(i64::MAX),
                sha256: crypto::sha256(bytes).to_vec(),
                sealed: content::seal_file(&key, &attachment, bytes),
                name: file.name,
                media_type: file.media_type,
                uploaded_by: caller.user_id.clone().unwrap_or_else(|| caller.id.clone()),
                uploaded_at: 0,
                confirmed_by: None,
                confirmed_at: None,
                id: attachment,
            }
        })
        .collect();
    Ok((row, set, people, piece, attachments))
}

/// The recipients among the reporter's words: one a line or between commas. Spaces belong to a name.
fn people(words: &str) -> Vec<String> {
    words.split(['\n', ',', '，', '、', ';', '；']).map(str::trim).filter(|s| !s.is_empty()).map(ToOwned::to_owned).collect()
}

fn pictures<'a>(uploads: &'a [Upload], errors: &mut Vec<FieldError>) -> Vec<(File, &'a [u8])> {
    let mut out = Vec::new();
    if uploads.len() > MOST_FILES {
        errors.push(FieldError::new("files", "too-many").arg("max", MOST_FILES));
        return out;
    }
    for upload in uploads {
        let Some(media_type) = picture_type(&upload.bytes) else {
            errors.push(FieldError::new("files", if upload.bytes.is_empty() { "empty-file" } else { "not-a-picture" }));
            continue;
        };
        if upload.bytes.len() > LARGEST_FILE {
            errors.push(FieldError::new("files", "too-large").arg("max", LARGEST_FILE / (1024 * 1024)));
            continue;
        }
        let file = File {
            name: file_name(&upload.name),
            media_type: media_type.to_owned(),
            size: upload.bytes.len() as u64,
            sha256: hex::encode(crypto::sha256(&upload.bytes)),
        };
        out.push((file, upload.bytes.as_slice()));
    }
    out
}

/// What the first bytes say a picture is; the name and the browser's word are not believed.
pub fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        _ => None,
    }
}

/// The last part of a file's name without anything that a path, a header or a terminal reads as more than a name.
pub fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control() && !reverses(*c) && !"\"<>|:*?".contains(*c)).take(100).collect();
    match clean.trim_matches(['.', ' ']) {
        "" => "picture".to_owned(),
        name => name.to_owned(),
    }
}

/// A text that somebody else wrote: kept as it is, marks that turn the direction of writing included, for it is evidence. Only NUL and other
/// control characters are refused. Show it through [`visible`].
pub fn quoted(typed: &str, min: usize, max: usize) -> Result<String, TextError> {
    let without: String = typed.chars().filter(|c| !reverses(*c)).collect();
    text::paragraph(&without, min, max)?;
    Ok(typed.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned())
}

/// A quoted text with every mark that turns the direction of writing made visible as `[U+202E]`.
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if reverses(c) { format!("[U+{:04X}]", c as u32) } else { c.to_string() }).collect()
}

const fn reverses(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first line of a text, at most 60 characters, as a title.
pub fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let clean: String = line.chars().filter(|c| !c.is_control() && !reverses(*c)).collect();
    if clean.chars().count() > 60 { clean.chars().take(59).chain(['…']).collect() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_text_is_kept_and_shown_for_what_it_is() {
        assert_eq!(quoted(" a\u{202e}b\r\n<i> ", 1, 9).as_deref(), Ok("a\u{202e}b\n<i>"));
        assert_eq!(visible("a\u{202e}b"), "a[U+202E]b");
        assert_eq!(quoted("a\0b", 1, 9), Err(TextError::Control));
        assert_eq!(quoted("\u{202e}", 1, 9), Err(TextError::Required), "marks alone say nothing");
        assert_eq!(first_line(&"长".repeat(70)).chars().count(), 60);
    }

    #[test]
    fn names_of_files_cannot_lead_anywhere() {
        assert_eq!(file_name("../../etc/pass\u{202e}wd\0\""), "passwd");
        assert_eq!(file_name("C:\\a\\图.png"), "图.png");
        assert_eq!(file_name(".."), "picture");
    }

    #[test]
    fn a_picture_is_what_its_bytes_say() {
        assert_eq!(picture_type(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(picture_type(b"<svg onload=x>"), None);
        assert_eq!(picture_type(b"RIFF0000WEBPVP8 "), Some("image/webp"));
        assert_eq!(picture_type(b""), None);
    }
}
