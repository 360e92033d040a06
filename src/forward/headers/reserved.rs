//! The names that a client must not send.

use crate::head::fold;

/// Removed whatever the configuration says, by folded name (RULES 25). An entry that ends in `-`
/// stands for every name that begins with it.
const ALWAYS_STRIPPED: [&str; 41] = [
    "x-user-id",
    "x-palisade-act-in",
    "x-palisade-reason",
    "x-tenant-id",
    "x-aw-",
    "x-aworld-",
    "x-forwarded-",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "fastly-client-ip",
    "fly-client-ip",
    "x-azure-clientip",
    "x-envoy-external-address",
    "x-originating-ip",
    "x-remote-addr",
    "x-original-",
    "x-rewrite-",
    "x-override-url",
    "x-http-destinationurl",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-client-cert",
    "x-client-cert-",
    "x-ssl-",
    "ssl-client-",
    "x-ssl-client-",
    "client-cert",
    "client-cert-",
    "x-client-verify",
    "x-amzn-mtls-",
    "x-arr-clientcert",
    "x-tls-client-",
    "cf-client-cert-",
    "ssl-cert",
];

/// All of them, ordered: a request's names are looked up in it one by one, and few begin as any of these.
#[derive(Clone, Debug)]
pub(super) struct Reserved(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    folded: String,
    /// It stands for every name that begins with it.
    begins: bool,
}

impl Reserved {
    /// `prefix` and whatever begins with it, the names of `listed`, and those that are always reserved.
    pub(super) fn new(prefix: &str, listed: &[String]) -> Self {
        let entry = |name: &str, begins| Entry {
            folded: fold(name).into_owned(),
            begins,
        };
        let always = ALWAYS_STRIPPED.iter();
        let listed = listed.iter().map(|name| entry(name, false));
        let mut entries = vec![entry(prefix, true)];
        entries.extend(always.map(|name| entry(name, name.ends_with('-'))));
        entries.extend(listed);
        entries.sort();
        Self(entries)
    }

    /// Whether it holds a name, which is folded.
    pub(super) fn holds(&self, folded: &str) -> bool {
        let first = |text: &str| text.bytes().next();
        let own = first(folded);
        let from = self.0.partition_point(|entry| first(&entry.folded) < own);
        let near = self.0.iter().skip(from);
        near.take_while(|entry| first(&entry.folded) == own)
            .any(|entry| entry.matches(folded))
    }
}

impl Entry {
    fn matches(&self, folded: &str) -> bool {
        if self.begins {
            folded.starts_with(&self.folded)
        } else {
            *folded == *self.folded
        }
    }
}
