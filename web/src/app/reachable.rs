//! Under which addresses a server can be reached that listens on all of them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// Says which addresses lead here, and how to add names.
pub fn announce(listening: &[SocketAddr]) {
    for address in listening.iter().filter(|address| address.ip().is_unspecified()) {
        let urls: Vec<String> = addresses()
            .into_iter()
            .filter(|ip| ip.is_ipv4() || address.is_ipv6())
            .map(|ip| format!("http://{}", SocketAddr::new(ip, address.port())))
            .collect();
        tracing::info!(
            "it can be reached by every address of this machine ({}), and by no name but localhost, the one in PUBLIC_URL, \
             and those in ALLOWED_HOSTS",
            urls.join(", ")
        );
    }
}

/// The addresses at which others find this machine.
fn addresses() -> BTreeSet<IpAddr> {
    let interfaces = getifaddrs().into_iter().flatten();
    let up = interfaces.filter(|interface| {
        interface.flags.contains(InterfaceFlags::IFF_UP)
            && !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK)
    });
    let found = up.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    });
    found.filter(|ip| !is_link_local(ip)).collect()
}

/// Such an address is of use only together with an interface.
fn is_link_local(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}
