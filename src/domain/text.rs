//! What people may type: parsed once at the door, so that inside no bare string carries a reason or a name.

/// Why a text was refused. The words for it are `error-<kind>`: `required`, `too-short`, `too-long`, `control`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("required")]
    Required,
    #[error("at least {min} characters")]
    TooShort { min: usize },
    #[error("at most {max} characters")]
    TooLong { max: usize },
    /// NUL, other control characters, or marks that reverse the direction of writing (U+202A to U+202E, U+2066 to U+2069), which can make
    /// a text read as something else than it says.
    #[error("contains a control character")]
    Control,
}

fn control(c: char) -> bool {
    // U+FFFD stands where bytes were no text.
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || matches!(c, '\u{fffd}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of several lines, `min` to `max` characters after trimming; line ends become LF.
pub fn paragraph(text: &str, min: usize, max: usize) -> Result<String, TextError> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if text.chars().any(control) {
        return Err(TextError::Control);
    }
    let text = text.trim();
    let n = text.chars().count();
    match n {
        0 if min > 0 => Err(TextError::Required),
        n if n < min => Err(TextError::TooShort { min }),
        n if n > max => Err(TextError::TooLong { max }),
        _ => Ok(text.to_owned()),
    }
}

/// A text of one line, 1 to `max` characters.
pub fn line(text: &str, max: usize) -> Result<String, TextError> {
    let text = paragraph(text, 1, max)?;
    if text.contains(['\n', '\t']) { Err(TextError::Control) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_named() {
        assert_eq!(paragraph("  ", 1, 5), Err(TextError::Required));
        assert_eq!(paragraph("a\0b", 1, 5), Err(TextError::Control));
        assert_eq!(paragraph("\u{202e}abc", 1, 9), Err(TextError::Control));
        assert_eq!(paragraph("𠮷𠮷", 1, 2).as_deref(), Ok("𠮷𠮷"), "characters are counted, not bytes");
        assert_eq!(paragraph("𠮷𠮷𠮷", 1, 2), Err(TextError::TooLong { max: 2 }));
        assert_eq!(line("a\nb", 5), Err(TextError::Control));
    }
}
