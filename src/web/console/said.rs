//! What a check of evidence expected and found, in the reader's language. A check says it in English, a part of the format that programs
//! read (formats.md); its phrases are looked up by that English, e.g. `line 3: a leaf` as `said-line-n` and `said-a-leaf`. Hashes, names
//! and whatever else a file says stay as they are.

use crate::i18n::Tr;

/// The key of a phrase, with what it names: numbers are `n`, `n2`…, quoted text is `s`.
fn phrase(text: &str) -> (String, Vec<(&'static str, String)>) {
    const NUMBERS: [&str; 4] = ["n", "n2", "n3", "n4"];
    let (mut key, mut given, mut numbers) = ("said".to_owned(), Vec::new(), 0);
    let quoted = text.split_once('"').and_then(|(before, rest)| rest.rsplit_once('"').map(|(said, after)| (before, said, after)));
    let plain = match quoted {
        Some((before, said, after)) => {
            given.push(("s", said.to_owned()));
            format!("{before} s {after}")
        }
        None => text.to_owned(),
    };
    for word in plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()) {
        key.push('-');
        match NUMBERS.get(numbers).filter(|_| word.bytes().all(|b| b.is_ascii_digit())) {
            Some(name) => {
                key.push('n');
                given.push((*name, word.to_owned()));
                numbers += 1;
            }
            None => key.push_str(&word.to_ascii_lowercase()),
        }
    }
    (key, given)
}

/// `text` in the language of `tr`, as far as it is ours.
pub(super) fn said(tr: &Tr, text: &str) -> String {
    // The longest phrase is a line long; what is longer is a file's.
    let words = |text: &str| {
        let (key, given) = phrase(text);
        tr.maybe_a(&key, &given).filter(|_| text.len() < 120 && text.is_ascii() && key.len() > "said".len())
    };
    if let Some((head, tail)) = text.split_once(": ")
        && let Some(head) = words(head).or_else(|| of_part(tr, head))
    {
        return tr.pair(&head, &said(tr, tail));
    }
    // A file's name, and what is wrong with it.
    if let Some((name, tail)) = text.strip_prefix('"').and_then(|rest| rest.split_once("\": ")) {
        return tr.pair(name, &said(tr, tail));
    }
    for (begin, key) in [("signed by ", "said-signed-by"), ("not later than ", "said-not-later-than")] {
        if let Some(what) = text.strip_prefix(begin).filter(|what| !what.contains(' ')) {
            return tr.a1(key, "what", what);
        }
    }
    words(text).unwrap_or_else(|| text.to_owned())
}

/// `event 12 client`: a part of an event.
fn of_part(tr: &Tr, text: &str) -> Option<String> {
    let (index, part) = text.strip_prefix("event ")?.split_once(' ')?;
    let part = tr.maybe(&format!("event-part-{part}"))?;
    Some(tr.a2("said-event-part", "n", index, "part", part))
}

#[cfg(test)]
mod tests {
    use super::said;
    use crate::i18n::{Lang, Tr};

    #[test]
    fn our_phrases_are_translated_and_a_files_words_are_not() {
        let zh = |text: &str| said(&Tr::new(Lang::ZhCn), text);
        assert_eq!(zh("missing"), "缺失");
        assert_eq!(zh("line 3: a leaf"), "第 3 行：一条事件记录");
        assert_eq!(zh("17 events, 3 to 19"), "17 条事件，序号 3 至 19");
        assert_eq!(zh("round 1 level 2: a statement in canonical bytes"), "第 1 轮第 2 级：规范格式的审批声明");
        assert_eq!(zh("event 12 client: shown or withheld"), "第 12 条事件的网络地址：已提供或注明未提供");
        assert_eq!(zh("two files are called \"a b\""), "有两个文件同名：a b");
        assert_eq!(zh("not a ZIP file that can be read: \"data/a.json\": Invalid checksum"), "不是可读取的 ZIP 文件：data/a.json：校验和不符");
        for theirs in ["0b1e2d", "关于年度薪酬", "wangwei: hello", "", "a-b_c"] {
            assert_eq!(zh(theirs), theirs);
        }
        for english in ["missing", "line 3: a leaf", "at most 7 bytes", "signed by x+1+y"] {
            assert_eq!(said(&Tr::new(Lang::En), english), english);
        }
    }
}
