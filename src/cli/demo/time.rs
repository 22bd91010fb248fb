//! The demonstration's timestamp authority, while it stays up: an emulated one, named in the folder's settings, so that pages show tokens
//! and `evidence verify --data` finds their root. `--once` goes without: whoever judges its bundle has no root to pin.

use std::{fs, path::Path, sync::Arc};

use crate::{cli::deployment::Trouble, clock::SystemClock, connect::emulator::tsa::Tsa};

/// Begins the settings that this file wrote; others are left alone.
const MARK: &str = "# Written by `countermand demo` at each start.\n";
/// Every root that the folder ever had: bundles of earlier runs lead to theirs.
const ROOTS: &str = "demo-timestamp-roots.pem";

/// Starts the authority and names it in the settings of `data`, unless somebody wrote settings of their own.
pub(super) fn start(data: &Path) -> Result<Option<Tsa>, Trouble> {
    let path = data.join("countermand.toml");
    if path.exists() && !fs::read_to_string(&path).is_ok_and(|text| text.starts_with(MARK)) {
        return Ok(None);
    }
    let tsa = Tsa::start_local(Arc::new(SystemClock)).map_err(Trouble::cannot)?;
    let access = tsa.access();
    let failed = |e: std::io::Error| Trouble::Cannot(format!("{}: {e}", data.display()));
    let earlier = fs::read_to_string(data.join(ROOTS)).unwrap_or_default();
    fs::write(data.join(ROOTS), earlier + &access.root).map_err(failed)?;
    let settings = format!("[[timestamp.authorities]]\nname = \"demo\"\nurl = \"{}\"\nroot = \"{ROOTS}\"\n", access.base_url);
    fs::write(path, format!("{MARK}allow_private_destinations = true\n{settings}")).map_err(failed)?;
    Ok(Some(tsa))
}

#[cfg(test)]
mod tests {
    use super::{ROOTS, start};
    use crate::{app::timestamps, config::Config};

    #[test]
    fn roots_add_up_and_settings_of_ones_own_are_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let load = || Config::load(folder.path(), std::iter::empty::<(String, String)>()).expect("settings");
        for runs in 1..=2 {
            let authority = start(folder.path()).expect("an authority").expect("settings of ours");
            let config = load();
            assert_eq!(config.timestamp.authorities[0].url, authority.access().base_url);
            assert_eq!(timestamps::roots(&config).fingerprints().len(), runs, "bundles of the first run lead to its root");
        }
        std::fs::write(folder.path().join("countermand.toml"), "tenant = \"Example\"\n").expect("written");
        assert!(start(folder.path()).expect("no trouble").is_none());
        assert!(load().timestamp.authorities.is_empty());
        std::fs::remove_file(folder.path().join("countermand.toml")).expect("removed");
        std::fs::remove_file(folder.path().join(ROOTS)).expect("removed");
        std::fs::create_dir(folder.path().join(ROOTS)).expect("a folder in its place");
        assert!(start(folder.path()).is_err());
    }
}
