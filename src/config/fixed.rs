//! Keys that a running gate cannot follow: sockets, threads and stores are made at start.
//!
//! A reload keeps their running values, so that what is checked against them (that the demo's keys
//! stay on loopback, that no upstream is ourselves) is checked against what is really in force.

use super::file::Config;
use crate::document::child;
use serde_json::{Map, Value};

/// Where such keys stand.
const FIXED: [&str; 5] = ["listen", "admin", "audit", "cache", "log"];

/// What among them follows all the same.
const HOT: [&str; 14] = [
    "/audit/questions",
    "/listen/hosts",
    "/listen/trusted_proxies",
    "/listen/peers",
    "/listen/timeouts/body",
    "/listen/timeouts/body_rate",
    "/listen/tls/cert",
    "/listen/tls/key",
    "/listen/tls/further",
    "/listen/tls/unknown_names",
    "/listen/tls/min_version",
    "/listen/tls/client_ca",
    "/listen/tls/client_auth",
    "/listen/tls/client_crl",
];

/// `next` with the running values of fixed keys, and the keys whose new values wait for a restart
/// (`listen.http`).
pub(super) fn keep(next: Config, running: &Config) -> (Config, Vec<String>) {
    let (Ok(mut value), Ok(former)) = (serde_json::to_value(&next), serde_json::to_value(running))
    else {
        return (next, Vec::new());
    };
    let mut waiting = Vec::new();
    for key in FIXED {
        let pointer = child("", key);
        if let (Some(own), Some(former)) = (value.get_mut(key), former.get(key)) {
            settle(&pointer, own, former, &mut waiting);
        }
    }
    match serde_json::from_value(value) {
        Ok(config) => (config, waiting),
        // Both halves are valid shapes; should they not fit together, nothing is taken over.
        Err(_) => (running.clone(), waiting),
    }
}

fn settle(pointer: &str, own: &mut Value, former: &Value, waiting: &mut Vec<String>) {
    if own == former || HOT.contains(&pointer) {
        return;
    }
    if let (Value::Object(own), Value::Object(former)) = (&mut *own, former) {
        return inside(pointer, own, former, waiting);
    }
    waiting.push(pointer.trim_start_matches('/').replace('/', "."));
    *own = former.clone();
}

fn inside(
    pointer: &str,
    own: &mut Map<String, Value>,
    former: &Map<String, Value>,
    waiting: &mut Vec<String>,
) {
    // Shapes write every key, absent ones as `null`.
    for (key, former) in former {
        if let Some(own) = own.get_mut(key) {
            settle(&child(pointer, key), own, former, waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = include_str!("../../tests/data/config/good/palisade.yaml");

    fn config(text: &str) -> Config {
        let document = crate::document::Document::parse("palisade.yaml", text.into()).unwrap();
        super::super::misfit::shape(&document, &super::super::schema::CONFIG).unwrap()
    }

    #[test]
    fn only_what_cannot_follow_waits_for_a_restart() {
        let running = config(RUNNING);
        let (same, waiting) = keep(running.clone(), &running);
        assert_eq!(waiting, [""; 0]);
        assert_eq!(
            serde_json::to_value(&same).unwrap(),
            serde_json::to_value(&running).unwrap()
        );
        let mut next = running.clone();
        next.listen.http = Some("127.0.0.1:1".to_owned());
        next.listen.hosts.push("other.example.com".to_owned());
        next.listen.workers = Some(3);
        next.listen.timeouts.body = crate::config::units::Duration::secs(7);
        next.listen.timeouts.idle = crate::config::units::Duration::secs(7);
        next.cache.token_entries = 5;
        next.revocations = Some("r.yaml".to_owned());
        next.audit.questions = true;
        let (kept, mut waiting) = keep(next, &running);
        waiting.sort();
        let expected = [
            "cache.token_entries",
            "listen.http",
            "listen.timeouts.idle",
            "listen.workers",
        ];
        assert_eq!(waiting, expected);
        assert_eq!(kept.listen.http, running.listen.http);
        assert_eq!(kept.listen.workers, running.listen.workers);
        assert!(kept.listen.hosts.contains(&"other.example.com".to_owned()));
        assert_eq!(
            kept.listen.timeouts.body,
            crate::config::units::Duration::secs(7)
        );
        assert!(kept.audit.questions);
        assert_eq!(kept.revocations.as_deref(), Some("r.yaml"));
    }
}
