//! An import while a server uses the data folder: the command asks that server over a socket in the folder,
//! which only the server's user can open.
//!
//! The command sends one line, the folder as a JSON string. The server answers with a JSON object in each
//! line, what it says on the way and how it ended. It reads the folder itself. Whoever leaves stops it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use runner_actors::Adoption;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::{Audience, ImportReport, Note, take_in};

const NAME: &str = "import.sock";

/// Between connecting and having said what to import.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest path, with room for JSON's escapes.
const MAX_REQUEST_BYTES: u64 = 64 * 1024;

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Note(Note),
    Ended(ImportReport),
    Failed(String),
}

/// Takes imports, one after the other, until the server stops. A server that cannot goes on without.
pub(crate) fn listen(
    data_dir: &Path,
    adoption: Adoption,
    is_stopping: impl Fn() -> bool + Clone + Send + 'static,
) {
    let path = data_dir.join(NAME);
    let listener = match bind(&path) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "nothing can be imported while this server runs");
            return;
        }
    };
    actix_rt::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Err(error) = answer(stream, adoption.clone(), is_stopping.clone()).await {
                tracing::debug!(%error, "whoever wanted to import something left");
            }
        }
    });
}

/// What an earlier server left is in the way; the lock on the folder says that it is gone.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn answer(
    stream: UnixStream,
    adoption: Adoption,
    is_stopping: impl Fn() -> bool + Send + 'static,
) -> anyhow::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut request = String::new();
    let mut reader = BufReader::new(reader.take(MAX_REQUEST_BYTES));
    tokio::time::timeout(PATIENCE, reader.read_line(&mut request)).await??;
    let folder: PathBuf = serde_json::from_str(&request)?;
    let (sender, mut lines) = mpsc::unbounded_channel();
    let mut client = Client { lines: sender.clone(), is_stopping: Box::new(is_stopping) };
    let runtime = tokio::runtime::Handle::current();
    // Transcripts are read without pause, which would hold up whoever else the server answers.
    tokio::task::spawn_blocking(move || {
        let ended = match runtime.block_on(take_in(adoption, &folder, &mut client)) {
            Ok(report) => Line::Ended(report),
            Err(error) => Line::Failed(format!("{error:#}")),
        };
        // Nobody may be left to be told.
        drop(sender.send(ended));
    });
    let mut more = String::new();
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => writer.write_all(&written(&line)?).await?,
                None => return Ok(()),
            },
            // Nothing more is said: this is the end.
            _ = reader.read_line(&mut more) => return Ok(()),
        }
    }
}

fn written(line: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The command at the other end.
struct Client {
    lines: mpsc::UnboundedSender<Line>,
    is_stopping: Box<dyn Fn() -> bool + Send>,
}

impl Audience for Client {
    fn tell(&mut self, note: Note) {
        // Whether anybody listens is asked before the next transcript.
        drop(self.lines.send(Line::Note(note)));
    }

    fn stop(&self) -> Option<&'static str> {
        if self.lines.is_closed() {
            Some("nobody waits for it any more")
        } else if (self.is_stopping)() {
            Some("the server stops")
        } else {
            None
        }
    }
}

/// Has the server that uses a data folder import something.
pub(super) async fn ask(
    data_dir: &Path,
    folder: &Path,
    audience: &mut dyn Audience,
) -> anyhow::Result<ImportReport> {
    let folder = std::path::absolute(folder)?;
    let stream = UnixStream::connect(data_dir.join(NAME)).await.with_context(|| {
        format!("{} is in use by a server that takes no imports: stop it first", data_dir.display())
    })?;
    let (reader, mut writer) = stream.into_split();
    writer.write_all(&written(&folder)?).await?;
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Line::Note(note) => audience.tell(note),
            Line::Ended(report) => return Ok(report),
            Line::Failed(reason) => anyhow::bail!("{reason}"),
        }
    }
    anyhow::bail!("the server ended before the import did; importing again goes on")
}
