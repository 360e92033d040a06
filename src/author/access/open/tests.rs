//! What parts of conditions read, and what of it is open.

use super::*;

const ALL: Open = Open {
    person: true,
    token: true,
    resource: true,
    owner: true,
    stated: true,
    moment: true,
};

fn open(text: &str, open: Open) -> Vec<String> {
    let expression: Expr = text.parse().unwrap();
    let all = reads(&expression);
    all.iter().filter_map(|read| open.name(read)).collect()
}

#[test]
fn what_differs_between_requests_is_open() {
    for (text, names) in [
        ("resource.id == \"m-1\"", &["resource.id"][..]),
        ("resource has id", &["resource.id"]),
        (
            "resource.owner == principal",
            &["resource.owner", "principal"],
        ),
        (
            "[Tenancy::User::\"a/u\"].contains(principal)",
            &["principal"],
        ),
        ("principal == Tenancy::User::\"acme/u-1\"", &["principal"]),
        ("principal in Tenancy::User::\"acme/u-1\"", &["principal"]),
        (
            "principal in Tenancy::Group::\"acme/x\"",
            &["principal in Group::\"acme/x\""],
        ),
        (
            "principal in [resource.role.viewer, Tenancy::Group::\"acme/x\"]",
            &["principal in Group::\"acme/x\""],
        ),
        ("principal.email like \"*@acme.com\"", &["principal.email"]),
        ("context.now > datetime(\"2026-01-01\")", &["context.now"]),
        ("context.ip.isInRange(ip(\"10.0.0.0/8\"))", &["context.ip"]),
        ("context.http.path like \"/app/*\"", &["context.http.path"]),
        (
            "context has certificate.spiffe",
            &["context.certificate.spiffe"],
        ),
        (
            "resource.hasTag(\"day\") && resource.getTag(\"day\") == \"x\"",
            &["resource.getTag(\"day\")"],
        ),
        (
            "(if principal.mfa then resource else resource) == resource",
            &["principal.mfa", "resource"],
        ),
        ("context.reason != \"\"", &["context.reason"]),
        (
            "context.grant.all == (context.now < context.grant.until)",
            &["context.now"],
        ),
        ("{a: context.http} == {a: context.http}", &["context.http"]),
    ] {
        assert_eq!(open(text, ALL), names, "{text}");
    }
}

#[test]
fn what_directory_and_route_say_is_not_open() {
    for text in [
        "principal in [resource.role.viewer, resource.accountRole.admin]",
        "principal in context.accountRole.admin",
        "principal in Tenancy::PlatformRole::\"support\"",
        "principal is Tenancy::User",
        "action in Tenancy::Action::\"read\"",
        "resource in Tenancy::Account::\"acme\"",
        "resource.kind == \"missions\"",
        "context.tenant.features.contains(\"x\")",
        "context.http.method == \"GET\"",
        "context has now",
        "context has grant.until",
        "context.now < context.grant.until",
        "principal has mfa",
        "principal.scopes.contains(Tenancy::Scope::\"app/read\")",
    ] {
        assert_eq!(open(text, ALL), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn who_is_known_is_not_open() {
    let known = Open {
        person: false,
        token: false,
        ..ALL
    };
    for text in [
        "principal.email == \"a\"",
        "principal.mfa",
        "principal in Tenancy::Group::\"acme/x\"",
        "principal == Tenancy::User::\"acme/u-1\"",
        "principal.getTag(\"x\") == \"y\"",
    ] {
        assert_eq!(open(text, known), Vec::<String>::new(), "{text}");
        assert_eq!(open(text, ALL).len(), 1, "{text}");
    }
}

/// A machine client is known by its id, and what its token may say beside that is not.
#[test]
fn what_a_made_up_token_says_is_open_whoever_has_it() {
    let made_up = Open {
        person: false,
        ..ALL
    };
    for text in [
        "principal.email == \"a\"",
        "principal has email",
        "principal.principalId == \"a\"",
        "principal.mfa",
        "principal.getTag(\"x\") == \"y\"",
    ] {
        assert_eq!(open(text, made_up).len(), 1, "{text}");
    }
    for text in [
        "principal in Tenancy::Group::\"acme/x\"",
        "principal == Tenancy::Service::\"acme/c\"",
    ] {
        assert_eq!(open(text, made_up), Vec::<String>::new(), "{text}");
    }
}
