//! A mail server that keeps what it is given and refuses when told to. It speaks as much of RFC 5321 as a client needs; that our mails are
//! well formed is judged elsewhere, by a server and a parser of other people.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use countermand::config::{Config, Security};

/// What it answers to `RCPT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Takes,
    /// 451: not now.
    Busy,
    /// 550: no such mailbox.
    Refuses,
    /// Takes it after half a second.
    Slow,
}

/// A message: to whom, and its lines as they came.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub data: String,
}

impl Mail {
    /// A header's value as it stands, folded lines joined.
    pub fn header(&self, name: &str) -> String {
        let head = self.data.split("\n\n").next().unwrap_or_default().replace("\n ", " ");
        head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_default().to_owned()
    }
}

#[derive(Clone)]
pub struct Sink {
    pub port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
    mood: Arc<Mutex<Mood>>,
}

/// Settings with which the product mails to the sink at `port`.
pub fn post(config: &mut Config, port: u16) {
    config.smtp.host = Some("127.0.0.1".to_owned());
    config.smtp.port = Some(port);
    config.smtp.security = Security::None;
    config.smtp.from = "撤回有据 <countermand@example.com>".to_owned();
    config.public_url = "http://recall.example.com".to_owned();
}

impl Sink {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sink = Self { port: listener.local_addr().unwrap().port(), mails: Arc::default(), mood: Arc::default() };
        let serving = sink.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.talk(stream));
            }
        });
        sink
    }

    pub fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Takes out what has come so far, in the order of the recipients.
    pub fn take(&self) -> Vec<Mail> {
        let mut mails = std::mem::take(&mut *self.mails.lock().unwrap());
        mails.sort_by(|a, b| a.to.cmp(&b.to));
        mails
    }

    fn talk(&self, stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
        let mut stream = stream;
        let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes()).ok();
        say("220 sink.example")?;
        let mut to = String::new();
        while let Some(Ok(line)) = lines.next() {
            let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            match word.as_str() {
                "EHLO" => say("250-sink.example\r\n250 8BITMIME")?,
                "RCPT" => {
                    line.split(['<', '>']).nth(1)?.clone_into(&mut to);
                    match *self.mood.lock().unwrap() {
                        Mood::Takes => say("250 ok")?,
                        Mood::Slow => {
                            std::thread::sleep(std::time::Duration::from_millis(500));
                            say("250 ok")?;
                        }
                        Mood::Busy => say("451 try again")?,
                        Mood::Refuses => say("550 no such mailbox")?,
                    }
                }
                "DATA" => {
                    say("354 go on")?;
                    let mut data = String::new();
                    for line in lines.by_ref().map_while(Result::ok) {
                        if line == "." {
                            break;
                        }
                        data.push_str(line.strip_prefix('.').unwrap_or(&line));
                        data.push('\n');
                    }
                    self.mails.lock().unwrap().push(Mail { to: to.clone(), data });
                    say("250 kept")?;
                }
                "QUIT" => return say("221 bye"),
                _ => say("250 ok")?,
            }
        }
        None
    }
}
