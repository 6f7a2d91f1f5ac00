//! Proxies that stand before this server, and whom they speak for.
//!
//! Owns: which word of a header is believed. What must stay true: a stranger can write any header, so none is looked at unless
//! the connection itself comes from a proxy that the operator named, and of its words only what such proxies added.

use core::net::{IpAddr, SocketAddr};
use std::fmt;

use ipnet::IpNet;

/// The networks of the proxies that are believed; none unless the operator names some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

/// A text that names no proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxiesError(String);

impl fmt::Display for ProxiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected addresses or networks with commas between them, such as 10.0.0.5, 192.168.7.0/24, fd00::/8; got `{}`", self.0)
    }
}

impl std::error::Error for ProxiesError {}

impl Proxies {
    /// From addresses and networks with commas between them. A network is named by its first address, so that a slip of the pen
    /// trusts nobody else; the network of everybody is refused.
    pub fn parse(text: &str) -> Result<Self, ProxiesError> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let network = |word: &str| network(word).ok_or_else(|| ProxiesError(word.to_owned()));
        Ok(Self(words.map(network).collect::<Result<_, _>>()?))
    }

    /// Whether the proxy at this address is believed.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// Who calls: the peer of the connection; behind a proxy that is believed, the last address of `forwarded` that is no such
    /// proxy. `forwarded` is the text of all `X-Forwarded-For` headers in the order in which they came. Each proxy appends whom it
    /// heard from, so that the end was written by the nearest one, and what stands before a stranger's address is that stranger's word.
    pub fn caller<'t>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'t str>) -> IpAddr {
        let mut caller = peer.to_canonical();
        let mut said = forwarded.rev().flat_map(|header| header.rsplit(','));
        while self.trust(caller) {
            let Some(before) = said.next().and_then(address) else { break };
            caller = before;
        }
        caller
    }
}

/// Who counts as one caller, wherever somebody is counted: an address of IPv4, and of IPv6 the network (/64), which whoever has one
/// address of it has whole.
pub fn one_caller(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::from((u128::from(six) >> 64 << 64).to_be_bytes()),
        four @ IpAddr::V4(_) => four,
    }
}

/// An address as proxies write it: some add the port.
fn address(word: &str) -> Option<IpAddr> {
    let word = word.trim();
    let with_port = || word.parse().ok().map(|socket: SocketAddr| socket.ip());
    word.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// A network named by its first address, or one address; not the network of everybody.
fn network(word: &str) -> Option<IpNet> {
    let one = || word.parse().ok().map(|address: IpAddr| IpNet::from(address));
    let network: IpNet = word.parse().ok().or_else(one)?;
    (network.prefix_len() > 0 && network.network() == network.addr()).then_some(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(proxies: &str, peer: &str, forwarded: &[&str]) -> String {
        Proxies::parse(proxies).unwrap().caller(peer.parse().unwrap(), forwarded.iter().copied()).to_string()
    }

    #[test]
    fn without_a_proxy_that_is_believed_the_peer_calls_whatever_it_says() {
        assert_eq!(caller("", "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(caller("10.0.0.0/8", "203.0.113.9", &["198.51.100.1, 10.0.0.1"]), "203.0.113.9");
        assert_eq!(caller("fd00::/8", "::1", &["198.51.100.1"]), "::1");
    }

    #[test]
    fn a_proxy_that_is_believed_says_who_called_it_and_no_more() {
        let (one, two) = ("10.0.0.1", "10.0.0.0/8, 192.0.2.7");
        assert_eq!(caller(one, "10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(caller(one, "10.0.0.1", &["6.6.6.6, 198.51.100.1"]), "198.51.100.1", "what a client wrote comes before");
        assert_eq!(caller(one, "10.0.0.1", &["6.6.6.6", "198.51.100.1"]), "198.51.100.1", "in a header of its own, too");
        assert_eq!(caller(one, "10.0.0.1", &["6.6.6.6, 10.0.0.2"]), "10.0.0.2", "another proxy that nobody named is a client");
        assert_eq!(caller(two, "10.0.0.1", &["6.6.6.6, 198.51.100.1, 192.0.2.7", "10.9.9.9"]), "198.51.100.1");
    }

    #[test]
    fn what_is_no_address_ends_the_belief() {
        for said in ["", "unknown", "6.6.6.6, -", "6.6.6.6,", "1.2.3.4.5", "_hidden, \"[::1\""] {
            assert_eq!(caller("10.0.0.1", "10.0.0.1", &[said]), "10.0.0.1", "{said}");
        }
        assert_eq!(caller("10.0.0.1", "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(caller("10.0.0.0/8", "10.0.0.1", &["nonsense, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(caller("10.0.0.0/8", "10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3", "a proxy calls for itself");
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        assert_eq!(caller("10.0.0.1", "::ffff:10.0.0.1", &["::ffff:198.51.100.1"]), "198.51.100.1");
        assert_eq!(caller("10.0.0.1", "10.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(caller("2001:db8::/32", "2001:db8:1::5", &["[2001:dead::1]:443"]), "2001:dead::1");
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller() {
        let of = |text: &str| one_caller(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2::9"), "2001:db8:1:2::");
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn networks_are_read_strictly() {
        let trusts = |text: &str, address: &str| Proxies::parse(text).unwrap().trust(address.parse().unwrap());
        assert!(trusts("10.0.0.0/8", "10.255.0.1") && !trusts("10.0.0.0/8", "11.0.0.1"));
        assert!(trusts("192.0.2.128/25", "192.0.2.129") && !trusts("192.0.2.128/25", "192.0.2.127"));
        assert!(trusts("::1, 127.0.0.1", "127.0.0.1") && !trusts("::/1", "127.0.0.1"));
        for wrong in ["10.0.0.1/8", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.0/", "proxy.example", "10.0.0.0/8;::1"] {
            let error = Proxies::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
        assert_eq!(Proxies::parse(" , ").unwrap(), Proxies::default());
    }
}
