//! Witness policies (C2SP tlog-policy): which witnesses there are, where they are asked, and how many of them have to agree.

use std::collections::BTreeMap;

use super::cosignature::Cosigner;

/// A witness of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The policy's own word for it.
    pub name: String,
    pub key: Cosigner,
    /// Where it is asked; one without only counts where its cosignature comes by another way.
    pub url: Option<String>,
}

/// Why a text is no policy: the line, counted from one, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the witness policy: {what}")]
pub struct PolicyError {
    pub line: usize,
    pub what: String,
}

/// A group: at least `threshold` of `members`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<String>,
}

/// A policy as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub witnesses: Vec<Witness>,
    groups: BTreeMap<String, Group>,
    /// A witness's or a group's name; `None` where no witness has to agree.
    quorum: Option<String>,
}

impl Policy {
    /// Reads `witness NAME VKEY [URL]`, `group NAME all|any|N MEMBER…` and one `quorum NAME|none`. `log` lines are for readers of the log and
    /// are passed over; empty lines and those that begin with `#` too. Names are defined before they are used, each once.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        let mut quorum = None;
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |what: String| PolicyError { line: number, what };
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["log", ..] => {}
                ["witness", name, key] => policy.witness(name, key, None).map_err(wrong)?,
                ["witness", name, key, url] => policy.witness(name, key, Some(url)).map_err(wrong)?,
                ["group", name, threshold, ref members @ ..] => policy.group(name, threshold, members).map_err(wrong)?,
                ["quorum", name] => {
                    if quorum.is_some() {
                        return Err(wrong("there is one quorum".to_owned()));
                    }
                    if name != "none" && !policy.knows(name) {
                        return Err(wrong(format!("nothing is called {name}")));
                    }
                    quorum = Some((name != "none").then(|| name.to_owned()));
                }
                _ => return Err(wrong("it is none of witness, group, quorum, log".to_owned())),
            }
        }
        policy.quorum = quorum.ok_or_else(|| PolicyError { line: text.lines().count().max(1), what: "the quorum is missing".to_owned() })?;
        Ok(policy)
    }

    fn knows(&self, name: &str) -> bool {
        self.groups.contains_key(name) || self.witnesses.iter().any(|w| w.name == name)
    }

    fn fresh(&self, name: &str) -> Result<(), String> {
        if name == "none" || self.knows(name) { Err(format!("{name} is taken")) } else { Ok(()) }
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), String> {
        self.fresh(name)?;
        let key = Cosigner::parse(key).map_err(|e| e.to_string())?;
        if self.witnesses.iter().any(|w| w.key == key) {
            return Err("the key is another witness's already".to_owned());
        }
        self.witnesses.push(Witness { name: name.to_owned(), key, url: url.map(ToOwned::to_owned) });
        Ok(())
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), String> {
        self.fresh(name)?;
        let mut unlike = members.to_vec();
        unlike.sort_unstable();
        unlike.dedup();
        if members.is_empty() || unlike.len() != members.len() {
            return Err("a group has members, each once".to_owned());
        }
        if let Some(unknown) = members.iter().find(|m| !self.knows(m)) {
            return Err(format!("nothing is called {unknown}"));
        }
        let threshold = match threshold {
            "all" => members.len(),
            "any" => 1,
            number => number.parse().ok().filter(|n| (1..=members.len()).contains(n)).ok_or("how many of a group: all, any, or a number of them")?,
        };
        self.groups.insert(name.to_owned(), Group { threshold, members: members.iter().map(|m| (*m).to_owned()).collect() });
        Ok(())
    }

    /// The witnesses' keys.
    pub fn keys(&self) -> Vec<Cosigner> {
        self.witnesses.iter().map(|witness| witness.key.clone()).collect()
    }

    /// Whether somebody has to agree at all.
    pub const fn asks(&self) -> bool {
        self.quorum.is_some()
    }

    /// Whether the witnesses called `agreeing` are enough.
    pub fn satisfied(&self, agreeing: &[&str]) -> bool {
        self.quorum.as_deref().is_none_or(|quorum| self.holds(quorum, agreeing))
    }

    fn holds(&self, name: &str, agreeing: &[&str]) -> bool {
        match self.groups.get(name) {
            // A group is made of what was defined before it: this ends.
            Some(group) => group.members.iter().filter(|m| self.holds(m, agreeing)).count() >= group.threshold,
            None => agreeing.contains(&name),
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;

    fn key(n: u8) -> String {
        Cosigner::of(&format!("w{n}.example"), &SigningKey::from_bytes(&[n; 32])).unwrap().to_string()
    }

    #[test]
    fn a_quorum_of_groups_is_counted() {
        let (a, b, c) = (key(1), key(2), key(3));
        let text = format!(
            "# ours\nlog example+00000000+AA\nwitness a {a} https://a.example\nwitness b {b}\nwitness c {c} https://c.example\n\n\
             group outside any b c\ngroup both all a outside\nquorum both\n"
        );
        let policy = Policy::parse(&text).unwrap();
        assert_eq!(policy.witnesses.iter().map(|w| (w.name.as_str(), w.url.is_some())).collect::<Vec<_>>(), [("a", true), ("b", false), ("c", true)]);
        for (agreeing, enough) in [(&["a"][..], false), (&["b", "c"], false), (&["a", "c"], true), (&["a", "b"], true), (&[], false)] {
            assert_eq!(policy.satisfied(agreeing), enough, "{agreeing:?}");
        }
        assert!(policy.asks());
        let none = Policy::parse("quorum none\n").unwrap();
        assert!(!none.asks() && none.satisfied(&[]));
        let two = Policy::parse(&format!("witness a {a}\nwitness b {b}\nwitness c {c}\ngroup g 2 a b c\nquorum g")).unwrap();
        assert!(two.satisfied(&["a", "c"]) && !two.satisfied(&["c"]));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let a = key(1);
        for (text, line, said) in [
            ("", 1, "the quorum is missing".to_owned()),
            ("witness a nonsense\nquorum a", 1, "a verifier key reads name+hash+base64".to_owned()),
            (&format!("witness a {a}\nwitness a {}\nquorum a", key(2)), 2, "a is taken".to_owned()),
            (&format!("witness a {a}\nwitness b {a}\nquorum a"), 2, "the key is another witness's already".to_owned()),
            (&format!("witness none {a}\nquorum none"), 1, "none is taken".to_owned()),
            ("group g any a\nquorum g", 1, "nothing is called a".to_owned()),
            (&format!("witness a {a}\ngroup g any\nquorum g"), 2, "a group has members, each once".to_owned()),
            (&format!("witness a {a}\ngroup g all a a\nquorum g"), 2, "a group has members, each once".to_owned()),
            (&format!("witness a {a}\ngroup g 2 a\nquorum g"), 2, "how many of a group: all, any, or a number of them".to_owned()),
            (&format!("witness a {a}\ngroup g 0 a\nquorum g"), 2, "how many of a group: all, any, or a number of them".to_owned()),
            ("quorum x", 1, "nothing is called x".to_owned()),
            ("quorum none\nquorum none", 2, "there is one quorum".to_owned()),
            ("quorum", 1, "it is none of witness, group, quorum, log".to_owned()),
        ] {
            assert_eq!(Policy::parse(text), Err(PolicyError { line, what: said }), "{text}");
        }
    }
}
