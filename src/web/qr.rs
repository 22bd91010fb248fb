//! A QR code as SVG without style attributes, so that it passes the Content-Security-Policy; dark on white in both themes.

use qrcode::{Color, EcLevel, QrCode};

use super::page::{Html, escape};

/// Modules of quiet zone on each side (ISO/IEC 18004).
const QUIET: usize = 4;

/// `text` as a picture named `label`. Nothing if it does not fit into a QR code.
pub fn svg(text: &str, label: &str) -> Option<Html> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (i, _) in code.to_colors().iter().enumerate().filter(|(_, c)| **c == Color::Dark) {
        path.push_str(&format!("M{} {}h1v1h-1z", i % width + QUIET, i / width + QUIET));
    }
    let side = width + 2 * QUIET;
    Some(Html::trusted(format!(
        r##"<svg class="qr" role="img" aria-label="{}" viewBox="0 0 {side} {side}" width="220" height="220" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/><path d="{path}" fill="#000"/></svg>"##,
        escape(label)
    )))
}

#[cfg(test)]
mod tests {
    use super::svg;

    #[test]
    fn a_code_is_drawn_without_style_and_with_a_name() {
        let html = svg("otpauth://totp/Countermand:wang?secret=ABC", "a \"code\"").unwrap().to_string();
        assert!(html.starts_with("<svg class=\"qr\" role=\"img\" aria-label=\"a &quot;code&quot;\""));
        assert!(!html.contains("style"));
        assert!(html.matches("h1v1h-1z").count() > 200);
        assert!(svg(&"x".repeat(5000), "too long").is_none());
    }
}
