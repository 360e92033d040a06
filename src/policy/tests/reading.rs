//! What policies are found to read, and for how long an answer holds.

use super::support::{operation, operations, shipped};
use crate::clock::Timestamp;
use crate::operation::Access;
use crate::policy::{PrincipalType, Reads, Settings, Source, Store, Window};

const TEN: &str = "2026-11-23T10:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// What the slice of a dashboard delete reads, with one further forbid in it.
fn reads(annotations: &str, condition: &str) -> Reads {
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
    reads(annotations, condition).clock.window(at(now), None)
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
        let wide = reads.http || reads.ip || reads.certificate || reads.resource_id;
        assert!(!wide, "{reads:?}");
        let end = at("2026-11-24T00:00:00Z");
        let window = reads.clock.window(at(TEN), Some(end)).unwrap();
        assert_eq!(window.until, end);
    }
}

#[test]
fn the_shipped_policies_read_which_user_only_where_it_matters() {
    let (store, _) = Store::build(shipped()).unwrap();
    let read = |name: &str, access| {
        let operation = operation(name, access, false);
        store
            .environment(PrincipalType::User, &operation)
            .unwrap()
            .platform
            .reads
            .resource_id
    };
    assert!(read("app/users/update", Access::Update));
    assert!(!read("app/missions/get", Access::Read));
}

/// Condition; whether it reads http, ip, and which resource it is.
#[rustfmt::skip]
const READS: [(&str, bool, bool, bool); 19] = [
    ("principal.mfa", false, false, false),
    ("context.http.method == \"GET\"", true, false, false),
    ("context has http.path", true, false, false),
    ("context.ip.isLoopback()", false, true, false),
    ("context.tenant.plan == \"x\"", false, false, false),
    ("resource.kind == \"missions\"", false, false, false),
    ("resource has id && resource.id == \"1\"", false, false, true),
    ("resource has owner", false, false, true),
    ("resource.hasTag(\"missionId\")", false, false, true),
    ("resource in Tenancy::Workspace::\"acme/acme-prod\"", false, false, false),
    ("resource in [Tenancy::Account::\"acme\", Tenancy::Account::\"globex\"]", false, false, false),
    ("resource in context.workspace", false, false, false),
    ("resource in Tenancy::Resource::\"acme/w/missions/1\"", false, false, true),
    ("resource == Tenancy::Resource::\"acme/w/missions/1\"", false, false, true),
    ("[resource].contains(Tenancy::Resource::\"x\")", false, false, true),
    ("resource is Tenancy::Resource in Tenancy::Account::\"acme\"", false, false, false),
    ("{ it: context.http }.it.method == \"GET\"", true, false, false),
    ("(if principal.mfa then context.http else context.http).method == \"GET\"", true, false, false),
    ("principal in resource.role.viewer", false, false, false),
];

#[test]
fn paths_are_told_apart() {
    for (condition, http, ip, resource_id) in READS {
        let reads = reads("", condition);
        assert_eq!(
            (reads.http, reads.ip, reads.resource_id),
            (http, ip, resource_id),
            "{condition}"
        );
    }
}

#[test]
fn a_certificate_is_read_where_a_policy_names_it() {
    for condition in [
        "context has certificate",
        "context has certificate.spiffe && context.certificate.spiffe == \"spiffe://example.org/web\"",
        "context has certificate && context.certificate.dns.contains(\"web.example.org\")",
        "context has certificate && [context.certificate].contains(context.certificate)",
    ] {
        assert!(reads("", condition).certificate, "{condition}");
    }
    assert!(!reads("", "context.ip.isLoopback()").certificate);
}

#[test]
fn a_bare_variable_is_everything_behind_it() {
    let all = reads("", "context == context");
    assert!(all.http && all.ip && all.certificate && !all.resource_id);
    assert_eq!(all.clock.window(at(TEN), None), None);
    assert!(reads("", "resource == resource").resource_id);
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
