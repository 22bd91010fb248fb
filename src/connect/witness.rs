//! Asking a witness over HTTP (C2SP tlog-witness v1). Addresses come from the policy file that the system administrator wrote, not from a
//! form, and may lie in the house's own network. Not here: what is asked, and what an answer means (`app::witness`).

use std::time::Duration;

use reqwest::redirect;

/// An answer: status and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Longest answer that is read, in bytes: a checkpoint with a hundred cosignatures fits.
const LONGEST: usize = 64 << 10;
/// A witness that takes longer is asked again in the next round.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client for any number of witnesses. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

impl Client {
    /// # Errors
    /// If the machine gives no client (certificates, memory), in words.
    pub fn new() -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("Countermand/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE);
        client.build().map(Self).map_err(|e| e.to_string())
    }

    /// `POST <url>/add-checkpoint`.
    ///
    /// # Errors
    /// That no whole answer came, in words.
    pub async fn add_checkpoint(&self, url: &str, request: String) -> Result<Answer, String> {
        self.send(self.0.post(format!("{}/add-checkpoint", url.trim_end_matches('/'))).body(request)).await
    }

    /// `GET <url>/<hash>/checkpoint`: the newest that the witness has of the log whose origin hashes to `hash` (hex).
    ///
    /// # Errors
    /// As [`Client::add_checkpoint`].
    pub async fn newest(&self, url: &str, hash: &str) -> Result<Answer, String> {
        self.send(self.0.get(format!("{}/{hash}/checkpoint", url.trim_end_matches('/')))).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, String> {
        // The address is the administrator's; it is not repeated in what is recorded.
        let said = |e: reqwest::Error| e.without_url().to_string();
        let mut response = request.send().await.map_err(said)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(said)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err("the answer is too long".to_owned());
            }
        }
        String::from_utf8(body).map(|body| Answer { status, body }).map_err(|_| "the answer is no text".to_owned())
    }
}
