//! A client that opens a stream and takes nothing of it.

use std::time::Duration;

use reqwest::Url;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::server::Server;

/// As little as the kernel grants.
const RECEIVE_BUFFER: u32 = 4096;

/// An open stream of a session's events that nobody reads.
pub struct StalledReader(TcpStream);

impl StalledReader {
    /// Opens the stream behind a version.
    pub async fn open(server: &Server, session: &str, after: u64) -> Self {
        let url = Url::parse(&server.url("/")).unwrap();
        let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
        let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
        let request = format!(
            "GET /api/sessions/{session}/events?after={after} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// Waits until the server has no end of the connection any more, at most so long. Nothing is read
    /// meanwhile, so this end does not learn of it.
    pub async fn is_cut_off_within(&self, limit: Duration) -> bool {
        let cut_off = async {
            while self.is_open_at_the_server() {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        tokio::time::timeout(limit, cut_off).await.is_ok()
    }

    /// Whether the kernel's table has the other end.
    pub fn is_open_at_the_server(&self) -> bool {
        let ports = [self.0.peer_addr().unwrap().port(), self.0.local_addr().unwrap().port()];
        let ends = ports.map(|port| format!("0100007F:{port:04X}"));
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        table.lines().any(|line| line.contains(&format!("{} {}", ends[0], ends[1])))
    }
}
