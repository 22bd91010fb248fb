//! The company's mail server: one message to one person over SMTP (RFC 5321), plain text and HTML side by side (RFC 2046 §5.1.4). Where it
//! is stands in the settings, not in a form. Not here: to whom and what (`app::notices`).

use std::time::Duration;

use askama::Template;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp::authentication::Credentials,
};

use crate::config::{Security, Smtp};

/// A mail server that takes longer is asked again later.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a message did not go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It will never be taken as it is: an address that does not exist, a message that is refused.
    #[error("{0}")]
    Refused(String),
    /// Not now: no connection, a server that is busy, credentials that are wrong.
    #[error("{0}")]
    Later(String),
}

/// The page that a message is where HTML is read.
#[derive(Clone, Debug, Template)]
#[template(path = "mail/notice.html")]
pub struct Sheet {
    pub lang: &'static str,
    pub subject: String,
    pub head: String,
    /// Label and value, one a line.
    pub facts: Vec<(String, String)>,
    pub link: String,
    /// What the link says.
    pub open: String,
    pub foot: String,
    /// The same in another language, for whoever has not chosen one; its subject is not used.
    pub below: Option<Box<Sheet>>,
}

/// A message to one person.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The address, without a name.
    pub to: String,
    pub to_name: String,
    /// The same where only text is read.
    pub text: String,
    pub sheet: Sheet,
    /// What makes two copies of it the same: `<id@host>` without the brackets.
    pub message_id: String,
}

/// Whether `text` is an address that mail can go to.
pub fn is_address(text: &str) -> bool {
    text.len() <= 254 && text.is_ascii() && text.parse::<Address>().is_ok()
}

/// The way to the mail server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// For the settings; `None` where no server is named.
    ///
    /// # Errors
    /// In words: the sender is no address, the password's file cannot be read, the server's name is none.
    pub fn new(smtp: &Smtp, data: &std::path::Path) -> Result<Option<Self>, String> {
        let Some(host) = &smtp.host else { return Ok(None) };
        let from: Mailbox = smtp.from.parse().map_err(|e| format!("smtp.from: {e}"))?;
        let builder = match smtp.security {
            Security::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(|e| format!("smtp.host: {e}"))?,
            Security::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(|e| format!("smtp.host: {e}"))?,
            Security::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
        };
        let usual = if smtp.security == Security::Tls { 465 } else { 587 };
        let mut builder = builder.port(smtp.port.unwrap_or(usual)).timeout(Some(PATIENCE));
        if let (Some(username), Some(file)) = (&smtp.username, &smtp.password_file) {
            let file = data.join(file);
            let password = std::fs::read_to_string(&file).map_err(|e| format!("smtp.password_file: {}: {e}", file.display()))?;
            builder = builder.credentials(Credentials::new(username.clone(), password.trim_end_matches(['\r', '\n']).to_owned()));
        }
        Ok(Some(Self { transport: builder.build(), from }))
    }

    /// Hands a message over; done when the server has taken it.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn send(&self, letter: Letter) -> Result<(), MailError> {
        let refused = |e: &dyn std::fmt::Display| MailError::Refused(e.to_string());
        let html = letter.sheet.render().map_err(|e| refused(&e))?;
        let address: Address = letter.to.parse().map_err(|e: lettre::address::AddressError| refused(&e))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(letter.to_name), address))
            .subject(letter.sheet.subject)
            .message_id(Some(format!("<{}>", letter.message_id)))
            // RFC 3834: nobody's absence answers this.
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(letter.text, html))
            .map_err(|e| refused(&e))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(e) if e.is_permanent() && !e.status().is_some_and(credentials) => Err(refused(&e)),
            Err(e) => Err(MailError::Later(e.to_string())),
        }
    }
}

/// 530, 534, 535, 538 (RFC 4954 §6): what is wrong is not the message, and the administrator can mend it.
fn credentials(code: lettre::transport::smtp::response::Code) -> bool {
    matches!(u16::from(code), 530 | 534 | 535 | 538)
}

/// `Auto-Submitted: auto-generated` (RFC 3834 §5).
#[derive(Clone, Debug)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
