//! Settings of access: accounts, the proxies in front, the server's own address.

use std::net::IpAddr;

use ipnet::IpNet;
use runner_actors::{LocalUser, RegistrationPolicy};

use super::{Reader, Secret};
use crate::http::hosts::{is_loopback, without_port};

/// The shortest `SECRET_KEY`, in bytes.
const MIN_SECRET_BYTES: usize = 32;

/// Everything about who gets in.
#[derive(Clone, Debug)]
pub struct AccessSettings {
    /// Whether requests without a token are the local user's, while nobody has registered.
    pub local_user: LocalUser,
    pub registration: RegistrationPolicy,
    pub bypass: BypassPolicy,
    /// Absent: the one in the data folder.
    pub secret_key: Option<Secret>,
    /// The key with which `keys rotate` seals from now on.
    pub new_secret_key: Option<Secret>,
    /// Proxies that are believed about the address of a request.
    pub trusted_proxies: Vec<IpNet>,
    /// The server's address for people, if it does not listen there.
    pub public_url: Option<String>,
}

/// Who may have agents work without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BypassPolicy {
    Admins,
    Members,
    Nobody,
}

fn bypass_policy(reader: &mut Reader) -> BypassPolicy {
    match reader.text("BYPASS_PERMISSIONS").as_deref() {
        None | Some("admins") => BypassPolicy::Admins,
        Some("members") => BypassPolicy::Members,
        Some("nobody") => BypassPolicy::Nobody,
        Some(other) => {
            reader.problems.push(format!("BYPASS_PERMISSIONS: `{other}` is none of admins, members, nobody"));
            BypassPolicy::Nobody
        }
    }
}

impl AccessSettings {
    pub(super) fn read(reader: &mut Reader, host: IpAddr) -> Self {
        // Lambda has no socket of its own; whoever knows the function's address reaches it.
        let is_lambda = reader.text("AWS_LAMBDA_RUNTIME_API").is_some();
        let (trusted_proxies, public_url) = (trusted_proxies(reader), public_url(reader));
        let is_near = host.is_loopback()
            && trusted_proxies.is_empty()
            && public_url.as_deref().is_none_or(|url| is_loopback(host_of(url)));
        let local_user = local_user(reader, (host, is_near && !is_lambda));
        let registration = match (reader.text("REGISTRATION").as_deref(), local_user) {
            (Some("open"), _) | (None, LocalUser::Admitted) => RegistrationPolicy::Open,
            (Some("invite"), _) | (None, LocalUser::Refused) => RegistrationPolicy::Invite,
            (Some("closed"), _) => RegistrationPolicy::Closed,
            (Some(other), _) => {
                reader.problems.push(format!("REGISTRATION: `{other}` is none of open, invite, closed"));
                RegistrationPolicy::Closed
            }
        };
        Self {
            local_user,
            registration,
            bypass: bypass_policy(reader),
            secret_key: secret_key(reader, "SECRET_KEY"),
            new_secret_key: secret_key(reader, "NEW_SECRET_KEY"),
            trusted_proxies,
            public_url,
        }
    }

    /// Whether people reach the server over TLS that ends in front of it.
    pub fn is_public_over_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// The name in the server's own address.
    pub fn public_host(&self) -> Option<String> {
        self.public_url.as_deref().map(|url| host_of(url).to_owned())
    }
}

/// The name or address in a URL, an IPv6 address with its brackets.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    without_port(rest.split('/').next().unwrap_or_default())
}

/// A proxy on this machine speaks for everybody who reaches it: a loopback address alone says nothing about
/// who asks.
fn local_user(reader: &mut Reader, (host, is_near): (IpAddr, bool)) -> LocalUser {
    match reader.text("AUTH").as_deref() {
        None | Some("local") if is_near => LocalUser::Admitted,
        Some("local") => {
            reader.problems.push(format!(
                "AUTH: with `local` anybody who reaches the server could run commands; it needs a loopback address \
                 (HOST is {host}) and neither TRUSTED_PROXIES nor a PUBLIC_URL that others reach"
            ));
            LocalUser::Refused
        }
        None | Some("required") => LocalUser::Refused,
        Some(other) => {
            reader.problems.push(format!("AUTH: `{other}` is neither local nor required"));
            LocalUser::Refused
        }
    }
}

fn secret_key(reader: &mut Reader, name: &str) -> Option<Secret> {
    let key = reader.text(name)?;
    if key.len() < MIN_SECRET_BYTES {
        reader.problems.push(format!("{name}: must have at least {MIN_SECRET_BYTES} bytes"));
    }
    Some(Secret(key))
}

fn trusted_proxies(reader: &mut Reader) -> Vec<IpNet> {
    let mut proxies = vec![];
    for text in reader.list("TRUSTED_PROXIES") {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        match text.parse::<IpNet>().or(address) {
            Ok(network) => proxies.push(network),
            Err(_) => {
                reader
                    .problems
                    .push(format!("TRUSTED_PROXIES: `{text}` is neither an address nor a network"));
            }
        }
    }
    proxies
}

impl Reader {
    /// The address to listen on.
    pub(super) fn host(&mut self) -> IpAddr {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        match self.text("HOST") {
            Some(name) if name.eq_ignore_ascii_case("localhost") => loopback,
            Some(_) | None => self.parse("HOST", loopback, "an IP address or localhost"),
        }
    }

    /// Names as they stand in a `Host` header, without ports.
    pub(super) fn hosts(&mut self, name: &str) -> Vec<String> {
        let hosts = self.list(name);
        let is_wrong = |host: &&String| host.contains('*') || url::Host::parse(host).is_err();
        let problems = hosts.iter().filter(is_wrong);
        let problems = problems.map(|host| format!("{name}: `{host}` is not the name of a host"));
        self.problems.extend(problems);
        hosts
    }
}

fn public_url(reader: &mut Reader) -> Option<String> {
    let url = reader.text("PUBLIC_URL")?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        reader.problems.push(format!("PUBLIC_URL: `{url}` is not an http or https address"));
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use runner_actors::{LocalUser, RegistrationPolicy};

    use super::super::tests::read;

    #[test]
    fn loopback_needs_no_login_and_every_other_address_does() {
        let access = read(&[]).unwrap().access;
        assert_eq!((access.local_user, access.registration), (LocalUser::Admitted, RegistrationPolicy::Open));
        for open in [
            ("HOST", "0.0.0.0"),
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("AUTH", "required"),
            ("PUBLIC_URL", "https://runner.example"),
            ("TRUSTED_PROXIES", "127.0.0.1"),
        ] {
            let access = read(&[open]).unwrap().access;
            let expected = (LocalUser::Refused, RegistrationPolicy::Invite);
            assert_eq!((access.local_user, access.registration), expected, "{open:?}");
        }
    }

    #[test]
    fn localhost_is_an_address() {
        let config = read(&[("HOST", "localhost")]).unwrap();

        assert!(config.host.is_loopback() && config.access.local_user == LocalUser::Admitted);
        assert_eq!(
            read(&[("HOST", "runner.example")]).unwrap_err(),
            ["HOST: `runner.example` is not an IP address or localhost"]
        );
    }

    #[test]
    fn what_others_reach_needs_a_login_even_if_somebody_asks_for_none() {
        for open in [
            ("HOST", "0.0.0.0"),
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("PUBLIC_URL", "https://runner.example"),
            ("TRUSTED_PROXIES", "127.0.0.1"),
        ] {
            let problems = read(&[open, ("AUTH", "local")]).unwrap_err();

            assert!(problems[0].starts_with("AUTH: with `local` anybody"), "{problems:?}");
        }
        let near = read(&[("PUBLIC_URL", "http://localhost:8000"), ("AUTH", "local")]).unwrap().access;
        assert_eq!(near.local_user, LocalUser::Admitted);
    }

    #[test]
    fn every_mistake_about_access_is_named() {
        let problems = read(&[
            ("AUTH", "none"),
            ("REGISTRATION", "perhaps"),
            ("SECRET_KEY", "thirty-one bytes are not enough"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, somewhere"),
            ("PUBLIC_URL", "runner.example"),
            ("ALLOWED_HOSTS", "http://x, good.example, [::1], y:80, *.z, 10.0.0.1"),
        ])
        .unwrap_err();

        let named: Vec<_> = problems.iter().filter_map(|problem| problem.split(':').next()).collect();
        assert_eq!(
            named,
            ["TRUSTED_PROXIES", "PUBLIC_URL", "AUTH", "REGISTRATION", "SECRET_KEY"]
                .into_iter()
                .chain(["ALLOWED_HOSTS"; 3])
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn public_address_gives_the_name_and_whether_it_is_secure() {
        for (url, host, is_secure) in [
            ("https://runner.example", "runner.example", true),
            ("http://runner.example:8080/sub/", "runner.example", false),
            ("https://[2001:db8::1]:443", "[2001:db8::1]", true),
        ] {
            let access = read(&[("PUBLIC_URL", url)]).unwrap().access;
            assert_eq!(
                (access.public_host().as_deref(), access.is_public_over_https()),
                (Some(host), is_secure)
            );
        }
    }
}
