//! A folder of files, one JSON object a line: a new file each day (UTC) and whenever one is full. Only this account can read them.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{Line, SinkError};
use crate::{clock::Instant, crypto::private};

/// A file that has grown to this many bytes is full.
const FULL: u64 = 64 << 20;

/// A folder's name: letters, digits, hyphens, underscores and points, without a point at its beginning.
///
/// # Errors
/// The kind of the form's error.
pub(super) fn check(name: &str) -> Result<(), &'static str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let good = (1..=64).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('.');
    if good { Ok(()) } else { Err("folder") }
}

/// The way into one folder.
pub struct File {
    below: PathBuf,
    name: String,
    full: u64,
}

impl File {
    pub(super) fn new(below: &Path, name: &str) -> Result<Self, SinkError> {
        check(name).map_err(|kind| SinkError::Address(kind.to_owned()))?;
        Ok(Self { below: below.to_owned(), name: name.to_owned(), full: FULL })
    }

    pub(super) async fn deliver(&mut self, lines: &[Line], now: Instant) -> Result<(), SinkError> {
        let text: String = lines.iter().map(|line| format!("{}\n", line.json)).collect();
        let (below, name, full) = (self.below.clone(), self.name.clone(), self.full);
        let day = day(now);
        let written = tokio::task::spawn_blocking(move || write(&below, &name, full, &day, text.as_bytes())).await;
        written.map_err(io::Error::other).and_then(|r| r).map_err(|e| SinkError::Disk(e.to_string()))
    }
}

fn day(at: Instant) -> String {
    at.to_rfc3339()[..10].to_owned()
}

/// Appends `text` to the day's newest file that is not full; it is on the disk when this returns. A test of the stream, its worker and the
/// worker of another process write one after the other: what one has half written is no torn line for the next.
fn write(below: &Path, name: &str, full: u64, day: &str, text: &[u8]) -> io::Result<()> {
    let folder = below.join(name);
    private::folder(&folder)?;
    let _turn = turn(below, name)?;
    let mut file = begin(&folder, full, day)?;
    // A failure in the middle leaves half a line, which whoever writes next cuts off.
    file.write_all(text)?;
    file.sync_data()
}

/// Waits until nobody else writes into a folder; they wait until the answer is dropped. The lock lies beside the folder, in which there is
/// nothing but events.
fn turn(below: &Path, name: &str) -> io::Result<fs::File> {
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(no_follow())
        .open(below.join(format!(".{name}.lock")))?;
    lock.lock()?;
    Ok(lock)
}

/// Removes the files of all folders in `below` whose day is over and before that of `before`; how many.
///
/// # Errors
/// Where a folder cannot be read or a file not be removed.
pub fn tidy(below: &Path, before: Instant) -> io::Result<u64> {
    let (mut gone, before) = (0, day(before));
    let folders = match fs::read_dir(below) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        found => found?,
    };
    for folder in folders {
        let folder = folder?;
        if !folder.file_type()?.is_dir() || check(&folder.file_name().to_string_lossy()).is_err() {
            continue;
        }
        for file in fs::read_dir(folder.path())? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            if file.file_type()?.is_file() && numbered(&name).is_some_and(|(day, _)| day < before.as_str()) {
                fs::remove_file(file.path())?;
                gone += 1;
            }
        }
    }
    Ok(gone)
}

/// Day and number of a file that a stream wrote: `2026-11-22-0001.jsonl`.
fn numbered(name: &str) -> Option<(&str, u32)> {
    let (day, number) = name.strip_suffix(".jsonl")?.split_at_checked(10)?;
    let like_a_day = day.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    let number = number.strip_prefix('-')?.parse().ok()?;
    like_a_day.then_some((day, number))
}

/// Opens the day's newest file, mended, or the next one where it is full or there is none.
fn begin(folder: &Path, full: u64, day: &str) -> io::Result<fs::File> {
    let mut newest = 0u32;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        newest = newest.max(numbered(&name).filter(|(of, _)| *of == day).map_or(0, |(_, number)| number));
    }
    let path = |number: u32| folder.join(format!("{day}-{number:04}.jsonl"));
    if newest > 0 {
        let mut file = OpenOptions::new().read(true).append(true).custom_flags(no_follow()).open(path(newest))?;
        mend(&mut file)?;
        if file.metadata()?.len() < full {
            return Ok(file);
        }
    }
    let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(path(newest + 1))?;
    fs::File::open(folder)?.sync_all()?;
    Ok(file)
}

/// `O_NOFOLLOW`: a link that somebody put in the file's place is not followed.
fn no_follow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

/// Cuts off what stands behind the last end of a line.
fn mend(file: &mut fs::File) -> io::Result<()> {
    const STEP: u64 = 64 << 10;
    let length = file.metadata()?.len();
    let mut end = length;
    while end > 0 {
        let from = end.saturating_sub(STEP);
        let mut piece = vec![0; usize::try_from(end - from).unwrap_or(0)];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut piece)?;
        if let Some(at) = piece.iter().rposition(|b| *b == b'\n') {
            end = from + at as u64 + 1;
            break;
        }
        end = from;
    }
    if end < length {
        file.set_len(end)?;
        file.sync_data()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn line(n: u32) -> Line {
        Line { id: n.to_string(), at: Instant(0), action: "a.b".to_owned(), outcome: "success".to_owned(), json: format!("{{\"n\":{n}}}") }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn files_turn_by_day_and_size_and_only_we_can_read_them() {
        let below = tempfile::tempdir().unwrap();
        let mut sink = File { full: 16, ..File::new(below.path(), "siem").unwrap() };
        let day = |text: &str| Instant::parse(&format!("{text}T23:00:00Z")).unwrap();
        for n in 1..=4 {
            sink.deliver(&[line(n)], day("2026-11-22")).await.unwrap();
        }
        sink.deliver(&[line(5)], day("2026-11-23")).await.unwrap();
        let folder = below.path().join("siem");
        assert_eq!(names(&folder), ["2026-11-22-0001.jsonl", "2026-11-22-0002.jsonl", "2026-11-23-0001.jsonl"]);
        assert_eq!(fs::read_to_string(folder.join("2026-11-22-0002.jsonl")).unwrap(), "{\"n\":3}\n{\"n\":4}\n");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("2026-11-23-0001.jsonl"))), (0o700, 0o600));
    }

    #[tokio::test]
    async fn a_torn_line_is_cut_off_and_a_file_that_was_taken_away_is_begun_anew() {
        let below = tempfile::tempdir().unwrap();
        let now = Instant::parse("2026-11-22T09:00:00Z").unwrap();
        let mut sink = File::new(below.path(), "siem").unwrap();
        sink.deliver(&[line(1)], now).await.unwrap();
        let path = below.path().join("siem/2026-11-22-0001.jsonl");
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"n\":2").unwrap();
        let mut again = File::new(below.path(), "siem").unwrap();
        again.deliver(&[line(2)], now).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"n\":1}\n{\"n\":2}\n");
        fs::remove_file(&path).unwrap();
        again.deliver(&[line(3)], now).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"n\":3}\n");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_writes_at_the_same_time_writes_whole_lines() {
        let below = tempfile::tempdir().unwrap();
        let now = Instant::parse("2026-11-22T09:00:00Z").unwrap();
        let writers = (0..4).map(|w| {
            let mut sink = File { full: 400, ..File::new(below.path(), "siem").unwrap() };
            tokio::spawn(async move {
                for n in 0..25 {
                    sink.deliver(&[line(w * 100 + n)], now).await.unwrap();
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let folder = below.path().join("siem");
        let text: String = names(&folder).iter().map(|n| fs::read_to_string(folder.join(n)).unwrap()).collect();
        assert_eq!(text.lines().filter(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()).count(), 100);
    }

    #[test]
    fn files_of_days_that_are_over_long_ago_go_and_nothing_else() {
        let below = tempfile::tempdir().unwrap();
        let folder = below.path().join("siem");
        fs::create_dir(&folder).unwrap();
        for name in ["2026-01-01-0001.jsonl", "2026-01-02-0001.jsonl", "2026-01-03-0001.jsonl", "2026-01-01.txt", "notes"] {
            fs::write(folder.join(name), "").unwrap();
        }
        let before = Instant::parse("2026-01-02T23:00:00Z").unwrap();
        assert_eq!(tidy(below.path(), before).unwrap(), 1);
        assert_eq!(names(&folder), ["2026-01-01.txt", "2026-01-02-0001.jsonl", "2026-01-03-0001.jsonl", "notes"]);
        assert_eq!(tidy(&below.path().join("none"), before).unwrap(), 0);
    }

    #[test]
    fn a_folder_is_a_name_and_not_a_way_out() {
        assert!(check("siem-1").is_ok());
        for wrong in ["", "..", ".hidden", "a/b", "/etc", "日志", &"a".repeat(65)] {
            assert_eq!(check(wrong), Err("folder"), "{wrong}");
        }
    }
}
