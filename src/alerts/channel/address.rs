//! Addresses that are not out in the world. An alert must not become a way to reach what only this machine can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why no message is sent to an address, unless the operator allows it; `None` when it is an ordinary one.
pub(super) fn why_refused(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [127, ..] => Some("a loopback address"),
        [0, ..] => Some("an address of this machine"),
        // The addresses at which clouds tell machines their credentials.
        [169, 254, 169, 254] | [169, 254, 170, 2] | [100, 100, 100, 200] | [192, 0, 0, 192] => {
            Some("a metadata address")
        }
        [169, 254, ..] => Some("a link-local address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private address"),
        [100, 64..=127, ..] => Some("a shared private address"),
        [192, 0, 0, _] | [198, 18..=19, ..] | [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Some("a reserved address")
        }
        [192, 88, 99, _] => Some("a relay address"),
        [224..=239, ..] => Some("a multicast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

fn refused_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = embedded(address) {
        return refused_v4(inner);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("an address of this machine"),
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254] => Some("a metadata address"),
        [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xfec0..=0xfeff, ..] => Some("a site-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        // Only 2000::/3 is in use out in the world; in it lie documentation, Teredo and other special purposes.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => {
            Some("a reserved address")
        }
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, NAT64, 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => last(high, low),
        // IPv4-translated (SIIT).
        [0, 0, 0, 0, 0xffff, 0, high, low] => last(high, low),
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => last(high, low),
        [0x2002, high, low, ..] => last(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_only_this_machine_reaches_are_refused() {
        for (address, why) in [
            ("127.0.0.1", "a loopback address"),
            ("127.255.1.2", "a loopback address"),
            ("0.0.0.0", "an address of this machine"),
            ("10.1.2.3", "a private address"),
            ("172.16.0.1", "a private address"),
            ("172.31.255.255", "a private address"),
            ("192.168.1.1", "a private address"),
            ("100.64.0.1", "a shared private address"),
            ("169.254.1.1", "a link-local address"),
            ("169.254.169.254", "a metadata address"),
            ("100.100.100.200", "a metadata address"),
            ("224.0.0.1", "a multicast address"),
            ("255.255.255.255", "a reserved address"),
            ("198.18.0.1", "a reserved address"),
            ("::1", "a loopback address"),
            ("::", "an address of this machine"),
            ("::ffff:127.0.0.1", "a loopback address"),
            ("::ffff:169.254.169.254", "a metadata address"),
            ("::10.0.0.1", "a private address"),
            ("::ffff:0:10.0.0.1", "a private address"),
            ("64:ff9b::192.168.0.1", "a private address"),
            ("64:ff9b:1::1", "a reserved address"),
            ("2002:7f00:1::", "a loopback address"),
            ("2001:0:1::", "a reserved address"),
            ("fd00:ec2::254", "a metadata address"),
            ("fd12::1", "a private address"),
            ("fe80::1", "a link-local address"),
            ("fec0::1", "a site-local address"),
            ("ff02::1", "a multicast address"),
            ("2001:db8::1", "a reserved address"),
        ] {
            assert_eq!(why_refused(address.parse().expect("an address")), Some(why), "{address}");
        }
    }

    #[test]
    fn ordinary_addresses_are_not() {
        for address in [
            "8.8.8.8",
            "172.32.0.1",
            "172.15.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(why_refused(address.parse().expect("an address")), None, "{address}");
        }
    }
}
