//! Somebody else's web site on this machine, as a browser sees one that it was lured to.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Where the names of hostile sites lead; nothing of a server under test listens there.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// The path of the site's one page.
const PAGE: &str = "/page";

/// A site with one page. Dropping it takes it off the network.
pub struct HostileSite {
    port: u16,
    serving: JoinHandle<()>,
}

impl HostileSite {
    /// A site at an address, on a port of its own.
    pub async fn start(address: Ipv4Addr, page: &str) -> Self {
        Self::serve((address, 0).into(), None, page).await
    }

    /// A site that has served its page and then has its name lead to a server: to a browser it is still the
    /// same site, on the same port.
    pub async fn rebinding_to(server: SocketAddr, page: &str) -> Self {
        Self::serve((ADDRESS, server.port()).into(), Some(server), page).await
    }

    async fn serve(at: SocketAddr, rebound: Option<SocketAddr>, page: &str) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let page = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        );
        let serving = tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                tokio::spawn(answer(browser, rebound, page.clone()));
            }
        });
        Self { port, serving }
    }

    /// The address of the page, under a name that leads here.
    pub fn url(&self, host: &str) -> String {
        format!("http://{host}:{}{PAGE}", self.port)
    }
}

impl Drop for HostileSite {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A browser that goes away in the middle is no business of the site.
async fn answer(mut browser: TcpStream, rebound: Option<SocketAddr>, page: String) -> Option<()> {
    let mut head = vec![];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if browser.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let is_page = head.starts_with(format!("GET {PAGE} ").as_bytes());
    match rebound {
        Some(server) if !is_page => {
            let mut server = TcpStream::connect(server).await.ok()?;
            server.write_all(&head).await.ok()?;
            copy_bidirectional(&mut browser, &mut server).await.ok()?;
        }
        _ if is_page => browser.write_all(page.as_bytes()).await.ok()?,
        _ => browser
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await
            .ok()?,
    }
    Some(())
}
