//! What a reader is told of a file that does not fit.

use super::*;
use crate::config::schema;

fn faults(text: &str) -> Vec<Fault> {
    let document = Document::parse("palisade.yaml", text.into()).unwrap();
    misfits(&document, &schema::CONFIG)
}

fn lines(text: &str) -> Vec<String> {
    let line = |fault: &Fault| {
        let (line, _) = fault.place.line_column().unwrap_or_default();
        let help = fault.help.clone().unwrap_or_default();
        format!("{line} {}: {} ({help})", fault.code, fault.message)
    };
    faults(text).iter().map(line).collect()
}

const GOOD: &str = "\
version: 1
listen: { http: 127.0.0.1:0, hosts: [localhost] }
upstreams: { api: { url: http://127.0.0.1:9000 } }
tenants: tenants/
policies: policies/
schema: schemas/
routes:
  - { context: app, openapi: app.json, upstream: api }
";

fn one(addition: &str) -> String {
    let all = lines(&format!("{GOOD}{addition}"));
    assert_eq!(all.len(), 1, "{all:#?}");
    all.concat()
}

#[test]
fn a_whole_file_fits() {
    assert_eq!(faults(GOOD), []);
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    let fault = one("chache: { decision_ttl: 5m }\n");
    assert_eq!(
        fault,
        "9 config_unknown_key: unknown key `chache` (did you mean `cache`?)"
    );
    let fault = one("log: { zzz: 1 }\n");
    assert!(
        fault.contains("known keys here: `level`, `format`"),
        "{fault}"
    );
}

#[test]
fn a_bad_duration_says_how_durations_are_written() {
    let fault = one("cache: { decision_ttl: 5 minutes }\n");
    assert!(fault.contains("`5 minutes` is not a duration"), "{fault}");
    assert!(fault.contains("`500ms`, `5s`"), "{fault}");
    let fault = one("cache: { decision_ttl: 300 }\n");
    assert!(
        fault.contains("expected a duration, found the number `300`"),
        "{fault}"
    );
}

#[test]
fn an_unknown_word_is_named_with_the_nearest_known_one() {
    let fault = one("log: { level: wran }\n");
    assert!(
        fault.contains("unknown value `wran` (did you mean `warn`?"),
        "{fault}"
    );
}

#[test]
fn a_missing_key_is_named_with_an_example() {
    let all = lines("version: 1\n").join("\n");
    for key in [
        "listen",
        "upstreams",
        "tenants",
        "policies",
        "schema",
        "routes",
    ] {
        assert!(all.contains(&format!("`{key}` is missing")), "{all}");
    }
    assert!(
        all.contains("add `tenants: tenants/` (The folder of the tenant directory"),
        "{all}"
    );
}

#[test]
fn an_empty_key_is_a_fault() {
    let fault = one("issuers:\n");
    assert!(
        fault.contains("expected a list, found nothing (give it a value, or remove the key)"),
        "{fault}"
    );
    let fault = one("audit: { file: }\n");
    assert!(fault.contains("expected a text, found nothing"), "{fault}");
}

#[test]
fn a_secret_is_never_repeated() {
    let text = format!("{GOOD}admin: {{ token: hunter2 }}\n");
    let all = faults(&text);
    assert_eq!(all.len(), 1);
    let rendered = crate::fault::render(&all);
    assert!(!rendered.contains("hunter2"), "{rendered}");
    assert!(rendered.contains("env:CONTROL_TOKEN"), "{rendered}");
    assert_eq!(all[0].place.line_column(), Some((9, 17)), "{rendered}");
    let neighbour = faults(&format!("{GOOD}admin: {{ metrics: 7, token: hunter2 }}\n"));
    assert_eq!(neighbour.len(), 2);
    assert!(!crate::fault::render(&neighbour).contains("hunter2"));
}

const ISSUER: &str =
    "issuers: [{ name: cosmos, issuer: 'https://i', jwks: { url: 'https://i/k' }, ";

#[test]
fn of_several_forms_the_meant_one_is_explained() {
    let fault = one(&format!("{ISSUER} clients: diretory }}]\n"));
    assert!(
        fault.contains("unknown value `diretory` (did you mean `directory`?"),
        "{fault}"
    );
    let fault = one(&format!("{ISSUER} clients: [1] }}]\n"));
    assert!(
        fault.contains("expected a text, found the number `1`"),
        "{fault}"
    );
    let fault = one(&format!("{ISSUER} clients: 7 }}]\n"));
    assert!(
        fault.contains("expected `directory` or a list, found the number `7`"),
        "{fault}"
    );
}

#[test]
fn all_faults_come_at_once_in_the_order_of_the_file() {
    let text = "\
version: 2
listen: { http: 127.0.0.1:0, hosts: [], timeouts: { head: soon } }
upstreams: { api: { ulr: http://127.0.0.1:9000 } }
tenants: tenants/
policies: 5
schema: schemas/
routes:
  - { context: apps, openapi: app.json, upstream: api }
colour: red
";
    let all = lines(text);
    let at: Vec<&str> = all
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(at, ["1", "2", "2", "3", "5", "8", "9"], "{all:#?}");
}

#[test]
fn an_impossible_date_is_a_fault() {
    let document = Document::parse(
        "acme.yaml",
        "account: acme\nplan: standard\nnot_before: { account: '2026-13-01T00:00:00Z' }\n".into(),
    );
    let faults = misfits(&document.unwrap(), &schema::TENANT);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].message.contains("is not a moment"), "{faults:?}");
}

#[test]
fn control_characters_are_shown_escaped() {
    let fault = one("log: { level: \"\\e[31m\" }\n");
    assert!(!fault.contains('\u{1b}'), "{fault:?}");
}
