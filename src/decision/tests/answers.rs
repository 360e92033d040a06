//! What is allowed, what is denied, and by whom.

use super::world::{
    account_id, adi, admit, ana, ask, ask_for, directory, ids, member, noon, overlay, pdp,
    principal, root, seal, service, settings, store, store_with, target, target_of, user,
};
use crate::decision::{By, Denied, Question, public};
use crate::operation::ApiContext;
use crate::reason::Reason;
use crate::tenant::{Role, WorkspaceRole};
use crate::token::{Caller, ContextSet, PlatformRole, PrincipalGrant};
use std::sync::Arc;

#[track_caller]
fn denied(answer: Result<crate::decision::Permit, Denied>, reason: Reason, by: &[&str]) {
    let denied = answer.unwrap_err();
    assert_eq!(denied.reason, reason, "{denied:?}");
    assert_eq!(ids(&denied.determining), by);
}

#[test]
fn a_viewer_reads_and_does_not_write() {
    let store = store(settings());
    let permit = ask(&store, &ana(), &target("app/missions/list", "", None)).unwrap();
    assert_eq!(ids(permit.determining()), ["platform/baseline/base.viewer"]);
    assert_eq!((permit.by(), permit.cached()), (By::Policies, Some(false)));
    assert_eq!(permit.scope().account(), Some(&account_id("acme")));
    let delete = target("dashboard/missions/delete", "m-1", None);
    denied(ask(&store, &ana(), &delete), Reason::PolicyDenied, &[]);
    assert!(ask(&store, &adi(), &delete).is_ok());
}

#[test]
fn a_higher_role_implies_the_lower() {
    let store = store(settings());
    let list = target("app/missions/list", "", None);
    let people = target("dashboard/users/list", "", None);
    for (roles, reads, manages) in [
        (vec![Role::Workspace(WorkspaceRole::Editor)], true, false),
        (vec![Role::AccountMember], false, false),
        (vec![Role::AccountAdmin], true, true),
        (vec![Role::AccountOwner], true, true),
        (vec![], false, false),
    ] {
        let caller = Arc::new(Caller::User(user("acme", "acme-prod", "u", &roles)));
        assert_eq!(ask(&store, &caller, &list).is_ok(), reads, "{roles:?}");
        assert_eq!(ask(&store, &caller, &people).is_ok(), manages, "{roles:?}");
    }
}

#[test]
fn a_machine_client_acts_with_its_role() {
    let store = store(settings());
    let sync = service("acme", "acme-prod", "hr-sync", WorkspaceRole::Editor);
    assert!(
        ask(
            &store,
            &sync,
            &target("dashboard/missions/create", "", None)
        )
        .is_ok()
    );
    let delete = target("dashboard/missions/delete", "m-1", None);
    denied(ask(&store, &sync, &delete), Reason::PolicyDenied, &[]);
}

#[test]
fn scopes_are_held_to_the_letter() {
    let store = store(settings());
    let mut narrow = user(
        "acme",
        "acme-prod",
        "u",
        &[Role::Workspace(WorkspaceRole::Admin)],
    );
    narrow.scopes = crate::token::Scopes::parse("app/write");
    seal(&mut narrow);
    let narrow = Arc::new(Caller::User(narrow));
    denied(
        ask(&store, &narrow, &target("app/missions/list", "", None)),
        Reason::PolicyDenied,
        &["platform/guard/guard.scope"],
    );
}

#[test]
fn a_resource_that_is_a_user_has_an_owner() {
    let store = store(settings());
    assert!(ask(&store, &ana(), &target("app/users/update", "ana", None)).is_ok());
    denied(
        ask(&store, &ana(), &target("app/users/update", "bo", None)),
        Reason::PolicyDenied,
        &["platform/operations/app.others-profile"],
    );
    let only_own = store_with(
        r#"@id("own") forbid (principal, action in Tenancy::Action::"app", resource is Tenancy::Resource) unless { resource has owner && resource.owner == principal };"#,
    );
    assert!(ask(&only_own, &ana(), &target("app/users/me", "", None)).is_ok());
    // Only what IS a user: a badge whose id is hers is not.
    let badge = ask(&only_own, &ana(), &target("app/users/badge", "ana", None));
    denied(badge, Reason::PolicyDenied, &["platform/extra/own"]);
}

#[test]
fn the_place_of_a_resource_is_among_its_ancestors() {
    let closed = store_with(
        r#"@id("closed") forbid (principal, action, resource in Tenancy::Account::"acme");
           @id("dev") forbid (principal, action, resource in Tenancy::Workspace::"acme/acme-dev");"#,
    );
    let list = target("app/missions/list", "", None);
    denied(
        ask(&closed, &ana(), &list),
        Reason::PolicyDenied,
        &["platform/extra/closed"],
    );
    let dev = member("acme", "acme-dev", "dan", WorkspaceRole::Viewer);
    denied(
        ask(&closed, &dev, &list),
        Reason::PolicyDenied,
        &["platform/extra/closed", "platform/extra/dev"],
    );
    let bo = member("globex", "globex-prod", "bo", WorkspaceRole::Viewer);
    assert!(ask(&closed, &bo, &list).is_ok());
}

#[test]
fn path_captures_are_tags() {
    let tagged = store_with(
        r#"@id("tag") forbid (principal, action, resource is Tenancy::Resource) when { resource.hasTag("missionId") && resource.getTag("missionId") == "m-1" };"#,
    );
    assert!(ask(&tagged, &ana(), &target("app/missions/get", "m-2", None)).is_ok());
    denied(
        ask(&tagged, &ana(), &target("app/missions/get", "m-1", None)),
        Reason::PolicyDenied,
        &["platform/extra/tag"],
    );
}

#[test]
fn principals_act_in_the_portal_under_their_grant() {
    let store = store(settings());
    let get = target("portal/accounts/get", "acme", None);
    assert!(ask(&store, &root(), &get).is_ok());
    assert!(ask(&store, &root(), &target("portal/accounts/list", "", None)).is_ok());
    assert!(
        ask(
            &store,
            &root(),
            &target("portal/accounts/suspend", "acme", None)
        )
        .is_ok()
    );
    let one = PrincipalGrant {
        accounts: vec![account_id("acme")],
        ..PrincipalGrant::default()
    };
    let support = principal("sven", &[PlatformRole::Support], one);
    assert!(ask(&store, &support, &get).is_ok());
    denied(
        ask(
            &store,
            &support,
            &target("portal/accounts/suspend", "acme", None),
        ),
        Reason::PolicyDenied,
        &["platform/operations/portal.suspend-needs-all"],
    );
}

const NO_READS: &str = r#"@id("no-reads") @reason("secret") forbid (principal, action in Tenancy::Action::"read", resource);"#;

#[test]
fn an_overlay_binds_its_own_account_only() {
    let mut settings = settings();
    settings.overlays = vec![overlay("acme", NO_READS)];
    let store = store(settings);
    let list = target("app/missions/list", "", None);
    denied(
        ask(&store, &ana(), &list),
        Reason::PolicyDenied,
        &["account/acme/no-reads"],
    );
    let bo = member("globex", "globex-prod", "bo", WorkspaceRole::Viewer);
    assert!(ask(&store, &bo, &list).is_ok());
    // Nor can it lock the operators out.
    assert!(
        ask(
            &store,
            &root(),
            &target("portal/accounts/get", "acme", None)
        )
        .is_ok()
    );
}

#[test]
fn an_overlay_may_permit_under_the_guards() {
    let mut settings = settings();
    settings.overlays = vec![overlay(
        "acme",
        r#"@id("all") permit (principal, action, resource);"#,
    )];
    let store = store(settings);
    let delete = target("dashboard/missions/delete", "m-1", None);
    let permit = ask(&store, &ana(), &delete).unwrap();
    assert_eq!(ids(permit.determining()), ["account/acme/all"]);
}

#[test]
fn an_overlay_that_does_not_load_denies_its_account() {
    let mut settings = settings();
    settings.overlays = vec![overlay("acme", "forbid (")];
    let store = store(settings);
    let list = target("app/missions/list", "", None);
    denied(ask(&store, &ana(), &list), Reason::OverlayUnavailable, &[]);
    let bo = member("globex", "globex-prod", "bo", WorkspaceRole::Viewer);
    assert!(ask(&store, &bo, &list).is_ok());
}

#[test]
fn a_catalogs_owner_decides_and_its_reader_may_forbid() {
    let read = target("app/quizzes/list", "", Some("catalog-01"));
    let permit = ask(&store(settings()), &ana(), &read).unwrap();
    assert_eq!(
        ids(permit.determining()),
        ["platform/baseline/base.catalog"]
    );
    assert_eq!(permit.scope().catalog().unwrap().as_str(), "catalog-01");

    let mut owned = settings();
    owned.overlays = vec![overlay("catalog", NO_READS)];
    let denial = ask(&store(owned), &ana(), &read);
    denied(denial, Reason::PolicyDenied, &["account/catalog/no-reads"]);

    let mut reading = settings();
    reading.overlays = vec![overlay("acme", NO_READS)];
    let denial = ask(&store(reading), &ana(), &read);
    denied(denial, Reason::PolicyDenied, &["account/acme/no-reads"]);

    // A reader's permits give nothing in another's catalog.
    let mut generous = settings();
    generous.platform.remove(0);
    generous.overlays = vec![overlay(
        "acme",
        r#"@id("all") permit (principal, action, resource);"#,
    )];
    let generous = store(generous);
    denied(ask(&generous, &ana(), &read), Reason::PolicyDenied, &[]);
    assert!(ask(&generous, &ana(), &target("app/quizzes/list", "", None)).is_ok());
}

const ERRS: &str =
    "context.now.offset(duration(\"9223372036854775807ms\")).toTime() > duration(\"1h\")";

#[test]
fn a_write_that_takes_from_a_catalog_is_asked_about_there_too() {
    let store = store(settings());
    let create = target("dashboard/missions/create", "", Some("catalog-01"));
    let edi = member("acme", "acme-prod", "edi", WorkspaceRole::Editor);
    let permit = ask(&store, &edi, &create).unwrap();
    assert_eq!(
        ids(permit.determining()),
        [
            "platform/baseline/base.catalog",
            "platform/baseline/base.editor"
        ]
    );
    assert_eq!(permit.scope().catalog().unwrap().as_str(), "catalog-01");
    let closed = |text: &str, account: &str| {
        let mut settings = settings();
        settings.overlays = vec![overlay(account, text)];
        super::world::store(settings)
    };
    // The catalog's owner decides, and the reader's own forbids hold there too.
    let owner = r#"@id("own") forbid (principal, action == Tenancy::Action::"dashboard/catalog/use", resource);"#;
    for account in ["catalog", "acme"] {
        let answer = ask(&closed(owner, account), &edi, &create);
        denied(
            answer,
            Reason::PolicyDenied,
            &[&format!("account/{account}/own")],
        );
    }
    assert!(ask(&closed(owner, "globex"), &edi, &create).is_ok());
    let at_home = target("dashboard/missions/create", "", None);
    assert!(ask(&closed(owner, "acme"), &edi, &at_home).is_ok());
}

#[test]
fn a_machine_client_for_a_user_needs_both_to_be_allowed() {
    let store = store(settings());
    let list = target("app/missions/list", "", None);
    let create = target("dashboard/missions/create", "", None);
    let delete = target("dashboard/missions/delete", "m-1", None);
    let sync = service("acme", "acme-prod", "hr-sync", WorkspaceRole::Editor);
    for (action, user, allowed) in [
        (&list, "ana", true),
        (&create, "ana", false),
        (&create, "edi", true),
        // The user may, the client itself may not.
        (&delete, "adi", false),
    ] {
        let answer = ask_for(&store, &sync, action, Some(user));
        assert_eq!(answer.is_ok(), allowed, "{user} {answer:?}");
    }
    let block =
        r#"@id("block") forbid (principal == Tenancy::User::"acme/edi", action, resource);"#;
    let blocked = store_with(block);
    let answer = ask_for(&blocked, &sync, &create, Some("edi"));
    denied(answer, Reason::PolicyDenied, &["platform/extra/block"]);
    assert!(ask_for(&blocked, &sync, &create, None).is_ok());
    // Its own profile is the user's, not the client's.
    let own = store_with(
        r#"@id("own") forbid (principal is Tenancy::User, action == Tenancy::Action::"app/users/me", resource is Tenancy::Resource) unless { resource has owner && resource.owner == principal };"#,
    );
    assert!(ask_for(&own, &sync, &target("app/users/me", "", None), Some("ana")).is_ok());
}

#[test]
fn a_forbid_that_errs_denies() {
    let list = target("app/missions/list", "", None);
    let forbid = format!(
        "@id(\"errs\") forbid (principal, action in Tenancy::Action::\"scoped\", resource is Tenancy::Resource) when {{ {ERRS} }};"
    );
    let answer = ask(&store_with(&forbid), &ana(), &list).unwrap_err();
    assert_eq!(answer.reason, Reason::PolicyError);
    assert_eq!(*answer.errors, ["platform/extra/errs".into()]);

    let mut settings = settings();
    settings.overlays = vec![overlay("acme", &forbid)];
    denied(
        ask(&store(settings), &ana(), &list),
        Reason::PolicyError,
        &[],
    );
}

#[test]
fn a_permit_that_errs_permits_nothing_and_harms_nobody() {
    let permit = format!(
        "@id(\"errs\") permit (principal, action in Tenancy::Action::\"scoped\", resource is Tenancy::Resource) when {{ {ERRS} }};"
    );
    let store = store_with(&permit);
    assert!(ask(&store, &ana(), &target("app/missions/list", "", None)).is_ok());
    let delete = target("dashboard/missions/delete", "m-1", None);
    denied(ask(&store, &ana(), &delete), Reason::PolicyDenied, &[]);
}

#[test]
fn a_permit_ends_with_its_date() {
    let permit = |end: &str| {
        format!("@id(\"for-now\") @not_after(\"{end}\") permit (principal, action, resource);")
    };
    let delete = target("dashboard/missions/delete", "m-1", None);
    assert!(
        ask(
            &store_with(&permit("2026-11-23T12:00:00.001Z")),
            &ana(),
            &delete
        )
        .is_ok()
    );
    let ended = store_with(&permit("2026-11-23T12:00:00Z"));
    denied(ask(&ended, &ana(), &delete), Reason::PolicyDenied, &[]);
}

#[test]
fn rule_29_a_question_that_the_schema_does_not_list_is_not_asked() {
    let mut fewer = settings();
    fewer
        .operations
        .retain(|operation| &*operation.name != "app/missions/list");
    let answer = ask(
        &store(fewer),
        &ana(),
        &target("app/missions/list", "", None),
    );
    denied(answer, Reason::PolicyError, &[]);
}

#[test]
fn a_route_set_may_accept_tokens_of_another_api() {
    let mut user = user(
        "acme",
        "acme-prod",
        "u",
        &[Role::Workspace(WorkspaceRole::Viewer)],
    );
    user.contexts = ContextSet::default().with(ApiContext::Dashboard);
    seal(&mut user);
    let caller = Arc::new(Caller::User(user));
    let store = store(settings());
    let target = target_of("app/missions/list", "", None, &[ApiContext::Dashboard]);
    assert!(ask(&store, &caller, &target).is_ok());
}

#[test]
fn a_group_of_another_account_is_no_question() {
    let mut user = user(
        "acme",
        "acme-prod",
        "u",
        &[Role::Workspace(WorkspaceRole::Viewer)],
    );
    user.groups = vec!["globex/contractors".into()];
    seal(&mut user);
    let caller = Arc::new(Caller::User(user));
    let answer = ask(
        &store(settings()),
        &caller,
        &target("app/missions/list", "", None),
    );
    denied(answer, Reason::PolicyError, &[]);
}

#[test]
fn rule_32_a_guard_that_sees_more_than_the_isolation_rules_raises_the_alarm() {
    let store = store(settings());
    let (pdp, metrics) = pdp();
    let head = noon();
    let list = target("app/missions/list", "", None);
    // A scope that was proved for somebody else.
    let scope = admit(&ana(), &list, &directory("enterprise", &[], true), &head).unwrap();
    let bo = member("globex", "globex-prod", "bo", WorkspaceRole::Viewer);
    let question = Question {
        caller: &bo,
        target: &list,
        scope,
        head: &head,
    };
    let answer = pdp.decide(&store, question.clone()).unwrap_err();
    assert_eq!(answer.reason, Reason::PolicyDenied);
    assert_eq!(
        ids(&answer.determining),
        ["platform/guard/guard.member", "platform/guard/guard.tenant"]
    );
    assert_eq!(pdp.decide(&store, question).unwrap_err().cached, Some(true));
    let alarms = metrics.value("palisade_isolation_disagreement_total", &[]);
    assert_eq!(alarms, Some(2.0));
}

#[test]
fn only_a_public_scope_gives_a_public_permit() {
    let list = target("app/missions/list", "", None);
    let directory = directory("enterprise", &[], true);
    let scope = admit(&ana(), &list, &directory, &noon()).unwrap();
    assert!(public(&ana(), &list, scope).is_none());

    let mut open = crate::route::Target::clone(&list);
    let mut route = crate::route::Route::clone(&open.route);
    let mut set = crate::route::RouteSet::clone(&route.set);
    set.public = true;
    route.set = set.into();
    open.route = route.into();
    let open = Arc::new(open);
    let nobody = Arc::new(Caller::Anonymous);
    let scope = admit(&nobody, &open, &directory, &noon()).unwrap();
    let permit = public(&nobody, &open, scope.clone()).unwrap();
    assert_eq!((permit.by(), permit.cached()), (By::Public, None));
    // And policies are never asked about it.
    let question = Question {
        caller: &nobody,
        target: &open,
        scope,
        head: &noon(),
    };
    let answer = pdp().0.decide(&store(settings()), question);
    denied(answer, Reason::PolicyError, &[]);
}
