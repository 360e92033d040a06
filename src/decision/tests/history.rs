//! A random history: callers, requests, clocks, directories and policies change in between.

use super::world::{
    API, account_id, admit, directory, head, member, overlay, principal, seal, service, settings,
    store, target, user,
};
use crate::clock::Timestamp;
use crate::decision::Question;
use crate::head::Head;
use crate::operation::{Access, ApiContext};
use crate::policy::{Source, Store};
use crate::random::Random;
use crate::route::Target;
use crate::scope::Scope;
use crate::tenant::{Directory, Role, WorkspaceRole};
use crate::token::{Caller, PlatformRole, PrincipalGrant};
use crate::x509::Identity;
use std::sync::Arc;

/// Policies that read everything there is, in every form of the language.
const AWKWARD: &str = r#"
@id("p.http") permit (principal, action in Tenancy::Action::"scoped", resource) when { context.http.method == "PATCH" && context.http.path like "/app/*/1" };
@id("p.ip") permit (principal is Tenancy::Service, action, resource) when { context.ip.isInRange(ip("203.0.113.0/24")) };
@id("f.ip") forbid (principal, action == Tenancy::Action::"app/missions/get", resource) when { !context.ip.isIpv4() || context.ip.isLoopback() || context.ip.isMulticast() };
@id("f.host") forbid (principal, action == Tenancy::Action::"app/missions/list", resource) when { ["a", context.http.host].containsAny(["evil.example.com"]) };
@id("f.id") forbid (principal, action == Tenancy::Action::"app/missions/get", resource is Tenancy::Resource) when { resource has id && resource.id like "*3" };
@id("f.tag") forbid (principal, action == Tenancy::Action::"dashboard/missions/delete", resource is Tenancy::Resource) when { resource.hasTag(if principal in resource.role.admin then "missionId" else "none") && resource.getTag(if principal in resource.role.admin then "missionId" else "none") == "2" };
@id("f.action") forbid (principal is Tenancy::Service, action, resource is Tenancy::Resource) when { action == Tenancy::Action::"dashboard/ranks/list" };
@id("f.uid") forbid (principal, action, resource == Tenancy::Resource::"acme/acme-prod/missions/1");
@id("f.set") forbid (principal, action == Tenancy::Action::"app/missions/submit", resource) when { [resource, Tenancy::Resource::"x"].contains(Tenancy::Resource::"acme/acme-prod/missions/2") };
@id("f.in") forbid (principal in Tenancy::Role::"acme/acme-prod#editor", action == Tenancy::Action::"app/quizzes/list", resource in Tenancy::Workspace::"acme/acme-prod");
@id("p.plan") permit (principal is Tenancy::User, action == Tenancy::Action::"dashboard/missions/create", resource) when { context.tenant.plan == "enterprise" && context.tenant.features.containsAll(["editors-publish"]) };
@id("p.catalogs") permit (principal, action == Tenancy::Action::"dashboard/users/list", resource) unless { context.catalogs.isEmpty() };
@id("p.record") permit (principal is Tenancy::User, action == Tenancy::Action::"app/users/badge", resource is Tenancy::Resource) when { { who: principal, what: { kind: resource.kind } }.what.kind == "users" && principal has principalId && principal.principalId != "p-bo" };
@id("p.email") permit (principal is Tenancy::User, action == Tenancy::Action::"app/users/me", resource is Tenancy::Resource) when { resource has owner && resource.owner == principal && !(principal has email) };
@id("f.date") forbid (principal, action in [Tenancy::Action::"create", Tenancy::Action::"update"], resource) when { context.now >= datetime("2026-11-23T14:00:00Z") };
@id("f.hours") forbid (principal, action in Tenancy::Action::"manage", resource) when { context has now && context.now.toTime() >= duration("13h30m") };
@id("f.odd") forbid (principal, action == Tenancy::Action::"dashboard/missions/publish", resource) when { context.now.durationSince(datetime("2026-11-23")).toMinutes() * 2 - 1 > 1600 && decimal("1.5").lessThan(decimal("2.0")) };
@id("p.soon") @not_after("2026-11-23T13:00:00Z") permit (principal, action == Tenancy::Action::"dashboard/missions/delete", resource);
@id("p.err") permit (principal is Tenancy::User, action, resource) when { 9223372036854775807 + (if principal.mfa then 1 else 0) > 0 };
@id("f.err") forbid (principal is Tenancy::User, action == Tenancy::Action::"app/quizzes/list", resource is Tenancy::Resource in Tenancy::Workspace::"catalog/catalog-01") when { -9223372036854775807 - (if context.tenant.plan == "enterprise" then 2 else 1) < 0 && principal == Tenancy::User::"acme/edi" };
@id("f.actor") forbid (principal is Tenancy::User, action == Tenancy::Action::"app/missions/submit", resource) when { context has actor && context.actor in Tenancy::Role::"acme/acme-prod#editor" && principal in resource.role.admin };
@id("f.contractors") forbid (principal in Tenancy::Group::"acme/contractors", action == Tenancy::Action::"dashboard/catalog/use", resource) unless { principal in context.role.admin };
@id("f.spiffe") forbid (principal is Tenancy::Service, action, resource) unless { context has certificate.spiffe && context.certificate.spiffe like "spiffe://example.org/*" };
@id("p.dns") permit (principal is Tenancy::User, action == Tenancy::Action::"dashboard/users/list", resource) when { context has certificate && context.certificate.dns.contains("web.example.org") };
@id("f.grant") forbid (principal is Tenancy::Principal, action == Tenancy::Action::"portal/accounts/get", resource) when { context has grant.until && context.grant.until < datetime("2026-11-23T20:00:00Z") };
@id("f.reason") forbid (principal is Tenancy::Principal, action == Tenancy::Action::"portal/accounts/get", resource) unless { context has reason && context.reason like "case *" };
"#;

const ACME: &str = r#"
@id("f.catalog") forbid (principal is Tenancy::Service, action in Tenancy::Action::"catalog", resource);
@id("f.path") forbid (principal, action == Tenancy::Action::"app/users/me", resource) when { context.http.path == "/app/v1/2" };
"#;
const ACME_LATER: &str = r#"@id("f.catalog") forbid (principal, action in Tenancy::Action::"catalog", resource) when { resource.account != Tenancy::Account::"acme" };"#;
const CATALOG: &str = r#"@id("f.readers") forbid (principal is Tenancy::User, action, resource) when { context.account != Tenancy::Account::"catalog" && principal in context.role.editor };"#;

pub(super) fn stores() -> Vec<Store> {
    let stores = all_stores();
    assert_eq!(stores.len(), STORES);
    assert!(stores.iter().all(|store| store.quarantined().is_empty()));
    stores
}

const STORES: usize = 7;

fn all_stores() -> Vec<Store> {
    let variant = |awkward: &str, overlays: &[(&str, &str)], former: Option<&Store>| {
        let mut settings = settings();
        settings
            .platform
            .push(Source::new("awkward.cedar", awkward));
        settings.overlays = overlays
            .iter()
            .map(|(id, text)| overlay(id, text))
            .collect();
        let built = Store::succeed(settings, former);
        let built = built.map_err(|faults| crate::fault::render(&faults));
        let (store, _) = built.unwrap();
        for (id, _) in overlays {
            store.load(&account_id(id));
        }
        store
    };
    let awkward = variant(AWKWARD, &[("acme", ACME)], None);
    // The platform's policies are those of the former; they are checked once.
    let with = |overlays: &[(&str, &str)]| variant(AWKWARD, overlays, Some(&awkward));
    let others = [
        with(&[("acme", ACME_LATER)]),
        with(&[("acme", ACME_LATER), ("catalog", CATALOG)]),
        // These read the same, and say something else.
        with(&[("acme", &ACME.replace("f.catalog", "f.other"))]),
        with(&[("acme", &ACME.replace("f.path", "f.other"))]),
        variant(
            &AWKWARD.replace("\"enterprise\" &&", "\"standard\" &&"),
            &[("acme", ACME)],
            None,
        ),
    ];
    let mut stores = vec![store(settings()), awkward];
    stores.extend(others);
    stores
}

fn directories() -> Vec<Directory> {
    vec![
        directory("enterprise", &["editors-publish"], true),
        directory("enterprise", &["editors-publish"], false),
        directory("enterprise", &[], true),
        directory("standard", &["editors-publish"], true),
    ]
}

fn callers() -> Vec<Arc<Caller>> {
    use WorkspaceRole::{Admin, Editor, Viewer};
    let mut odd = user(
        "acme",
        "acme-prod",
        "odd",
        &[Role::Workspace(Viewer), Role::AccountAdmin],
    );
    odd.mfa = false;
    odd.email = Some("odd@acme.example".into());
    odd.groups = vec!["acme/contractors".into()];
    seal(&mut odd);
    let grant = |accounts: &[&str], all, until: Option<&str>| PrincipalGrant {
        all,
        accounts: accounts.iter().map(|id| account_id(id)).collect(),
        until: until.map(super::world::at),
        act_in: true,
    };
    let operator = &[PlatformRole::Operator];
    vec![
        member("acme", "acme-prod", "ana", Viewer),
        member("acme", "acme-prod", "edi", Editor),
        member("acme", "acme-prod", "adi", Admin),
        member("acme", "acme-dev", "dan", Viewer),
        member("globex", "globex-prod", "bo", Editor),
        Arc::new(Caller::User(odd)),
        service("acme", "acme-prod", "hr-sync", Editor),
        service("globex", "globex-prod", "sync", Viewer),
        principal("root", operator, grant(&[], true, None)),
        principal(
            "root",
            operator,
            grant(&["acme"], false, Some("2026-11-23T13:00:00Z")),
        ),
        principal("root", operator, grant(&["acme", "globex"], false, None)),
        principal(
            "sven",
            &[PlatformRole::Support],
            grant(&["acme"], false, None),
        ),
    ]
}

fn targets() -> Vec<Arc<Target>> {
    API.iter()
        .flat_map(|row| {
            let portal = row.2.starts_with("portal/");
            let ids: &[&str] = match (portal, row.2) {
                (true, _) => &["acme", "globex"],
                (_, "app/users/update") => &["ana", "edi"],
                _ => &["1", "2", "3"],
            };
            let plain = ids.iter().map(|id| target(row.2, id, None));
            let names = row.4 || matches!(row.3, Access::Create | Access::Manage) && !portal;
            let catalog = names.then(|| target(row.2, "1", Some("catalog-01")));
            plain.chain(catalog).collect::<Vec<_>>()
        })
        .collect()
}

/// One question of a history.
pub(super) struct Asked {
    pub(super) store: usize,
    pub(super) caller: Arc<Caller>,
    pub(super) target: Arc<Target>,
    pub(super) scope: Scope,
    pub(super) head: Head,
}

impl Asked {
    pub(super) fn question(&self) -> Question<'_> {
        Question {
            caller: &self.caller,
            target: &self.target,
            scope: self.scope.clone(),
            head: &self.head,
        }
    }
}

/// Questions that the isolation rules let through, in a random order.
pub(super) fn history(seed: u64, length: usize) -> Vec<Asked> {
    let mut random = Random(seed);
    let (callers, targets, directories) = (callers(), targets(), directories());
    let mut steps = Vec::new();
    while steps.len() < length {
        let caller = Arc::clone(random.one(&callers));
        let target = Arc::clone(random.one(&targets));
        let hour = random.below(12);
        let minute = *random.one(&[0, 15, 29, 30, 59]);
        let now = format!("2026-11-23T{:02}:{minute:02}:00Z", 9 + hour);
        let client = *random.one(&["198.51.100.7", "203.0.113.9", "127.0.0.1", "2001:db8::1"]);
        let path = *random.one(&["/app/v1/1", "/app/v1/2"]);
        let mut head = head(&now, client, path);
        if matches!(*caller, Caller::Service(_)) {
            let named = *random.one(&[None, Some("ana"), Some("edi"), Some("adi"), Some("gone")]);
            head.on_behalf_of = named.map(str::to_owned);
        }
        head.certificate = certificate(random.below(6));
        if matches!(*caller, Caller::Principal(_)) {
            let stated = *random.one(&[None, Some("case 7"), Some("case 8"), Some("curious")]);
            head.reason = stated.map(Arc::from);
            let named = *random.one(&["acme-prod", "acme-dev", "globex-prod", "nowhere"]);
            let portal = target.route.operation.api_context == ApiContext::Portal;
            head.act_in = (!portal).then(|| named.to_owned());
        }
        head.method = target.route.method.clone();
        head.authority = (*random.one(&["api.example.com", "evil.example.com"])).into();
        let directory = random.one(&directories);
        if let Ok(scope) = admit(&caller, &target, directory, &head) {
            steps.push(Asked {
                store: random.below(STORES),
                caller,
                target,
                scope,
                head,
            });
        }
    }
    steps
}

/// What clients show: one in six shows none.
pub(super) fn certificate(which: usize) -> Option<Arc<Identity>> {
    let (spiffe, dns): (Option<&str>, &[&str]) = match which {
        0 => return None,
        1 => (Some("spiffe://example.org/web"), &[]),
        2 => (Some("spiffe://example.com/web"), &["web.example.org"]),
        3 => (None, &["web.example.org"]),
        4 => (None, &["api.example.org", "web.example.org"]),
        _ => (Some("spiffe://example.org/web"), &["api.example.org"]),
    };
    Some(Arc::new(Identity {
        spiffe: spiffe.map(Arc::from),
        dns: dns.iter().map(|&name| name.into()).collect(),
        until: Timestamp::MAX,
        shown: None,
    }))
}
