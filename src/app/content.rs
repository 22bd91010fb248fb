//! What a message says, sealed: a fresh key a broadcast, under which title, text, audience and files lie, and a salted commitment to all of
//! it. Destroying the key shreds the contents and leaves every proof standing. Not here: who may read (`app::broadcasts::content`).

use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    connect::Audience,
    crypto::{
        self,
        seal::{Key, Unsealable},
    },
    domain::platform::Platform,
    ledger::commitment,
    store::{
        StoreError,
        broadcasts::{BroadcastRow, context},
        recipients::RecipientRow,
    },
};

/// What a message says. Its canonical bytes are what the commitment binds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub title: String,
    pub text: String,
    /// Files that belong to it, in order of upload.
    pub attachments: Vec<File>,
}

/// A file as the commitment binds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub name: String,
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
}

impl Content {
    /// RFC 8785 bytes of `{"attachments":[…],"text","title","v":1}`.
    pub fn canonical(&self) -> Result<Vec<u8>, StoreError> {
        let value = json!({ "v": 1, "title": self.title, "text": self.text, "attachments": self.attachments });
        commitment::canonical(&value).map_err(|e| StoreError::Event(e.to_string()))
    }
}

/// A broadcast's contents, sealed and committed to.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub title: Vec<u8>,
    pub content: Vec<u8>,
    pub audience: Vec<u8>,
    /// The broadcast's key under the installation's.
    pub key: Vec<u8>,
    pub salt: [u8; 32],
    pub commitment: [u8; 32],
}

/// The audience of a broadcast or of one piece, in the platform's ids or, for a report, in the person's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressees {
    #[serde(flatten)]
    pub audience: Audience,
    /// A report's own words, as typed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

/// Seals `content` and `audience` for the broadcast `id` under `key`.
pub fn seal(envelope: &Key, key: &Key, id: &str, content: &Content, audience: &Addressees) -> Result<Sealed, StoreError> {
    seal_as(envelope, key, id, content, audience, crypto::random())
}

/// The same with the `salt` of a commitment that was made before.
pub fn seal_as(envelope: &Key, key: &Key, id: &str, content: &Content, audience: &Addressees, salt: [u8; 32]) -> Result<Sealed, StoreError> {
    let bytes = content.canonical()?;
    let audience = serde_json::to_vec(audience).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(Sealed {
        title: key.seal(&context(id, "title"), content.title.as_bytes()),
        content: key.seal(&context(id, "content"), &bytes),
        audience: key.seal(&context(id, "audience"), &audience),
        key: envelope.seal(&context(id, "key"), key.as_bytes()),
        salt,
        commitment: commitment::commit(&salt, &bytes),
    })
}

/// Seals the audience of one piece.
pub fn seal_piece(key: &Key, message: &str, audience: &Audience) -> Result<Vec<u8>, StoreError> {
    let bytes = serde_json::to_vec(audience).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(key.seal(&format!("messages/{message}/audience"), &bytes))
}

/// Opens the audience of one piece.
pub fn open_piece(key: &Key, message: &str, sealed: &[u8]) -> Result<Audience, StoreError> {
    read(&key.open(&format!("messages/{message}/audience"), sealed)?)
}

/// The broadcast's own key.
pub fn key_of(envelope: &Key, row: &BroadcastRow) -> Result<Key, StoreError> {
    let bytes = envelope.open(&context(&row.id, "key"), &row.key_sealed)?;
    Ok(Key::from_bytes(&bytes).ok_or(Unsealable)?)
}

pub fn open_title(envelope: &Key, row: &BroadcastRow) -> Result<String, StoreError> {
    let bytes = key_of(envelope, row)?.open(&context(&row.id, "title"), &row.title_sealed)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| StoreError::Corrupt("a title is not UTF-8".to_owned()))
}

/// The contents, after checking that they still are what was committed to.
pub fn open(envelope: &Key, row: &BroadcastRow) -> Result<Content, StoreError> {
    let bytes = open_bytes(envelope, row)?;
    read(&bytes)
}

/// The canonical bytes of the contents: with the salt they open the commitment.
pub fn open_bytes(envelope: &Key, row: &BroadcastRow) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let bytes = key_of(envelope, row)?.open(&context(&row.id, "content"), &row.content_sealed)?;
    let salt: [u8; 32] = row.content_salt.as_slice().try_into().map_err(|_| StoreError::Corrupt("a content salt is not 32 bytes".to_owned()))?;
    if commitment::commit(&salt, &bytes).as_slice() != row.commitment {
        return Err(StoreError::Corrupt("contents do not open their commitment".to_owned()));
    }
    Ok(bytes)
}

pub fn open_audience(envelope: &Key, row: &BroadcastRow) -> Result<Addressees, StoreError> {
    read(&key_of(envelope, row)?.open(&context(&row.id, "audience"), &row.audience_sealed)?)
}

/// Seals the bytes of a file of a broadcast.
pub fn seal_file(key: &Key, attachment: &str, bytes: &[u8]) -> Vec<u8> {
    key.seal(&format!("attachments/{attachment}/sealed"), bytes)
}

/// Opens a file of a broadcast.
pub fn open_file(key: &Key, attachment: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    Ok(key.open(&format!("attachments/{attachment}/sealed"), sealed)?)
}

/// Fresh rows for `ids` (sorted and unique, as a set wants them), each with a salt of its own; nobody has got anything yet.
pub fn recipient_rows(broadcast: &str, ids: &std::collections::BTreeSet<String>, delivery: &str) -> Vec<RecipientRow> {
    ids.iter()
        .map(|id| RecipientRow {
            broadcast_id: broadcast.to_owned(),
            platform_id: id.clone(),
            message_id: None,
            salt: crypto::random::<16>().to_vec(),
            delivery: delivery.to_owned(),
            read_state: "unknown".to_owned(),
            read_at: None,
            read_source: "none".to_owned(),
            outcome: None,
            outcome_at: None,
        })
        .collect()
}

/// The platform of a stored row.
pub fn platform_of(row: &BroadcastRow) -> Result<Platform, StoreError> {
    Platform::parse(&row.platform).ok_or_else(|| StoreError::Corrupt(format!("no platform is called {}", row.platform)))
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|e| StoreError::Corrupt(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        let file = File { name: "图.png".to_owned(), media_type: "image/png".to_owned(), size: 3, sha256: "00".repeat(32) };
        Content { title: "通知".to_owned(), text: "<b>𠮷</b>".to_owned(), attachments: vec![file] }
    }

    #[test]
    fn the_commitment_binds_title_text_and_files() {
        let key = Key::fresh();
        let sealed = seal(&Key::fresh(), &key, "b", &content(), &Addressees::default()).unwrap();
        let expected = crypto::sha256(&[sealed.salt.as_slice(), &content().canonical().unwrap()].concat());
        assert_eq!(sealed.commitment, expected);
        let other = Content { title: "通知 ".to_owned(), ..content() };
        assert_ne!(other.canonical().unwrap(), content().canonical().unwrap());
    }
}
