//! A POST of JSON to one address: no redirects, no proxies, bounded in time and size, and only to addresses that are
//! allowed. The address that is checked is the one that is connected to: names are resolved by us, once for each
//! connection, and only what passes is handed on.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url, redirect};
use thiserror::Error;

use super::address::why_refused;
use super::scrub::Scrub;
use super::{Opening, SendFault};
use crate::settings::Secret;

/// More of an answer is not read.
const LONGEST_ANSWER: usize = 4096;
const USER_AGENT: &str = concat!("lakegate/", env!("CARGO_PKG_VERSION"));

/// Where JSON is posted to.
#[derive(Debug)]
pub(super) struct Hook {
    client: Client,
    url: HiddenUrl,
    scrub: Scrub,
    timeout: Duration,
}

/// An address whose path is a secret.
struct HiddenUrl(Url);

impl std::fmt::Debug for HiddenUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::settings::redact_hook(self.0.as_str()))
    }
}

/// How to reach a hook.
pub(super) struct Address<'a> {
    /// The setting that holds it.
    pub key: &'static str,
    pub url: &'a Secret,
    pub allow_private: bool,
    pub timeout: Duration,
}

impl Hook {
    /// Checks the address and prepares to use it.
    pub fn open(address: &Address<'_>, opening: &mut Opening<'_>) -> Option<Hook> {
        let Address { key, url, allow_private, timeout } = *address;
        let url = match parse(url.expose(), allow_private) {
            Ok(url) => url,
            Err(fault) => {
                opening.mistake(key, fault.to_string(), fault.hint(key));
                return None;
            }
        };
        let builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(timeout)
            .timeout(timeout)
            .pool_max_idle_per_host(0);
        let builder =
            if allow_private { builder } else { builder.dns_resolver(std::sync::Arc::new(OutInTheWorld)) };
        match builder.build() {
            Ok(client) => {
                let scrub = Scrub::default().with_url(&url);
                Some(Hook { client, url: HiddenUrl(url), scrub, timeout })
            }
            Err(fault) => {
                let why = Scrub::default().with_url(&url).clean(&chain(&fault.without_url()));
                opening.mistake(key, format!("cannot be used: {why}"), None);
                None
            }
        }
    }

    /// Keeps another secret out of errors.
    pub fn hiding(mut self, secret: &Secret) -> Hook {
        self.scrub = self.scrub.with(secret);
        self
    }

    /// Posts a body; the status line of the answer.
    ///
    /// # Errors
    /// Anything but a success.
    pub async fn post(&self, body: String, headers: HeaderMap) -> Result<String, SendFault> {
        // The client counts its time from the first byte on the way; a stuck name server is covered here.
        let all = tokio::time::timeout(self.timeout + Duration::from_secs(1), self.exchange(body, headers));
        all.await.unwrap_or_else(|_| Err(self.fault(format!("no answer within {:?}", self.timeout))))
    }

    async fn exchange(&self, body: String, headers: HeaderMap) -> Result<String, SendFault> {
        let request = self.client.post(self.url.0.clone()).headers(headers);
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        let mut answer = request.send().await.map_err(|fault| self.told(fault))?;
        let status = answer.status();
        let wish = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut text = Vec::new();
        while text.len() < LONGEST_ANSWER {
            match answer.chunk().await {
                Ok(Some(part)) => {
                    text.extend_from_slice(&part[..part.len().min(LONGEST_ANSWER - text.len())])
                }
                Ok(None) => break,
                // The status says enough, when it is a success.
                Err(_) if status.is_success() => break,
                Err(fault) => return Err(self.told(fault)),
            }
        }
        if status.is_success() {
            return Ok(format!("HTTP {status}"));
        }
        let said = self.scrub.clean(&String::from_utf8_lossy(&text));
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let hint = if status.is_redirection() { "; redirects are not followed" } else { "" };
        let mut fault = self.fault(format!("HTTP {status}{said}{hint}"));
        fault.wish = wish.map(Duration::from_secs);
        Err(fault)
    }

    fn told(&self, fault: reqwest::Error) -> SendFault {
        if fault.is_timeout() {
            return self.fault(format!("no answer within {:?}", self.timeout));
        }
        self.fault(chain(&fault.without_url()))
    }

    fn fault(&self, message: String) -> SendFault {
        SendFault::new(self.scrub.clean(&message))
    }
}

/// An error with its sources, in one line.
pub(super) fn chain(fault: &dyn Error) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

/// What is wrong with an address. Says no more of it than its scheme and host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum UrlFault {
    #[error("is no URL ({0})")]
    Syntax(String),
    #[error("has the scheme {0:?}, expected https or http")]
    Scheme(String),
    #[error("names no host")]
    Host,
    #[error("names {address}, {why}")]
    Refused { address: IpAddr, why: &'static str },
}

impl UrlFault {
    fn hint(&self, key: &str) -> Option<String> {
        match self {
            Self::Syntax(_) | Self::Scheme(_) | Self::Host => Some("write https://host/path".into()),
            Self::Refused { .. } => {
                let section = key.rsplit_once('.').map_or(key, |(section, _)| section);
                Some(format!("set {section}.allow_private = true when this is meant"))
            }
        }
    }
}

fn parse(text: &str, allow_private: bool) -> Result<Url, UrlFault> {
    let url = Url::parse(text.trim()).map_err(|cause| UrlFault::Syntax(cause.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(UrlFault::Scheme(crate::printable::shorten(url.scheme(), 12)));
    }
    // The parser has brought every spelling of an address (0x7f.1, 2130706433) into one form. A name is checked when
    // it is resolved.
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(UrlFault::Host)?;
    let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() else { return Ok(url) };
    match why_refused(address) {
        Some(why) if !allow_private => Err(UrlFault::Refused { address, why }),
        _ => Ok(url),
    }
}

/// Resolves names, and forgets addresses that are not out in the world.
#[derive(Debug)]
struct OutInTheWorld;

/// All addresses of a name were refused.
#[derive(Debug, Error)]
#[error("{host} is {address}, {why}; set allow_private = true when this is meant")]
struct Refused {
    host: String,
    address: IpAddr,
    why: &'static str,
}

impl Resolve for OutInTheWorld {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let allowed = allowed(&host, found)?;
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

fn allowed(host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
    let refused = found.iter().find_map(|found| Some((found.ip(), why_refused(found.ip())?)));
    let allowed: Vec<_> = found.into_iter().filter(|found| why_refused(found.ip()).is_none()).collect();
    match refused {
        Some((address, why)) if allowed.is_empty() => Err(Refused { host: host.to_owned(), address, why }),
        _ => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_private_address_is_refused() {
        for url in [
            "http://127.0.0.1/x",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest/meta-data",
            "http://10.0.0.1:8080",
            "http://user:pw@192.168.0.1/",
        ] {
            assert!(matches!(parse(url, false), Err(UrlFault::Refused { .. })), "{url}");
            assert!(parse(url, true).is_ok(), "{url}");
        }
        assert!(parse("https://hooks.slack.com/services/x", false).is_ok());
    }

    #[test]
    fn a_bad_address_is_told_without_its_secrets() {
        let fault = |url: &str| parse(url, false).expect_err("bad").to_string();
        assert_eq!(fault("ftp://host/token-123"), "has the scheme \"ftp\", expected https or http");
        assert!(!fault("https://exa mple/token-123").contains("token-123"));
        assert!(!fault("/token-123").contains("token-123"));
    }

    #[test]
    fn only_addresses_out_in_the_world_are_connected_to() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("an address")).collect();
        let mixed = allowed("h", addresses(&["127.0.0.1:0", "8.8.8.8:0"])).expect("one is left");
        assert_eq!(mixed, ["8.8.8.8:0".parse().expect("an address")]);
        let none = allowed("inside.example", addresses(&["[::ffff:10.0.0.1]:0"])).expect_err("none is left");
        assert!(none.to_string().starts_with("inside.example is ::ffff:10.0.0.1, a private address"));
    }
}
