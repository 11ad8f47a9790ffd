//! Names that lead to the public network, and nowhere else.
//!
//! The person who stores a key also says the address at which it is valid. The server asks that address from
//! inside its own network, so a member's choice must not lead into that network. A name proves nothing, for
//! it may mean another address later: the addresses at the moment of connecting count. Where a proxy
//! connects, the proxy decides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves names, and leaves out the addresses of networks that are not public.
#[derive(Debug)]
pub(crate) struct PublicOnly {
    /// The server's own proxies; the operator says where they are.
    pub(crate) proxies: Vec<String>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let is_proxy = self.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<SocketAddr> =
                addresses.filter(|address| is_proxy || is_public(address.ip())).collect();
            if addresses.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether a URL may be asked, as far as can be seen before its name is resolved.
pub(crate) fn may_be_public(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => is_public(address),
        Err(_) => !host.is_empty(),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 198 && (18..20).contains(&second))
        || (first, second, third) == (192, 0, 0)
        || (first, second, third) == (192, 88, 99);
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let parts = address.segments();
    let embedded = Ipv4Addr::from((u32::from(parts[6]) << 16) | u32::from(parts[7]));
    match parts {
        // Addresses by which a network without IPv4 reaches IPv4.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_public_v4(embedded),
        // Tunnels and other special uses, documentation.
        [0x2001, 0..0x200 | 0xdb8, ..] | [0x2002 | 0x3fff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::Url;
    use reqwest::dns::Resolve as _;

    use super::{PublicOnly, is_public, may_be_public};

    #[test]
    fn only_addresses_that_everybody_reaches_are_public() {
        for (address, expected) in [
            ("1.1.1.1", true),
            ("160.79.104.10", true),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.31.0.1", false),
            ("192.168.1.1", false),
            ("100.100.100.200", false),
            ("169.254.169.254", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("::1", false),
            ("::", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:1.1.1.1", true),
            ("64:ff9b::a9fe:a9fe", false),
            ("64:ff9b::101:101", true),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("2002:7f00:1::", false),
            ("2001:db8::1", false),
            ("2001:0:4136:e378::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
        assert!(!may_be_public(&Url::parse("https://[::1]/").unwrap()));
        assert!(!may_be_public(&Url::parse("https://0x7f.1/").unwrap()));
    }

    #[tokio::test]
    async fn name_of_this_machine_has_no_public_address_unless_it_is_the_proxy() {
        let resolve = |proxies: Vec<String>| PublicOnly { proxies }.resolve("localhost".parse().unwrap());

        assert!(resolve(vec![]).await.is_err());
        assert!(resolve(vec!["LOCALHOST".into()]).await.unwrap().next().is_some());
    }
}
