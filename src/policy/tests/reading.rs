//! What policies are found to read, and for how long an answer holds.

use super::support::{operation, operations, shipped};
use crate::clock::Timestamp;
use crate::operation::Access;
use crate::policy::{
    PrincipalType, Read, Reads, Settings, Source, Store, Window, annotation, oracle, reads,
};
use cedar_policy::Policy;
use std::str::FromStr;

const TEN: &str = "2026-11-23T10:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// What the slice of a dashboard delete reads, with one further forbid in it.
fn sliced(annotations: &str, condition: &str) -> Reads {
    let mut settings = Settings {
        operations: operations(),
        ..Settings::default()
    };
    settings.platform = vec![Source::new(
        "x.cedar",
        format!(
            "@id(\"x\") {annotations} permit (principal is Tenancy::User, action in Tenancy::Action::\"delete\", resource is Tenancy::Resource) when {{ {condition} }};"
        ),
    )];
    let (store, _) = Store::build(settings)
        .map_err(|faults| crate::fault::render(&faults))
        .unwrap();
    let delete = operation("dashboard/missions/delete", Access::Delete, false);
    let environment = store.environment(PrincipalType::User, &delete).unwrap();
    environment.platform.reads.clone()
}

fn window(annotations: &str, condition: &str, now: &str) -> Option<Window> {
    sliced(annotations, condition).clock.window(at(now), None)
}

fn until(annotations: &str, condition: &str, now: &str) -> Option<Timestamp> {
    window(annotations, condition, now).map(|window| window.until)
}

#[test]
fn the_shipped_guards_read_neither_http_nor_ip_nor_which_resource() {
    let (store, _) = Store::build(Settings {
        operations: operations(),
        ..Settings::default()
    })
    .unwrap();
    for environment in store.environments() {
        let reads = &environment.platform.reads;
        let read: Vec<String> = all(reads);
        let far = [
            "context.http",
            "context.ip",
            "context.certificate",
            "resource.id",
        ];
        let wide = read
            .iter()
            .any(|one| far.iter().any(|far| one.contains(far)));
        assert!(!wide && !reads.everything, "{read:?}");
        let end = at("2026-11-24T00:00:00Z");
        let window = reads.clock.window(at(TEN), Some(end)).unwrap();
        assert_eq!(window.until, end);
    }
}

#[test]
fn users_that_look_alike_are_not_told_apart_by_the_shipped_policies() {
    let (store, _) = Store::build(shipped()).unwrap();
    for environment in store.environments() {
        // Which one the caller is stands in no value: only in bits, and in what a Principal was granted.
        for read in &environment.platform.reads.values {
            let Read::Value(path) = read else {
                panic!("{read:?}")
            };
            let read = oracle::path(path);
            assert!(["context.grant.until"].contains(&&*read), "{read}");
        }
    }
}

/// What one condition reads.
fn of(condition: &str) -> Reads {
    let text = format!("@id(\"x\") permit (principal, action, resource) when {{ {condition} }};");
    let policy = Policy::from_str(&text).unwrap();
    let annotations = annotation::read(&policy, false).unwrap();
    reads::of(&policy, &annotations).0
}

fn all(reads: &Reads) -> Vec<String> {
    let values = reads.values.iter().map(|read| match read {
        Read::Value(path) => oracle::path(path),
        Read::Type(path) => format!("{} is ?", oracle::path(path)),
        Read::Tags(path) => format!("{}.getTag(?)", oracle::path(path)),
    });
    let everything = reads.everything.then(|| "everything".to_owned());
    let bits = reads.bits.iter().map(oracle::text);
    bits.chain(values).chain(everything).collect()
}

#[rustfmt::skip]
const READS: [(&str, &[&str]); 46] = [
    ("principal.mfa", &["principal.mfa && true"]),
    ("!principal.mfa || true", &["principal.mfa && true"]),
    ("if principal.mfa then principal.bearer else false", &["principal.bearer && true", "principal.mfa && true"]),
    ("principal.mfa == true", &["principal.mfa == true"]),
    ("context.tenant.plan == \"x\"", &["context.tenant.plan == \"x\""]),
    ("context.tenant.plan like \"x*\"", &["context.tenant.plan"]),
    ("context has grant.until", &["context has \"grant\"", "context.grant has \"until\""]),
    ("context has now && context.now < datetime(\"2026-12-31\")", &["context has \"now\""]),
    ("context.now < context.grant.until", &["context.grant.until"]),
    ("resource in Tenancy::Workspace::\"a/b\"", &["resource in Tenancy::Workspace::\"a/b\""]),
    ("resource in [context.workspace, resource.account]", &["resource in [context.workspace, resource.account]"]),
    ("resource.workspace in context.catalogs", &["resource.workspace in context.catalogs"]),
    ("resource is Tenancy::Resource", &[]),
    ("resource is Tenancy::Resource in Tenancy::Account::\"a\"", &["resource in Tenancy::Account::\"a\""]),
    ("context.account is Tenancy::Account", &["context.account is ?"]),
    ("action == Tenancy::Action::\"x\" && action in [Tenancy::Action::\"read\"]", &[]),
    ("action in principal.x", &["everything"]),
    ("principal == resource.owner", &["principal == resource.owner"]),
    ("principal == Tenancy::User::\"acme/ana\"", &["principal == Tenancy::User::\"acme/ana\""]),
    ("Tenancy::User::\"acme/ana\" in Tenancy::Group::\"acme/a\"", &["Tenancy::User::\"acme/ana\" in Tenancy::Group::\"acme/a\""]),
    ("Tenancy::User::\"acme/ana\".mfa", &["Tenancy::User::\"acme/ana\".mfa && true"]),
    ("principal.scopes.isEmpty()", &["principal.scopes.isEmpty()"]),
    ("principal.scopes.contains(Tenancy::Scope::\"app/read\")", &["principal.scopes.contains(Tenancy::Scope::\"app/read\")"]),
    ("context.catalogs.contains(resource.workspace)", &["context.catalogs.contains(resource.workspace)"]),
    ("context.tenant.features.containsAll([\"a\", \"b\"])", &["context.tenant.features.contains(\"a\")", "context.tenant.features.contains(\"b\")"]),
    ("context.tenant.features.containsAny(context.more)", &["context.more", "context.tenant.features"]),
    ("[\"GET\", \"HEAD\"].contains(context.http.method)", &["context.http.method == context.http.method", "\"GET\" == context.http.method", "\"HEAD\" == context.http.method"]),
    ("[context.http.method].contains(\"GET\")", &["context.http.method == \"GET\""]),
    ("[context.http].contains(context.http)", &["context.http == context.http"]),
    ("[context.now].contains(context.later)", &["context.later"]),
    ("resource.hasTag(\"a\") && resource.getTag(\"a\") == \"1\"", &["resource.hasTag(\"a\")", "resource.getTag(\"a\") == \"1\""]),
    ("resource.hasTag(context.key)", &["context.key", "resource.getTag(?)"]),
    ("resource.getTag(context.key) == \"1\"", &["context.key", "resource.getTag(?)"]),
    ("resource.getTag(context.key) == principal", &["principal", "resource.getTag(?)", "context.key"]),
    ("resource.getTag(context.key).mfa", &["resource.getTag(?)", "context.key", "everything"]),
    ("{ it: context.http }.it.method == \"GET\"", &["context.http", "everything"]),
    ("{ it: context.http } == { it: context.http }", &["context.http"]),
    ("{ it: principal } has it.mfa", &["principal", "everything"]),
    ("(if principal.mfa then context.a else context.b).c == \"GET\"", &["principal.mfa && true", "context.a.c", "context.b.c"]),
    ("(if principal.mfa then context else context).a", &["principal.mfa && true", "context.a"]),
    ("(if principal.mfa then principal else resource) in Tenancy::Account::\"a\"", &["everything"]),
    ("context == context", &["everything"]),
    ("[context].contains(context)", &["everything"]),
    ("principal == context", &["principal", "everything"]),
    ("context.ip.isInRange(ip(\"10.0.0.0/8\"))", &["context.ip"]),
    ("context.n + 1 < context.m * 2", &["context.m", "context.n"]),
];

#[test]
fn what_a_condition_reads_and_nothing_else() {
    for (condition, expected) in READS {
        let mut read = all(&of(condition));
        // A context as a whole is read whole.
        read.retain(|one| one != "context");
        read.sort();
        let mut expected: Vec<&str> = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(read, expected, "{condition}");
    }
}

#[test]
fn a_head_is_read_too() {
    let reads = |head: &str| {
        let policy = Policy::from_str(&format!("@id(\"x\") permit ({head});")).unwrap();
        all(&reads::of(&policy, &annotation::read(&policy, false).unwrap()).0)
    };
    let nothing: [&str; 0] = [];
    assert_eq!(reads("principal is A, action, resource is B"), nothing);
    assert_eq!(
        reads("principal == A::\"a\", action, resource is B in C::\"c\""),
        ["principal == A::\"a\"", "resource in C::\"c\""]
    );
}

#[test]
fn the_time_is_read_with_the_context() {
    for condition in ["context == context", "[context].contains(context)"] {
        assert_eq!(
            of(condition).clock.window(at(TEN), None),
            None,
            "{condition}"
        );
    }
}

#[test]
fn a_literal_moment_is_a_boundary() {
    for operator in ["<", "<=", ">", ">=", "=="] {
        let condition = format!("context.now {operator} datetime(\"2026-12-31T00:00:00Z\")");
        let boundary = at("2026-12-31T00:00:00Z");
        assert_eq!(until("", &condition, TEN), Some(boundary), "{operator}");
        // Exactly then, and not a millisecond longer, the answer may be a third one.
        let moment = window("", &condition, "2026-12-31T00:00:00Z").unwrap();
        assert_eq!(
            (moment.from, moment.until),
            (boundary, boundary.plus_millis(1))
        );
    }
    assert_eq!(
        until("", "datetime(\"2026-12-31\") > context.now", TEN),
        Some(at("2026-12-31T00:00:00Z"))
    );
    assert_eq!(
        until(
            "",
            "context.now < datetime(\"2026-12-31T02:00:00+0200\")",
            TEN
        ),
        Some(at("2026-12-31T00:00:00Z"))
    );
}

#[test]
fn a_time_of_day_is_a_boundary_every_day() {
    let office =
        "context.now.toTime() >= duration(\"8h\") && context.now.toTime() < duration(\"18h\")";
    assert_eq!(until("", office, TEN), Some(at("2026-11-23T18:00:00Z")));
    assert_eq!(
        until("", office, "2026-11-23T05:00:00Z"),
        Some(at("2026-11-23T08:00:00Z"))
    );
    assert_eq!(
        until("", office, "2026-11-23T20:00:00Z"),
        Some(at("2026-11-24T00:00:00Z"))
    );
}

#[test]
fn any_other_use_of_the_time_is_for_now_only() {
    for condition in [
        "context.now.toDate() == datetime(\"2026-11-23\")",
        "context.now.offset(duration(\"1h\")) < datetime(\"2026-12-31\")",
        "context.now.durationSince(datetime(\"2026-01-01\")) < duration(\"1d\")",
        "[context.now].contains(datetime(\"2026-12-31\"))",
        "context.now == context.now",
    ] {
        assert_eq!(window("", condition, TEN), None, "{condition}");
        let bounded = window("@cache(\"30s\")", condition, TEN).unwrap();
        assert_eq!(
            (bounded.from, bounded.until),
            (at(TEN), at(TEN).plus_millis(30_000))
        );
    }
}

#[test]
fn annotations_bound_what_is_kept() {
    assert_eq!(window("@cache(\"no\")", "principal.mfa", TEN), None);
    assert_eq!(
        until("@cache(\"30s\")", "principal.mfa", TEN),
        Some(at(TEN).plus_millis(30_000))
    );
    let not_after = "@not_after(\"2026-11-23T12:00:00Z\")";
    assert_eq!(
        until(not_after, "principal.mfa", TEN),
        Some(at("2026-11-23T12:00:00Z"))
    );
    assert_eq!(until("", "principal.mfa", TEN), Some(Timestamp::MAX));
}

#[test]
fn what_an_environment_settles_is_not_read() {
    let (store, _) = Store::build(shipped()).unwrap();
    let read = |operation: &_| {
        let environment = store.environment(PrincipalType::User, operation).unwrap();
        all(&environment.platform.reads)
    };
    let missions = operation("app/missions/list", Access::Read, false);
    let delete = operation("dashboard/missions/delete", Access::Delete, false);
    for (operation, reads, not) in [
        (&missions, "app/read", "dashboard/"),
        (
            &missions,
            "app/read",
            "principal.scopes.contains(Tenancy::Scope::\"app/write",
        ),
        (&delete, "dashboard/write", "app/"),
    ] {
        let read = read(operation).join("\n");
        assert!(read.contains(reads) && !read.contains(not), "{read}");
        // Users have no grants and state no reasons, whatever the guards say of Principals.
        assert!(
            !read.contains("context.reason") && !read.contains("context.grant"),
            "{read}"
        );
    }
}
