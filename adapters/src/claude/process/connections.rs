//! The owner of a connection on this machine: an agent, or somebody who may make requests.
//!
//! On loopback a server may take requests without a token, and agents share the network with everybody. So
//! the far end of a connection is looked up: the kernel's table of sockets has its inode, and `/proc` the
//! processes that hold it. An unclear case counts as an agent's: a socket without a holder may be one that an
//! agent has closed or is handing on, and a holder that cannot be looked at may be hidden.
//!
//! The gateway asks the opposite ([`AgentProcesses`]): whether a connection is of the very agent that its
//! token was made for. There, an unclear case is not the agent's.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use nix::unistd::Uid;

use super::process_tree::Marker;
use super::socket_lookup::{self, Socket};
use crate::claude::limits::{GroupMembers, is_in_group_of};
use crate::gateway::Caller;

const TABLES: [&str; 2] = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];

/// Far more ancestors than any process has.
const MAX_ANCESTORS: usize = 4096;

/// Finds the agents of one installation behind connections.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    instance: String,
}

impl Connections {
    pub(crate) fn new(instance: &str) -> Self {
        Self { instance: instance.to_owned() }
    }

    /// Whether the end `peer` of a connection to `here` may be an agent's. Reads much of `/proc`.
    pub(crate) fn may_be_an_agents(&self, peer: SocketAddr, here: SocketAddr) -> bool {
        let sockets = open_sockets(peer, here);
        sockets.is_empty() || sockets.into_iter().any(|socket| self.is_an_agents(socket))
    }

    fn is_an_agents(&self, socket: Socket) -> bool {
        let own = Uid::effective();
        if socket.inode == 0 {
            return true;
        }
        // Agents run as the server's user; only root could change that.
        if !own.is_root() && socket.owner != own.as_raw() {
            return false;
        }
        let holders = holders(socket.inode);
        holders.is_empty() || holders.into_iter().any(|pid| self.is_agent(pid))
    }

    fn is_agent(&self, pid: i32) -> bool {
        is_below_this_process(pid)
            || Marker::of_instance(&self.instance).marks(pid)
            || is_in_group_of(&self.instance, pid)
    }
}

/// The processes of one agent: those in its control group or, where there is none, the started process and
/// its descendants. A marker in the environment would prove nothing here, for anybody can set it.
#[derive(Clone, Debug)]
pub(crate) struct AgentProcesses {
    group: Option<GroupMembers>,
    /// The id of the started process, once it has one.
    started: Arc<OnceLock<u32>>,
}

impl AgentProcesses {
    /// Absent where the kernel shows no connections.
    pub(crate) fn new(group: Option<GroupMembers>, started: Arc<OnceLock<u32>>) -> Option<Self> {
        TABLES.iter().any(|path| fs::File::open(path).is_ok()).then_some(Self { group, started })
    }

    fn has(&self, pid: i32) -> bool {
        match (&self.group, self.started.get()) {
            (Some(group), _) => group.pids().contains(&pid),
            (None, Some(started)) => is_below(*started, pid),
            (None, None) => false,
        }
    }
}

impl Caller for AgentProcesses {
    fn is_at(&self, peer: SocketAddr, port: u16) -> bool {
        // The gateway listens there.
        let here = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let sockets = open_sockets(peer, here).into_iter().filter(|socket| socket.inode != 0);
        let sockets: Vec<Socket> = sockets.collect();
        let holds_one = |pid: i32| {
            let descriptors = format!("/proc/{pid}/fd");
            sockets.iter().any(|socket| holds(Path::new(&descriptors), socket.inode))
        };
        match &self.group {
            Some(group) => group.pids().into_iter().any(holds_one),
            None => sockets.iter().flat_map(|socket| holders(socket.inode)).any(|pid| self.has(pid)),
        }
    }
}

fn open_sockets(peer: SocketAddr, here: SocketAddr) -> Vec<Socket> {
    match socket_lookup::find(peer, here) {
        Some(socket) => vec![socket],
        None => listed(peer, here.port()),
    }
}

fn listed(peer: SocketAddr, port: u16) -> Vec<Socket> {
    let tables = TABLES.iter().filter_map(|path| fs::read_to_string(path).ok());
    tables.flat_map(|table| sockets(&table, peer, port)).collect()
}

/// Whether a process descends from the server. A process that an agent leaves behind in a sandbox goes to the
/// sandbox's first process, so it is found as well.
fn is_below_this_process(pid: i32) -> bool {
    parent(pid).is_none_or(|parent| is_below(std::process::id(), parent))
}

/// Whether a process is the ancestor or descends from it. A process that has just ended counts as one that
/// does.
fn is_below(ancestor: u32, pid: i32) -> bool {
    let ancestor = i32::try_from(ancestor).unwrap_or_default();
    let mut pid = pid;
    for _ in 0..MAX_ANCESTORS {
        match pid {
            pid if pid == ancestor => return true,
            0 | 1 => return false,
            _ => match parent(pid) {
                Some(parent) => pid = parent,
                None => return true,
            },
        }
    }
    true
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before this field is in brackets, and may have any character in it.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The processes that hold a socket, as far as they can be looked at.
fn holders(inode: u64) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| holds(Path::new(&format!("/proc/{pid}/fd")), inode)).collect()
}

fn holds(descriptors: &Path, inode: u64) -> bool {
    let name = format!("socket:[{inode}]");
    let entries = fs::read_dir(descriptors).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| target.as_os_str() == name.as_str())
}

/// The entries of a table for the end `peer` of a connection to a port here.
fn sockets(table: &str, peer: SocketAddr, port: u16) -> Vec<Socket> {
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    let entries = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, remote) = (address(fields.get(1)?)?, address(fields.get(2)?)?);
        let socket = Socket { owner: fields.get(7)?.parse().ok()?, inode: fields.get(9)?.parse().ok()? };
        (local == peer && remote.port() == port).then_some(socket)
    });
    entries.collect()
}

/// Reads `0100007F:1F90` as 127.0.0.1:8080: words in the byte order of this machine, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word = |at: usize| {
        let word = u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
    use std::process::{Command, Stdio};

    use super::{Connections, Socket, listed, sockets};
    use crate::claude::process::socket_lookup;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 22 1 0 20 4 30 10 -1
   2: 0000000000000000FFFF00000100007F:D432 0000000000000000FFFF00000100007F:1F90 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
";

    #[test]
    fn far_end_of_a_connection_is_found_in_the_table() {
        let find = |peer: &str| sockets(TABLE, peer.parse().unwrap(), 8080);

        if cfg!(target_endian = "little") {
            assert_eq!(find("127.0.0.1:54321"), [Socket { owner: 1000, inode: 22 }]);
            assert_eq!(find("[::ffff:127.0.0.1]:54322"), [Socket { owner: 0, inode: 0 }]);
        }
        assert_eq!(find("127.0.0.1:54323"), []);
        assert_eq!(find("127.0.0.2:54321"), []);
    }

    #[test]
    fn what_the_kernel_is_asked_for_is_what_its_table_lists() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (near, far) = (client.local_addr().unwrap(), client.peer_addr().unwrap());

            let found = socket_lookup::find(near, far);

            assert!(found.is_some_and(|socket| socket.inode > 0), "{address}: {found:?}");
            assert_eq!(found.into_iter().collect::<Vec<_>>(), listed(near, far.port()));
        }
    }

    fn accepted(listener: &TcpListener) -> (TcpStream, SocketAddr) {
        listener.accept().unwrap()
    }

    #[test]
    fn what_others_connect_is_not_taken_for_an_agents_and_what_a_child_connects_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let port = here.port();
        let connections = Connections::new("instance");

        let own = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (_near, far) = accepted(&listener);
        assert!(!connections.may_be_an_agents(far, here));

        let command = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; read line");
        let mut child = Command::new("bash").args(["-c", &command]).stdin(Stdio::piped()).spawn().unwrap();
        let (near_child, far_child) = accepted(&listener);
        assert!(connections.may_be_an_agents(far_child, here));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(connections.may_be_an_agents(far_child, here), "nobody holds it any more");
        near_child.shutdown(Shutdown::Both).ok();

        drop(own);
        assert!(connections.may_be_an_agents(far, here), "it was closed");
    }
}
