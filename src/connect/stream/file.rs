//! A folder of files, one JSON object a line: a new file each day (UTC) and whenever one is full. Only this account can read them.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
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
    folder: PathBuf,
    full: u64,
    /// The file that is written to; what a killed process left of a line was cut off when it was opened.
    open: Option<(String, fs::File)>,
}

impl File {
    pub(super) fn new(below: &Path, name: &str) -> Result<Self, SinkError> {
        check(name).map_err(|kind| SinkError::Address(kind.to_owned()))?;
        Ok(Self { folder: below.join(name), full: FULL, open: None })
    }

    pub(super) async fn deliver(&mut self, lines: &[Line], now: Instant) -> Result<(), SinkError> {
        let text: String = lines.iter().map(|line| format!("{}\n", line.json)).collect();
        let (folder, full, open) = (self.folder.clone(), self.full, self.open.take());
        let day = now.to_rfc3339()[..10].to_owned();
        let written = tokio::task::spawn_blocking(move || write(&folder, full, open, &day, text.as_bytes())).await;
        let failed = |e: io::Error| SinkError::Disk(e.to_string());
        self.open = Some(written.map_err(io::Error::other).and_then(|r| r).map_err(failed)?);
        Ok(())
    }
}

/// Appends `text` to the day's newest file that is not full; it is on the disk when this returns. The lock keeps a test of the stream and
/// its worker apart: what one has half written is no torn line for the other.
fn write(folder: &Path, full: u64, open: Option<(String, fs::File)>, day: &str, text: &[u8]) -> io::Result<(String, fs::File)> {
    let there = |name: &str, file: &fs::File| {
        let on_disk = folder.join(name).metadata()?;
        let ours = file.metadata()?;
        Ok::<bool, io::Error>((on_disk.dev(), on_disk.ino()) == (ours.dev(), ours.ino()))
    };
    let fits = |name: &str, file: &fs::File| {
        // Somebody may have taken the file away to their archive.
        name.starts_with(day) && file.metadata().is_ok_and(|m| m.len() < full) && there(name, file).unwrap_or(false)
    };
    let (name, mut file) = match open {
        Some((name, file)) if fits(&name, &file) => {
            file.lock()?;
            (name, file)
        }
        _ => begin(folder, full, day)?,
    };
    // A failure in the middle leaves half a line: the next try opens the file anew and cuts it off.
    file.write_all(text)?;
    file.sync_data()?;
    file.unlock()?;
    Ok((name, file))
}

/// Opens the day's newest file, locked and mended, or the next one where it is full or there is none.
fn begin(folder: &Path, full: u64, day: &str) -> io::Result<(String, fs::File)> {
    private::folder(folder)?;
    let mut newest = 0u32;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(day).and_then(|rest| rest.strip_prefix('-')).and_then(|rest| rest.strip_suffix(".jsonl"));
        newest = newest.max(number.and_then(|n| n.parse().ok()).unwrap_or(0));
    }
    let name = |number: u32| format!("{day}-{number:04}.jsonl");
    if newest > 0 {
        let mut file = OpenOptions::new().read(true).append(true).custom_flags(no_follow()).open(folder.join(name(newest)))?;
        file.lock()?;
        mend(&mut file)?;
        if file.metadata()?.len() < full {
            return Ok((name(newest), file));
        }
    }
    let path = folder.join(name(newest + 1));
    let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path)?;
    file.lock()?;
    fs::File::open(folder)?.sync_all()?;
    Ok((name(newest + 1), file))
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

    #[test]
    fn a_folder_is_a_name_and_not_a_way_out() {
        assert!(check("siem-1").is_ok());
        for wrong in ["", "..", ".hidden", "a/b", "/etc", "日志", &"a".repeat(65)] {
            assert_eq!(check(wrong), Err("folder"), "{wrong}");
        }
    }
}
