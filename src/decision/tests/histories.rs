//! Random histories: callers, requests, clocks, directories and policies change in between.
//!
//! Remembered answers equal fresh ones; and for each part of the key there is a history in which
//! leaving it out gives a wrong answer, so that the test above would notice.

use super::world::{
    API, account_id, admit, directory, head, member, overlay, principal, seal, service, settings,
    store, target, user,
};
use crate::clock::Timestamp;
use crate::decision::facts::{self, Facts};
use crate::decision::key::{Key, Part};
use crate::decision::layers::Layers;
use crate::decision::{Denied, Pdp, Permit, Question, Settings};
use crate::head::Head;
use crate::operation::{Access, ApiContext};
use crate::policy::{Ruling, Source, Store, Window};
use crate::reason::Reason;
use crate::route::Target;
use crate::scope::Scope;
use crate::telemetry::Metrics;
use crate::tenant::{Directory, Role, WorkspaceRole};
use crate::token::{Caller, PlatformRole, PrincipalGrant};
use crate::x509::Identity;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Policies that read everything there is, in every form of the language.
const AWKWARD: &str = r#"
@id("p.http") permit (principal, action in Tenancy::Action::"scoped", resource) when { context.http.method == "PATCH" && context.http.path like "/app/*/1" };
@id("p.ip") permit (principal is Tenancy::Service, action, resource) when { context.ip.isInRange(ip("203.0.113.0/24")) };
@id("f.ip") forbid (principal, action == Tenancy::Action::"app/missions/get", resource) when { !context.ip.isIpv4() || context.ip.isLoopback() || context.ip.isMulticast() };
@id("f.host") forbid (principal, action == Tenancy::Action::"app/missions/list", resource) when { ["a", context.http.host].containsAny(["evil.example.com"]) };
@id("f.id") forbid (principal, action == Tenancy::Action::"app/missions/get", resource is Tenancy::Resource) when { resource has id && resource.id like "*3" };
@id("f.tag") forbid (principal, action == Tenancy::Action::"dashboard/missions/delete", resource is Tenancy::Resource) when { resource.hasTag(if principal in resource.role.admin then "missionId" else "none") && resource.hasTag("missionId") && resource.getTag("missionId") == "2" };
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
const CATALOG: &str = r#"@id("f.readers") forbid (principal is Tenancy::User, action, resource) when { context.account == Tenancy::Account::"acme" && principal in context.role.editor };"#;

/// splitmix64: the same history every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn stores() -> Vec<Store> {
    let variant = |awkward: &str, overlays: &[(&str, &str)]| {
        let mut settings = settings();
        settings
            .platform
            .push(Source::new("awkward.cedar", awkward));
        settings.overlays = overlays
            .iter()
            .map(|(id, text)| overlay(id, text))
            .collect();
        store(settings)
    };
    vec![
        store(settings()),
        variant(AWKWARD, &[("acme", ACME)]),
        variant(AWKWARD, &[("acme", ACME_LATER)]),
        variant(AWKWARD, &[("acme", ACME_LATER), ("catalog", CATALOG)]),
        variant(
            &AWKWARD.replace("\"enterprise\" &&", "\"standard\" &&"),
            &[("acme", ACME)],
        ),
    ]
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
struct Step {
    store: usize,
    caller: Arc<Caller>,
    target: Arc<Target>,
    scope: Scope,
    head: Head,
}

/// Questions that the isolation rules let through, in a random order.
fn history(seed: u64, length: usize) -> Vec<Step> {
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
            steps.push(Step {
                store: random.below(5),
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
fn certificate(which: usize) -> Option<Arc<Identity>> {
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

/// All that one answer says, but whether it was remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    reason: Option<Reason>,
    determining: Vec<Arc<str>>,
    erring: Vec<Arc<str>>,
}

fn said(answer: &Result<Permit, Denied>) -> Said {
    match answer {
        Ok(permit) => Said {
            reason: None,
            determining: permit.determining().to_vec(),
            erring: Vec::new(),
        },
        Err(denied) => Said {
            reason: Some(denied.reason),
            determining: denied.determining.to_vec(),
            erring: denied.errors.to_vec(),
        },
    }
}

impl Step {
    fn question(&self) -> Question<'_> {
        Question {
            caller: &self.caller,
            target: &self.target,
            scope: self.scope.clone(),
            head: &self.head,
        }
    }
}

fn forgetful() -> Pdp {
    let settings = Settings {
        ttl: Duration::ZERO,
        ..Settings::default()
    };
    Pdp::new(settings, Metrics::new())
}

#[test]
fn remembered_answers_equal_fresh_ones() {
    let stores = stores();
    let day = Settings {
        ttl: Duration::from_hours(24),
        ..Settings::default()
    };
    let (keeping, forgetting) = (Pdp::new(day, Metrics::new()), forgetful());
    let (mut remembered, mut allowed, mut erred) = (0, 0, 0);
    for step in history(1, 4_000) {
        let store = &stores[step.store];
        let kept = keeping.decide(store, step.question());
        let fresh = forgetting.decide(store, step.question());
        assert_eq!(
            said(&kept),
            said(&fresh),
            "{:?} {:?}",
            step.target,
            step.head
        );
        let cached = match &kept {
            Ok(permit) => permit.cached(),
            Err(denied) => denied.cached,
        };
        remembered += usize::from(cached == Some(true));
        allowed += usize::from(fresh.is_ok());
        erred += usize::from(!said(&fresh).erring.is_empty());
    }
    // The history means something.
    assert!(remembered > 500, "{remembered}");
    assert!(allowed > 800 && allowed < 3_200, "{allowed}");
    assert!(erred > 100, "{erred}");
}

/// Keys without one part, each with the answers seen under it.
type Seen = HashMap<Vec<u8>, Vec<(Window, Said)>>;

#[test]
fn every_part_of_the_key_is_needed() {
    let stores = stores();
    let forgetting = forgetful();
    let mut seen: HashMap<Option<usize>, Seen> = HashMap::new();
    let mut wrong: HashSet<usize> = HashSet::new();
    for step in history(2, 6_000) {
        let store = &stores[step.store];
        let question = step.question();
        for about in facts::asked(&question) {
            let facts = Facts::read(&question, about).unwrap();
            note(&forgetting, store, &facts, &mut seen, &mut wrong);
        }
    }
    let parts = Part::ALL.into_iter().enumerate();
    let needless: Vec<Part> = parts
        .filter(|(index, _)| !wrong.contains(index))
        .map(|(_, part)| part)
        .collect();
    // What a token of another API may do follows from caller and operation, as long as the isolation
    // rules hold; it is in the key in case that they do not.
    assert_eq!(needless, [Part::Contexts]);
}

/// Notes the answer to one question under its key without each of the parts, and which of the parts
/// would have been needed to tell it from an earlier one.
fn note(
    forgetting: &Pdp,
    store: &Store,
    facts: &Facts<'_>,
    seen: &mut HashMap<Option<usize>, Seen>,
    wrong: &mut HashSet<usize>,
) {
    let layers = Layers::find(store, facts).unwrap();
    let Some(window) = layers.window(facts) else {
        return;
    };
    let (entry, _) = forgetting.answer(store, facts).unwrap();
    let answer = Said {
        reason: match entry.ruling {
            Ruling::Allow => None,
            Ruling::Deny => Some(Reason::PolicyDenied),
            Ruling::Error => Some(Reason::PolicyError),
        },
        determining: entry.determining.to_vec(),
        erring: entry.errors.to_vec(),
    };
    for omitted in std::iter::once(None).chain((0..Part::ALL.len()).map(Some)) {
        let parts = Part::ALL.into_iter().enumerate();
        let parts = parts.filter(|(index, _)| Some(*index) != omitted);
        let key = Key::with(parts.map(|(_, part)| part), store, &layers, facts);
        let seen = seen.entry(omitted).or_default();
        let before = seen.entry(key.bytes().to_vec()).or_default();
        let now: Timestamp = facts.head.now;
        let held = before.iter().filter(|(window, _)| window.contains(now));
        for (_, earlier) in held {
            match omitted {
                None => assert_eq!(*earlier, answer, "{facts:?}"),
                Some(part) if *earlier != answer => {
                    wrong.insert(part);
                }
                Some(_) => {}
            }
        }
        if before.len() < 20 {
            before.push((window, answer.clone()));
        }
    }
}
