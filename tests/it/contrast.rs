//! The colours of `console.css` can be read: contrast of every pair of tokens that meet, in light and dark (WCAG 2.2, 1.4.3 and 1.4.11).
//! A browser's checks do not see what only appears on hover; this does. And no template brings style of its own, which no such check would see.

use std::collections::BTreeMap;

type Tokens = BTreeMap<String, [u8; 3]>;

const CSS: &str = include_str!("../../static/css/console.css");

/// The colour tokens of the block that starts with `selector`.
fn tokens(selector: &str) -> Tokens {
    let start = CSS.find(selector).unwrap_or_else(|| panic!("no block {selector}"));
    let block = &CSS[start + selector.len()..];
    let block = &block[..block.find('}').expect("an end")];
    let mut found = Tokens::new();
    for declaration in block.split(';') {
        let Some((name, value)) = declaration.split_once(':') else { continue };
        if let (Some(name), Some(hex)) = (name.trim().rsplit_once("--").map(|(_, n)| n), value.trim().strip_prefix('#')) {
            let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).expect("six hex digits");
            found.insert(name.to_owned(), [byte(0), byte(2), byte(4)]);
        }
    }
    found
}

/// WCAG 2.2, "contrast ratio".
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let luminance = |c: [u8; 3]| {
        let [r, g, b] = c.map(|v| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_pair_that_meets_can_be_read_in_light_and_dark() {
    assert!((contrast([0, 0, 0], [255, 255, 255]) - 21.0).abs() < 0.01);
    let mut pairs: Vec<(String, String, f64)> = Vec::new();
    for ground in ["bg", "surface", "sunken", "hover"] {
        for ink in ["text", "text-2", "link"] {
            pairs.push((ink.into(), ground.into(), 4.5));
        }
        // Controls lie on these three; nothing with a border lies on the hover colour.
        if ground != "hover" {
            pairs.push(("line-strong".into(), ground.into(), 3.0));
        }
    }
    for tone in ["ok", "warn", "bad", "info", "mute"] {
        pairs.push((tone.into(), format!("{tone}-bg"), 4.5));
        pairs.push(("text".into(), format!("{tone}-bg"), 4.5));
        pairs.push((tone.into(), "surface".into(), 4.5));
    }
    for (ink, ground) in [
        ("on-accent", "accent"),
        ("on-accent", "accent-hover"),
        ("on-heat", "heat-1"),
        ("on-heat", "heat-2"),
        ("on-heat", "heat-3"),
        ("on-heat-4", "heat-4"),
    ] {
        pairs.push((ink.into(), ground.into(), 4.5));
    }
    for fill in ["g-ok", "g-warn", "g-bad", "g-mute", "g-info"] {
        pairs.push((fill.into(), "surface".into(), 3.0));
    }
    let mut low = Vec::new();
    for (theme, tokens) in [("light", tokens(":root {")), ("dark", tokens(":root[data-theme=\"dark\"] {"))] {
        for (ink, ground, least) in &pairs {
            let ratio = contrast(tokens[ink], tokens[ground]);
            if ratio < *least {
                low.push(format!("{theme}: {ink} on {ground} {ratio:.2}, needs {least}"));
            }
        }
    }
    assert_eq!(low, Vec::<String>::new());
}

#[test]
fn dark_by_choice_and_dark_by_the_system_are_the_same() {
    assert_eq!(tokens(":root:not([data-theme=\"light\"]) {"), tokens(":root[data-theme=\"dark\"] {"));
}

/// The policy refuses what is inline; a template that carries some would look right only until it is served.
#[test]
fn no_template_brings_style_or_script_of_its_own() {
    fn templates(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { templates(&path, found) } else { found.push(path) }
        }
    }
    let mut all = Vec::new();
    templates(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut all);
    assert!(all.len() > 40);
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        for (n, line) in (1..).zip(text.lines()) {
            let inline = line.contains("style=")
                || line.contains("<style")
                || (line.contains("<script") && !line.contains("src="))
                || line.contains("javascript:");
            let handler = line.split(' ').any(|word| word.starts_with("on") && word.contains("=\""));
            assert!(!inline && !handler, "{}:{n}: {line}", path.display());
        }
    }
}
