//! Who counts as one, of those who are known by their address alone.

use core::net::{IpAddr, Ipv6Addr};

/// The network that an address stands for: with IPv6 one subscriber has 2⁶⁴ of them, so its first half;
/// with IPv4, also where it is written as IPv6, the address itself.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::network_of;

    #[test]
    fn neighbours_in_an_ipv6_network_are_one_and_ipv4_addresses_are_not() {
        let network = |text: &str| network_of(text.parse::<IpAddr>().unwrap()).to_string();

        assert_eq!(network("2001:db8:1:2:ffff::1"), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:3::1"), "2001:db8:1:3::");
        assert_eq!(
            (network("192.0.2.1"), network("::ffff:192.0.2.2")),
            ("192.0.2.1".into(), "192.0.2.2".into())
        );
    }
}
