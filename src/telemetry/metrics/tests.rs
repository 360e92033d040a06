//! The exposition is read back with a strict reader of our own.

#![expect(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "small whole numbers, which floats hold exactly"
)]

use super::*;
use std::collections::{HashMap, HashSet};

/// One sample: labels in their order, and the value.
type Sample = (String, Vec<(String, String)>, f64);

struct Page {
    kinds: HashMap<String, String>,
    samples: Vec<Sample>,
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Reads text exposition 0.0.4: HELP, TYPE, then that family's samples, no family twice.
fn read(text: &str) -> Page {
    assert!(text.ends_with('\n'));
    let mut page = Page {
        kinds: HashMap::new(),
        samples: Vec::new(),
    };
    let mut family = String::new();
    let mut helped = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(is_name(name) && !help.is_empty());
            name.clone_into(&mut helped);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert_eq!(name, helped, "HELP comes right before TYPE");
            assert!(["counter", "gauge", "histogram"].contains(&kind));
            let twice = page.kinds.insert(name.to_owned(), kind.to_owned());
            assert!(twice.is_none(), "{name} has two TYPE lines");
            name.clone_into(&mut family);
        } else {
            let sample = read_sample(line);
            let histogram = page
                .kinds
                .get(&family)
                .is_some_and(|kind| kind == "histogram");
            let suffix = sample
                .0
                .strip_prefix(&family)
                .expect("a sample of the family");
            let suffixes: &[&str] = if histogram {
                &["_bucket", "_sum", "_count"]
            } else {
                &[""]
            };
            assert!(suffixes.contains(&suffix), "{line}");
            page.samples.push(sample);
        }
    }
    let mut seen = HashSet::new();
    for (name, labels, _) in &page.samples {
        let mut labels = labels.clone();
        labels.sort();
        assert!(seen.insert((name.clone(), labels)), "{name} is there twice");
    }
    page
}

fn read_sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect("a name and a value");
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, tail) = rest.split_once("=\"").expect("a label");
            assert!(is_name(label), "{line}");
            let (value, tail) = read_label_value(tail);
            labels.push((label.to_owned(), value));
            rest = tail.strip_prefix(',').unwrap_or(tail);
        }
        rest = rest.strip_prefix('}').expect("the labels' end");
    }
    let value = rest.strip_prefix(' ').expect("one space");
    let value = if value == "+Inf" {
        f64::INFINITY
    } else {
        value.parse().expect("a number")
    };
    (name.to_owned(), labels, value)
}

fn read_label_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => match characters.next().expect("an escape").1 {
                'n' => value.push('\n'),
                other @ ('"' | '\\') => value.push(other),
                other => panic!("\\{other} is no escape"),
            },
            _ => value.push(character),
        }
    }
    panic!("a label without its end")
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_fresh_page_is_valid_and_has_every_closed_label_set() {
    let page = read(&Metrics::new().render());
    let has = |name: &str, labels: &[(&str, &str)]| {
        page.samples.iter().any(|(own, found, _)| {
            own == name
                && labels
                    .iter()
                    .all(|(name, value)| found.contains(&((*name).to_owned(), (*value).to_owned())))
        })
    };
    for reason in Reason::ALL {
        assert!(has("palisade_refusals_total", &[("reason", reason.code())]));
    }
    for outcome in Outcome::ALL {
        assert!(has(
            "palisade_requests_total",
            &[("outcome", outcome.label())]
        ));
    }
    for context in ["app", "dashboard", "portal", "none"] {
        assert!(has(
            "palisade_requests_total",
            &[
                ("api_context", context),
                ("outcome", "deny_token"),
                ("code", "401")
            ]
        ));
    }
    assert!(has(
        "palisade_decision_duration_seconds_count",
        &[("source", "cache")]
    ));
    assert!(has("palisade_build_info", &[]));
    assert!(has("process_cpu_seconds_total", &[]));
}

#[test]
fn a_used_page_is_valid_and_hostile_names_are_escaped() {
    let metrics = Metrics::new();
    metrics.register_issuers(["a\"b\\c\nd"]);
    metrics.register_policies(["platform/rbac/read", "platform/\"x\"/\n"]);
    metrics.account_request("acme", Outcome::Allow);
    metrics.ruleset("abc", true, Timestamp(5000));
    for status in [0, 99, 100, 204, 418, 599, 600, 65535] {
        metrics.request(None, Outcome::Allow, status, MS, MS);
    }
    let page = read(&metrics.render());
    let issuer = ("issuer".to_owned(), "a\"b\\c\nd".to_owned());
    assert!(
        page.samples
            .iter()
            .any(|(_, labels, _)| labels.contains(&issuer))
    );
    let labels = |code| {
        [
            ("api_context", "none"),
            ("outcome", "allow"),
            ("code", code),
        ]
    };
    let count = |code| metrics.value("palisade_requests_total", &labels(code));
    assert_eq!(count("other"), Some(4.0), "0, 99, 600 and 65535");
    assert_eq!(count("418"), Some(1.0));
    assert_eq!(count("600"), None);
}

#[test]
fn a_certificate_that_is_served_no_more_loses_its_series_and_others_keep_theirs() {
    let metrics = Metrics::new();
    let value = |kind, name| {
        let labels = [("kind", kind), ("name", name)];
        metrics.value("palisade_tls_certificate_expiry_timestamp_seconds", &labels)
    };
    metrics.certificates_end(&["upstream"], [("upstream", "api", Timestamp(9000))]);
    let two = [
        ("server", "a", Timestamp(3000)),
        ("server", "a", Timestamp(2000)),
    ];
    metrics.certificates_end(&["server"], two);
    assert_eq!(value("server", "a"), Some(2.0), "the first that ends");
    metrics.certificates_end(&["server"], [("server", "b", Timestamp(4000))]);
    assert_eq!(value("server", "a"), None);
    assert_eq!(value("server", "b"), Some(4.0));
    assert_eq!(value("upstream", "api"), Some(9.0));
}

#[test]
fn every_family_is_in_the_reference_and_the_reverse() {
    let metrics = Metrics::new();
    metrics.register_issuers(["cosmos"]);
    metrics.register_policies(["platform/rbac/read"]);
    metrics.ruleset("abc", true, Timestamp(0));
    metrics.certificates_end(&["server"], [("server", "api.test", Timestamp(0))]);
    let _ = metrics.upstream_series("api");
    let page = read(&metrics.render());
    let docs = Metrics::reference();
    let named: HashMap<String, String> = docs
        .iter()
        .map(|doc| (doc.name.to_owned(), doc.kind.to_owned()))
        .collect();
    assert_eq!(named, page.kinds);
    for doc in docs {
        assert!(
            doc.name.starts_with("palisade_") || doc.name.starts_with("process_"),
            "{}",
            doc.name
        );
        assert!(doc.help.ends_with('.'), "{}", doc.name);
        let monotone = doc.name.ends_with("_total");
        assert_eq!(doc.kind == "counter", monotone, "{}", doc.name);
    }
}

#[test]
fn histograms_grow_and_end_with_their_count() {
    let metrics = Metrics::new();
    for micros in [1, 30, 900, 40_000, 90_000_000] {
        let took = Duration::from_micros(micros);
        metrics.request(None, Outcome::NotFound, 404, took, took);
        metrics.upstream(took);
        metrics.decision(DecisionSource::Cache, took);
    }
    let page = read(&metrics.render());
    let mut former: HashMap<String, (f64, f64)> = HashMap::new();
    for (name, labels, value) in &page.samples {
        let Some(name) = name.strip_suffix("_bucket") else {
            continue;
        };
        let bound: f64 = match &labels.iter().find(|(name, _)| name == "le").unwrap().1 {
            inf if inf == "+Inf" => f64::INFINITY,
            bound => bound.parse().unwrap(),
        };
        let source = labels.iter().find(|(name, _)| name == "source");
        let key = format!("{name}{source:?}");
        let (last_bound, last) = former.get(&key).copied().unwrap_or((0.0, 0.0));
        assert!(bound > last_bound && *value >= last);
        former.insert(key, (bound, *value));
    }
    assert_eq!(former.len(), 5);
    assert!(former.values().all(|(bound, _)| bound.is_infinite()));
    let full = former.values().filter(|(_, count)| *count == 5.0);
    assert_eq!(full.count(), 4, "all but the evaluated decisions");
}

#[test]
fn hits_and_misses_add_up_to_the_decisions() {
    let metrics = Metrics::new();
    for _ in 0..3 {
        metrics.decision(DecisionSource::Cache, MS);
    }
    metrics.decision(DecisionSource::Evaluated, MS);
    let value = |name| metrics.value(name, &[]).unwrap();
    let decided = |source| {
        let name = "palisade_decision_duration_seconds";
        metrics.value(name, &[("source", source)]).unwrap()
    };
    assert_eq!(value("palisade_decision_cache_hits_total"), 3.0);
    assert_eq!(value("palisade_decision_cache_misses_total"), 1.0);
    assert_eq!(decided("cache"), 3.0);
    assert_eq!(decided("evaluated"), 1.0);
}

#[test]
fn requests_are_counted_in_their_cell() {
    let metrics = Metrics::new();
    let contexts = || ApiContext::ALL.into_iter().map(Some).chain([None]);
    for context in contexts() {
        for outcome in Outcome::ALL {
            for status in [200, 403, 503] {
                metrics.request(context, outcome, status, MS, MS);
            }
        }
    }
    for context in contexts() {
        for outcome in Outcome::ALL {
            for code in ["200", "403", "503"] {
                let context = context.map_or("none", ApiContext::label);
                let labels = [
                    ("api_context", context),
                    ("outcome", outcome.label()),
                    ("code", code),
                ];
                assert_eq!(metrics.value("palisade_requests_total", &labels), Some(1.0));
            }
        }
    }
    let durations = metrics.value("palisade_request_duration_seconds", &[]);
    assert_eq!(durations, Some(4.0 * 9.0 * 3.0));
}

#[test]
fn refusals_are_counted_under_their_own_code() {
    let metrics = Metrics::new();
    for (times, reason) in Reason::ALL.into_iter().enumerate() {
        (0..times).for_each(|_| metrics.refusal(reason));
    }
    for (times, reason) in Reason::ALL.into_iter().enumerate() {
        let labels = [("reason", reason.code())];
        let counted = metrics.value("palisade_refusals_total", &labels);
        assert_eq!(counted, Some(times as f64), "{}", reason.code());
    }
}

#[test]
fn accounts_past_the_hundredth_share_a_series() {
    let metrics = Metrics::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for at in 0..150 {
                    metrics.account_request(&format!("a-{at}"), Outcome::Allow);
                }
            });
        }
    });
    let page = read(&metrics.render());
    let mut accounts = HashSet::new();
    let mut sum = 0.0;
    for (name, labels, value) in page.samples {
        if name == "palisade_account_requests_total" {
            accounts.insert(labels[0].1.clone());
            sum += value;
        }
    }
    assert_eq!(accounts.len(), ACCOUNTS_MAX + 1);
    assert_eq!(sum, 600.0);
}

#[test]
fn names_that_nobody_registered_are_not_counted() {
    let metrics = Metrics::new();
    metrics.jwks_refresh("stranger", true, Timestamp(0));
    assert!(metrics.policy_counter("account/acme/x").is_none());
    let page = read(&metrics.render());
    assert!(!page.kinds.contains_key("palisade_jwks_refresh_total"));
    assert!(!page.kinds.contains_key("palisade_policy_determining_total"));
}

#[test]
fn a_policy_that_goes_takes_its_series_along_and_one_that_stays_keeps_its_count() {
    let metrics = Metrics::new();
    metrics.register_policies(["stays", "goes"]);
    metrics.policy_counter("stays").unwrap().inc();
    metrics.policy_counter("goes").unwrap().inc();
    metrics.register_policies(["stays", "comes"]);
    metrics.policy_counter("stays").unwrap().inc();
    let count = |policy| metrics.value("palisade_policy_determining_total", &[("policy", policy)]);
    assert_eq!(count("stays"), Some(2.0));
    assert_eq!(count("goes"), None);
    assert_eq!(count("comes"), Some(0.0));
}

#[test]
fn keys_and_rules_tell_when() {
    let metrics = Metrics::new();
    metrics.register_issuers(["cosmos", "gone"]);
    metrics.register_issuers(["cosmos"]);
    metrics.jwks_refresh("cosmos", true, Timestamp(1_700_000_000_999));
    metrics.jwks_refresh("cosmos", false, Timestamp(1_800_000_000_000));
    let issuer = ("issuer", "cosmos");
    let last = "palisade_jwks_last_success_timestamp_seconds";
    assert_eq!(metrics.value(last, &[issuer]), Some(1_700_000_000.0));
    let failed = [issuer, ("result", "error")];
    assert_eq!(
        metrics.value("palisade_jwks_refresh_total", &failed),
        Some(1.0)
    );
    assert_eq!(metrics.value(last, &[("issuer", "gone")]), None);
    metrics.ruleset("one", true, Timestamp(1000));
    metrics.ruleset("two", true, Timestamp(2000));
    metrics.ruleset("two", false, Timestamp(3000));
    let info = |revision| metrics.value("palisade_ruleset_info", &[("revision", revision)]);
    assert_eq!((info("one"), info("two")), (None, Some(1.0)));
    let value = |name| metrics.value(name, &[]);
    assert_eq!(value("palisade_ruleset_last_reload_successful"), Some(0.0));
    assert_eq!(
        value("palisade_ruleset_last_reload_timestamp_seconds"),
        Some(3.0)
    );
}

#[test]
fn gauges_go_back_when_their_subject_is_gone() {
    let metrics = Metrics::new();
    let (one, two) = (metrics.connection(), metrics.in_flight());
    let value = |name| metrics.value(name, &[]);
    assert_eq!(value("palisade_connections"), Some(1.0));
    assert_eq!(metrics.in_flight_now(), 1);
    drop((one, two));
    assert_eq!(value("palisade_connections"), Some(0.0));
    assert_eq!(metrics.in_flight_now(), 0);
}

#[test]
fn the_process_is_measured_when_it_is_read() {
    let metrics = Metrics::new();
    metrics.render();
    let value = |name| metrics.value(name, &[]).unwrap();
    assert!(value("process_resident_memory_bytes") > 100_000.0);
    assert!(value("process_open_fds") >= 3.0);
}
