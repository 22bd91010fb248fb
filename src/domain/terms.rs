//! A text as terms that can be looked for, in Chinese and in English: one way of cutting for what is stored and for what is asked.
//!
//! Where words stand apart a term is a word; where they do not (Chinese, Japanese, Korean) it is every character and every pair of
//! neighbours, so that any piece of such a text is found. Full-width forms are their half-width ones, upper case is lower case.
//! Not here: where terms are kept (`store::words`).

/// Characters of one term at most; what is longer is cut, here and in a question alike.
const LONGEST: usize = 64;

/// The scripts that write without spaces.
fn is_dense(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// A half-width character for a full-width one.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// A stretch of a text without a gap.
enum Run {
    Word(String),
    /// Characters of a dense script.
    Dense(Vec<char>),
}

/// Length of an id (UUID) in its usual form, which is one term.
const ID: usize = 36;

fn id_at(text: &str) -> Option<&str> {
    let id = text.get(..ID)?;
    let fits = |(nth, b): (usize, u8)| if matches!(nth, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() };
    id.bytes().enumerate().all(fits).then_some(id)
}

fn runs(text: &str) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let (mut open, mut passed) = (false, 0);
    for (at, c) in text.char_indices() {
        if at < passed {
            continue;
        }
        if let Some(id) = id_at(&text[at..]).filter(|_| !open) {
            found.push(Run::Word(id.to_ascii_lowercase()));
            passed = at + ID;
            continue;
        }
        let c = narrow(c);
        // A mark that changes the letter before it belongs to the word.
        let part = c.is_alphanumeric() || (open && matches!(c, '\u{300}'..='\u{36f}'));
        if is_dense(c) {
            match found.last_mut() {
                Some(Run::Dense(run)) if open => run.push(c),
                _ => found.push(Run::Dense(vec![c])),
            }
        } else if part {
            match found.last_mut() {
                Some(Run::Word(run)) if open => run.extend(c.to_lowercase()),
                _ => found.push(Run::Word(c.to_lowercase().collect())),
            }
        }
        open = part || is_dense(c);
    }
    found
}

fn cut(word: &str) -> &str {
    word.char_indices().nth(LONGEST).map_or(word, |(end, _)| &word[..end])
}

fn pair(of: &[char]) -> String {
    of.iter().collect()
}

/// Every term of a text that is stored; the same one may come twice.
pub fn of(text: &str, mut each: impl FnMut(&str)) {
    for run in runs(text) {
        match run {
            Run::Word(word) => each(cut(&word)),
            Run::Dense(run) => {
                run.iter().for_each(|c| each(c.encode_utf8(&mut [0; 4])));
                run.windows(2).for_each(|two| each(&pair(two)));
            }
        }
    }
}

/// Every term of a name that is stored: also each beginning of its words, so that half a name is enough.
pub fn of_name(name: &str, mut each: impl FnMut(&str)) {
    of(name, &mut each);
    for run in runs(name) {
        let Run::Word(word) = run else { continue };
        let word = cut(&word);
        word.char_indices().skip(1).for_each(|(end, _)| each(&word[..end]));
    }
}

/// What must all be found of a text that is asked for; nothing if it has neither letter nor digit.
pub fn asked(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    for run in runs(text) {
        match run {
            Run::Word(word) => terms.push(cut(&word).to_owned()),
            Run::Dense(run) if run.len() == 1 => terms.push(pair(&run)),
            Run::Dense(run) => terms.extend(run.windows(2).map(pair)),
        }
    }
    terms.sort_unstable();
    terms.dedup();
    terms
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn stored(text: &str) -> BTreeSet<String> {
        let mut terms = BTreeSet::new();
        of(text, |term| {
            terms.insert(term.to_owned());
        });
        terms
    }

    #[test]
    fn any_piece_of_a_stored_text_is_found() {
        let text = "关于２０２７年度薪酬调整方案的通知（Draft v2），联系人：Zhang San。";
        for piece in ["薪酬", "酬", "2027年度", "２０２７", "薪酬调整方案", "draft", "ＤＲＡＦＴ V2", "zhang", "san 通知", "方案 draft"]
        {
            let wanted = asked(piece);
            assert!(!wanted.is_empty() && wanted.iter().all(|term| stored(text).contains(term)), "{piece}: {wanted:?}");
        }
        for other in ["薪金", "202", "drafts", "调薪"] {
            assert!(!asked(other).iter().all(|term| stored(text).contains(term)), "{other}");
        }
    }

    #[test]
    fn half_a_name_is_enough() {
        let mut terms = BTreeSet::new();
        of_name("欧阳 Zhouqiming", |term| {
            terms.insert(term.to_owned());
        });
        for half in ["欧", "欧阳", "z", "zhouq", "ZHOUQIMING"] {
            assert!(asked(half).iter().all(|term| terms.contains(term)), "{half}");
        }
        assert!(!asked("qiming").iter().all(|term| terms.contains(term)));
    }

    #[test]
    fn signs_and_pictures_are_no_terms() {
        for nothing in ["", " ", "%", "\"'*()", "😀🎉", "。，！", "\u{0}"] {
            assert!(asked(nothing).is_empty() && stored(nothing).is_empty(), "{nothing:?}");
        }
        let id = "0192AAAA-0000-7000-8000-00000000000f";
        assert_eq!(asked(&format!("object:{id}。")), ["0192aaaa-0000-7000-8000-00000000000f", "object"]);
        assert_eq!(asked("AND OR NOT"), ["and", "not", "or"]);
        assert_eq!(asked(&"长".repeat(3)), ["长长"]);
        assert_eq!(asked(&"a".repeat(9000))[0].len(), LONGEST);
    }
}
