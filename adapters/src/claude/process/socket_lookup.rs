//! Asking the kernel for one socket, by its two ends.
//!
//! The tables below `/proc/net` are written out whole for each reader, which takes milliseconds where the
//! kernel has room for many connections. `sock_diag(7)` looks one up at once.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;

use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType};
use nix::sys::socket::{recv, sendto, socket};

/// One end of a connection, as the kernel knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) owner: u32,
    /// `0` where no process holds the socket any more.
    pub(super) inode: u64,
}

/// The kernel's names for the request, with the layout of `nlmsghdr` and `inet_diag_req_v2`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const HEADER_BYTES: usize = 16;
const REQUEST_BYTES: usize = 72;

/// Where parts of the answer, an `inet_diag_msg`, begin.
const TYPE_AT: usize = 4;
const PORTS_AT: usize = HEADER_BYTES + 4;
const OWNER_AT: usize = HEADER_BYTES + 64;
const INODE_AT: usize = HEADER_BYTES + 68;

/// The socket that is bound to `near` and connected to `far`. `None` if there is none, or the kernel does not
/// say.
pub(super) fn find(near: SocketAddr, far: SocketAddr) -> Option<Socket> {
    let question = question(canonical(near), canonical(far))?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let protocol = SockProtocol::NetlinkSockDiag;
    let kernel = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol).ok()?;
    sendto(kernel.as_raw_fd(), &question, &NetlinkAddr::new(0, 0), MsgFlags::empty()).ok()?;
    // The answer is there when the question has been taken.
    let mut answer = [0; 1024];
    let length = recv(kernel.as_raw_fd(), &mut answer, MsgFlags::empty()).ok()?;
    read(answer.get(..length)?, (near.port(), far.port()))
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn question(near: SocketAddr, far: SocketAddr) -> Option<[u8; REQUEST_BYTES]> {
    let family = match (near.ip(), far.ip()) {
        (IpAddr::V4(_), IpAddr::V4(_)) => libc::AF_INET,
        (IpAddr::V6(_), IpAddr::V6(_)) => libc::AF_INET6,
        (IpAddr::V4(_) | IpAddr::V6(_), IpAddr::V4(_) | IpAddr::V6(_)) => return None,
    };
    let any_state = u32::MAX.to_ne_bytes();
    let parts: [&[u8]; 12] = [
        &u32::try_from(REQUEST_BYTES).ok()?.to_ne_bytes(),
        &SOCK_DIAG_BY_FAMILY.to_ne_bytes(),
        &NLM_F_REQUEST.to_ne_bytes(),
        &[0; 8],
        &[u8::try_from(family).ok()?, u8::try_from(libc::IPPROTO_TCP).ok()?, 0, 0],
        &any_state,
        &near.port().to_be_bytes(),
        &far.port().to_be_bytes(),
        &octets(near.ip()),
        &octets(far.ip()),
        &[0; 4],
        // Whatever its cookie is.
        &[u8::MAX; 8],
    ];
    parts.concat().try_into().ok()
}

/// An address in the room for the longer ones.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&address.octets());
            octets
        }
        IpAddr::V6(address) => address.octets(),
    }
}

/// Reads an answer. Where no connection has these ends, the kernel may tell of who listens there.
fn read(answer: &[u8], (near, far): (u16, u16)) -> Option<Socket> {
    let bytes = |at: usize| answer.get(at..at + 4)?.try_into().ok();
    let kind = u16::from_ne_bytes(answer.get(TYPE_AT..TYPE_AT + 2)?.try_into().ok()?);
    let [near_high, near_low, far_high, far_low] = bytes(PORTS_AT)?;
    let ports = (u16::from_be_bytes([near_high, near_low]), u16::from_be_bytes([far_high, far_low]));
    let (owner, inode) = (u32::from_ne_bytes(bytes(OWNER_AT)?), u32::from_ne_bytes(bytes(INODE_AT)?));
    (kind == SOCK_DIAG_BY_FAMILY && ports == (near, far)).then_some(Socket { owner, inode: u64::from(inode) })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::find;

    #[test]
    fn who_listens_is_no_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();

        assert_eq!(find(address, "127.0.0.1:1".parse().unwrap()), None);
    }
}
