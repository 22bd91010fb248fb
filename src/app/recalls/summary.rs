//! The summary that a decision binds, line by line. Not here: what level 2 answers, which comes after it (`domain::recall::weighing`), and the
//! statement that names its hash (`sign`).

use super::{Dossier, Loaded, take_part};
use crate::{clock::Instant, crypto::seal::Key, domain::recall::participation::Entry as Kind, store::StoreError};

/// The summary that a decision binds: what is to be done to whom, why and until when. The same for everybody who sees this version; what
/// level 2 is asked comes after it.
pub(super) fn summary(loaded: &Loaded, envelope: &Key, dossier: &Dossier, title: &str, requester: &str) -> Result<String, StoreError> {
    let row = &loaded.row;
    let asked = dossier.current().map(|s| (s.reason.as_str(), s.basis.as_str())).unwrap_or_default();
    let levels: Vec<String> = loaded.case.open.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        ("案件 case", row.number.clone()),
        ("轮次 round", row.round.to_string()),
        ("级别 level", levels.join(",")),
        ("消息 message", title.to_owned()),
        ("消息承诺值 commitment", hex::encode(&row.commitment)),
        ("收件人数 recipients", row.recipients_count.to_string()),
        ("名单根值 recipients root", hex::encode(&row.recipients_root)),
        ("申请人 requester", requester.to_owned()),
        ("危害类别 harm class", row.harm_class.clone()),
        ("情况说明 reason", asked.0.to_owned()),
        ("制度依据 basis", asked.1.to_owned()),
        ("执行方式 mode", row.mode.clone()),
        ("截止 deadline", row.cut_off.map(|c| Instant(c).to_rfc3339()).unwrap_or_default()),
    ];
    if let Some(correction) = dossier.current().and_then(|asked| asked.correction.as_ref()) {
        lines.extend([
            ("更正消息承诺值 correction commitment", hex::encode(correction.commitment()?)),
            ("更正消息盐值 correction salt", correction.salt.clone()),
            ("更正消息标题 correction title", correction.title.clone()),
            ("更正消息正文 correction text", correction.text.clone()),
        ]);
    }
    for entry in &loaded.entries {
        let label = match Kind::parse(&entry.kind) {
            Some(Kind::Question) => "要求补充 question",
            Some(Kind::Answer) => "补充答复 answer",
            Some(Kind::Transfer) => "转办理由 transfer",
            Some(Kind::Addition) => "加签理由 reviewer added",
            Some(Kind::Removal) => "减签理由 reviewer removed",
            _ => continue,
        };
        lines.push((label, take_part::said(envelope, entry)?));
    }
    Ok(lines.iter().map(|(label, value)| format!("{label}: {value}\n")).collect())
}
