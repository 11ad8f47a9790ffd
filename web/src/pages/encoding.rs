//! Encodings that files of the UI are kept in, and whether a client reads them.

/// A way in which files are compressed when the UI is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// All of them, the smallest result first.
    pub(super) const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The end of the names of compressed files.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// Whether a header `Accept-Encoding` names it, or everything, without refusing it by `q=0`.
    pub(super) fn is_in(self, accepted: &str) -> bool {
        let quality = |wanted: &str| {
            accepted.split(',').find_map(|part| {
                let (name, rest) = part.split_once(';').unwrap_or((part, ""));
                let quality = rest.trim().strip_prefix("q=").and_then(|quality| quality.parse().ok());
                name.trim().eq_ignore_ascii_case(wanted).then(|| quality.unwrap_or(1.0_f32))
            })
        };
        quality(self.name()).or_else(|| quality("*")).is_some_and(|quality| quality > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding::{self, Brotli, Gzip};

    fn accepted(header: &str) -> Vec<Encoding> {
        Encoding::ALL.into_iter().filter(|encoding| encoding.is_in(header)).collect()
    }

    #[test]
    fn a_client_gets_what_it_names_and_has_not_refused() {
        assert_eq!(accepted("gzip, deflate, br, zstd"), [Brotli, Gzip]);
        assert_eq!(accepted("GZIP;q=0.5, br; q=0"), [Gzip]);
        assert_eq!(accepted("*"), [Brotli, Gzip]);
        assert_eq!(accepted("*, gzip;q=0"), [Brotli]);
        assert_eq!(accepted("identity"), []);
        assert_eq!(accepted(""), []);
    }
}
