//! What was acknowledged is there after a crash of the process, and after a loss of power.

mod full_disk;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::ids::SessionId;
use runner_core::ports::EventLog;

const WRITERS: usize = 64;

/// Runs 64 writers until they are killed with -9; returns the last acknowledged version of each session.
fn write_until_killed(database: &Path, at_kill: impl FnOnce()) -> BTreeMap<SessionId, u64> {
    let program = runner_tests::program("append-until-killed");
    let mut writers = Command::new(program)
        .args([database.as_os_str(), WRITERS.to_string().as_ref()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = writers.stdout.take().unwrap();
    let mut acknowledged = Vec::new();
    let mut chunk = [0; 4096];
    while acknowledged.len() < 200_000 {
        let read = output.read(&mut chunk).unwrap();
        assert!(read > 0, "the writers ended by themselves");
        acknowledged.extend_from_slice(&chunk[..read]);
    }
    // The medium as it is at this moment; what is acknowledged later is not held against it.
    at_kill();
    writers.kill().unwrap();
    writers.wait().unwrap();
    parse(&acknowledged)
}

fn parse(output: &[u8]) -> BTreeMap<SessionId, u64> {
    let text = String::from_utf8_lossy(output);
    let whole = &text[..text.rfind('\n').unwrap()];
    let lines = whole.lines().map(|line| line.split_once(' ').unwrap());
    let mut last = BTreeMap::new();
    for (session, version) in lines {
        last.insert(SessionId::from_str(session).unwrap(), version.parse().unwrap());
    }
    last
}

async fn assert_all_there(database: &Path, acknowledged: &BTreeMap<SessionId, u64>) {
    let store = EventStore::open(database, Arc::new(SystemClock::default())).await.unwrap();
    assert_eq!(acknowledged.len(), WRITERS);
    for (session, version) in acknowledged {
        let verified = store.verify((*session).into()).await.unwrap();
        assert!(verified.valid, "{verified:?}");
        assert!(
            verified.events >= *version,
            "{session}: {} of {version} acknowledged events",
            verified.events
        );
    }
    store.close().await;
    let rebuilt = EventStore::rebuild_projections(database).await.unwrap();
    assert_eq!(rebuilt.digest_after, rebuilt.digest_before, "read models are what the log adds up to");
}

#[tokio::test]
async fn kill_9_under_64_writers_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("events.db");

    let acknowledged = write_until_killed(&database, || ());

    assert_all_there(&database, &acknowledged).await;
}

/// A file system in a file; unmounted when dropped.
struct Image {
    file: PathBuf,
    mount: PathBuf,
}

impl Image {
    /// Absent where this machine has no loop devices or this user may not mount.
    fn mount(file: &Path, mount: &Path) -> Option<Self> {
        std::fs::create_dir_all(mount).unwrap();
        let mounted =
            Command::new("mount").args(["-o", "loop"]).arg(file).arg(mount).stderr(Stdio::null()).status();
        let is_mounted = mounted.is_ok_and(|status| status.success());
        is_mounted.then(|| Self { file: file.to_owned(), mount: mount.to_owned() })
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // A process that has just been killed may hold it for a moment.
        for _ in 0..50 {
            if Command::new("umount").arg(&self.mount).status().is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[tokio::test]
async fn a_loss_of_power_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disk.img");
    std::fs::File::create(&file).unwrap().set_len(256 * 1024 * 1024).unwrap();
    let formatted = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&file).status();
    if !formatted.is_ok_and(|status| status.success()) {
        return skipped("mkfs.ext4 is not installed");
    }
    let Some(disk) = Image::mount(&file, &folder.path().join("disk")) else {
        return skipped("loop devices cannot be mounted here");
    };
    let survivor = folder.path().join("survivor.img");

    // The image holds what reached the disk; what only the upper page cache knew is lost with the copy.
    let acknowledged = write_until_killed(&disk.mount.join("events.db"), || {
        std::fs::copy(&disk.file, &survivor).unwrap();
    });

    let disk = Image::mount(&survivor, &folder.path().join("survivor")).unwrap();
    assert_all_there(&disk.mount.join("events.db"), &acknowledged).await;
}

/// Says that a test proves nothing here; the output of tests that pass is kept from everybody.
fn skipped(why: &str) {
    std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes()).unwrap();
}
