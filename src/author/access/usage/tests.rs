//! What records say of use.

use super::*;

const NOW: &str = "2026-11-30T00:00:00Z";

fn known() -> Known {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let pair = |one: &str, other: &str| [(one.to_owned(), other.to_owned())].into();
    Known {
        account: "acme".to_owned(),
        workspaces: set(&["w"]),
        operations: set(&["app/x", "portal/y"]),
        clients: set(&["c"]),
        users: pair("w", "u"),
        principals: pair("iss", "root"),
    }
}

fn read(text: &[u8]) -> Result<Usage, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, text).unwrap();
    let log = Log {
        path: &path,
        days: 30,
    };
    Usage::read(&log, &known(), Timestamp::parse_rfc3339(NOW).unwrap())
}

fn record(day: &str, rest: &str) -> String {
    format!(
        r#"{{"time":"2026-{day}T10:00:00.000Z","outcome":"allow","action":"app/x","account":"acme","workspace":"w","policies":["p"]{rest}}}"#
    ) + "\n"
}

fn permission(role: &str) -> Thing {
    Thing::Permission("w".to_owned(), "app/x".to_owned(), role.to_owned())
}

#[test]
fn roles_users_clients_and_principals_are_used_by_what_is_permitted() {
    let text = [
        record("09-01", r#","caller":"user","user":"u","roles":["viewer"]"#),
        record("11-20", r#","caller":"user","user":"u","roles":["editor"]"#),
        record(
            "11-21",
            r#","caller":"service","client":"c","roles":["admin"]"#,
        ),
        record(
            "11-22",
            r#","caller":"principal","issuer":"iss","subject":"root","roles":["support"]"#,
        ),
        // Refused, somebody else's, and unknown ones.
        record("11-23", r#","caller":"user","user":"u","roles":["viewer"]"#)
            .replace("allow", "deny_policy"),
        record("11-23", r#","caller":"user","user":"u","roles":["viewer"]"#)
            .replace("acme", "globex"),
        record(
            "11-23",
            r#","caller":"user","user":"v","roles":["=x"],"catalog":"acme""#,
        )
        .replace("\"w\"", "\"other\""),
    ]
    .concat();
    let usage = read(text.as_bytes()).unwrap();
    let of = |thing: Thing| usage.of(&[thing]);
    assert_eq!(of(permission("viewer")).usage, Use::Unused);
    assert_eq!(
        of(permission("viewer")).last_used.unwrap(),
        "2026-09-01T10:00:00.000Z"
    );
    assert_eq!(of(permission("editor")).usage, Use::Used);
    assert_eq!(of(permission("admin")).usage, Use::Used);
    assert_eq!(
        of(permission("account-owner")),
        Last {
            last_used: None,
            usage: Use::Unused
        }
    );
    assert_eq!(of(Thing::Client("c".to_owned())).usage, Use::Used);
    assert_eq!(
        of(Thing::User("w".to_owned(), "u".to_owned())).usage,
        Use::Used
    );
    let root = Thing::Principal("iss".to_owned(), "root".to_owned());
    assert_eq!(of(root).usage, Use::Used);
    assert_eq!(usage.last.len(), 7, "{:?}", usage.last);
    let seen = usage.seen();
    assert!(seen.covers && seen.torn == 0 && seen.records == 7 && seen.without_roles == 0);
}

#[test]
fn a_log_that_begins_too_late_proves_nothing_unused() {
    let text = record("11-20", r#","caller":"user","user":"u","roles":["viewer"]"#);
    let usage = read(text.as_bytes()).unwrap();
    assert_eq!(usage.of(&[permission("viewer")]).usage, Use::Used);
    assert_eq!(usage.of(&[permission("editor")]).usage, Use::Unknown);
    assert_eq!(
        read(b"").unwrap().of(&[permission("editor")]).usage,
        Use::Unknown
    );
}

#[test]
fn a_log_that_ended_long_ago_proves_nothing_unused() {
    let text = record("09-01", r#","caller":"user","user":"u","roles":["viewer"]"#);
    let usage = read(text.as_bytes()).unwrap();
    assert_eq!(usage.of(&[permission("viewer")]).usage, Use::Unknown);
}

#[test]
fn who_is_acted_for_has_any_role_and_who_has_none_has_none() {
    let acted = record(
        "11-20",
        r#","caller":"service","client":"c","user":"u","roles":["admin"]"#,
    );
    let usage = read(acted.as_bytes()).unwrap();
    assert!(usage.last.contains_key(&permission("")), "{:?}", usage.last);
    assert!(!usage.last.contains_key(&permission("admin")));
    let none = record("11-20", r#","caller":"user","user":"u","roles":[]"#);
    let usage = read(none.as_bytes()).unwrap();
    assert!(usage.last.contains_key(&permission("no role")));
    assert!(!usage.last.contains_key(&permission("")));
    assert_eq!(usage.seen().without_roles, 0);
}

#[test]
fn records_without_roles_count_for_all_of_them() {
    let usage = read(record("11-20", r#","caller":"user""#).as_bytes()).unwrap();
    assert_eq!(
        usage.of(&[permission("viewer"), permission("")]).usage,
        Use::Used
    );
    assert_eq!(usage.seen().without_roles, 1);
}

#[test]
fn what_is_no_record_is_counted_and_told_and_stops_nothing() {
    let good = record("11-20", r#","caller":"user","roles":["viewer"]"#);
    let deep = "[".repeat(100_000);
    let mut text = Vec::new();
    for line in [
        "{\"time\":\"2026-11-",
        "null",
        "\u{0}\u{0}\u{0}",
        "{\"time\":5}",
        "{\"time\":\"yesterday\"}",
        "{\"time\":\"2026-11-20T10:00:00Z\",\"account\":\"acme\",\"roles\":5}",
        &deep,
    ] {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    text.extend_from_slice(b"\xff\xfe\n");
    text.extend_from_slice(good.as_bytes());
    // The last one lacks its end.
    text.extend_from_slice(&good.as_bytes()[..40]);
    let usage = read(&text).unwrap();
    let seen = usage.seen();
    assert_eq!(
        (seen.torn, usage.of(&[permission("viewer")]).usage),
        (9, Use::Used)
    );
    assert!(seen.torn_at.unwrap().ends_with("log:1"));
}

#[test]
fn a_compressed_log_is_not_taken_for_an_empty_one() {
    let error = read(&[0x1f, 0x8b, 8, 0]).unwrap_err().to_string();
    assert!(error.contains("compressed"), "{error}");
}

#[test]
fn a_folder_is_read_with_what_was_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log {
        path: folder.path(),
        days: 30,
    };
    let now = Timestamp::parse_rfc3339(NOW).unwrap();
    let read = || Usage::read(&log, &known(), now);
    assert!(
        read()
            .unwrap_err()
            .to_string()
            .contains("no `audit.ndjson`")
    );
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("audit.ndjson", &record("11-20", r#","roles":["viewer"]"#));
    write("audit.ndjson.1", &record("09-20", r#","roles":["editor"]"#));
    write("audit.ndjson.next", "x");
    write("other", "x");
    let seen = read().unwrap().seen();
    assert_eq!((seen.records, seen.torn, seen.covers), (2, 0, true));
}
