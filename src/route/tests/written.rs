//! Routes written by hand, and what they mean.

use super::{codes, rules, set, written};
use crate::fault::Fault;
use crate::operation::{Access, ApiContext, ResourceType};
use crate::route::pattern::{self, Pattern};
use crate::route::{AccountOf, Route, RouteSet};
use std::sync::Arc;

fn read(context: ApiContext, matches: &str) -> Result<Route, Vec<Fault>> {
    pattern::read(&written(matches, "things/do", 1), &set(context), &rules())
}

fn platform(context: ApiContext, matches: &str) -> Result<Route, Vec<Fault>> {
    let pattern = Pattern {
        platform: true,
        ..written(matches, "things/do", 1)
    };
    pattern::read(&pattern, &set(context), &rules())
}

#[test]
fn a_route_gets_its_meaning_from_method_and_template() {
    for (matches, access) in [
        ("GET /a", Access::Read),
        ("HEAD /a", Access::Read),
        ("POST /a", Access::Create),
        ("POST /x/a", Access::Create),
        ("POST /a/{id}", Access::Manage),
        ("POST /a/{id}/publish", Access::Manage),
        ("PUT /a/{id}", Access::Update),
        ("PATCH /a/{id}", Access::Update),
        ("DELETE /a/{id}", Access::Delete),
        ("OPTIONS /a", Access::Manage),
        ("PURGE /a", Access::Manage),
    ] {
        let route = read(ApiContext::App, matches).unwrap();
        assert_eq!(route.operation.access, access, "{matches}");
    }
    let route = read(ApiContext::Dashboard, "GET /a/{b}/{c}").unwrap();
    assert_eq!(&*route.operation.name, "dashboard/things/do");
    assert_eq!(&*route.kind, "things");
    assert_eq!(route.id_parameter.as_deref(), Some("c"));
    assert_eq!(route.account_of, AccountOf::Caller);
    assert_eq!(route.operation.resource, ResourceType::Resource);
    assert_eq!(&*route.declared_at, "palisade.yaml:1");
    let marked = Pattern {
        access: Some(Access::Manage),
        ..written("GET /a", "a.b/c", 1)
    };
    let route = pattern::read(&marked, &set(ApiContext::App), &rules()).unwrap();
    assert_eq!(route.operation.access, Access::Manage);
    assert_eq!(&*route.operation.name, "app/a/b/c");
}

#[test]
fn a_portal_route_names_its_account_or_says_platform() {
    let portal = |matches| read(ApiContext::Portal, matches).unwrap();
    let account = portal("GET /accounts/{account}");
    assert_eq!(account.account_of, AccountOf::References);
    assert_eq!(account.operation.resource, ResourceType::AccountResource);
    assert_eq!(account.id_parameter.as_deref(), Some("account"));
    let workspace = portal("GET /accounts/{account}/workspaces/{workspaceId}");
    assert_eq!(workspace.operation.resource, ResourceType::Resource);
    let inside = portal("GET /accounts/{account}/users/{userId}");
    assert_eq!(inside.id_parameter.as_deref(), Some("userId"));

    let neither = read(ApiContext::Portal, "GET /accounts").unwrap_err();
    assert_eq!(codes(&neither), ["route_account"]);
    let user = read(ApiContext::Portal, "GET /users/{userId}").unwrap_err();
    assert_eq!(codes(&user), ["route_account"]);

    let all = platform(ApiContext::Portal, "GET /accounts").unwrap();
    assert_eq!(all.account_of, AccountOf::Platform);
    assert_eq!(all.operation.resource, ResourceType::PlatformResource);
    let both = platform(ApiContext::Portal, "GET /accounts/{account}").unwrap_err();
    assert_eq!(codes(&both), ["route_account"]);
    let outside = platform(ApiContext::App, "GET /a").unwrap_err();
    assert_eq!(codes(&outside), ["route_account"]);
}

#[test]
fn a_public_portal_route_needs_no_account() {
    let public = Arc::new(RouteSet {
        public: true,
        ..(*set(ApiContext::Portal)).clone()
    });
    assert!(pattern::read(&written("GET /a", "a/b", 1), &public, &rules()).is_ok());
}

#[test]
fn matches_that_are_none_are_refused() {
    for (matches, code) in [
        ("", "route_match"),
        ("GET", "route_match"),
        ("/a", "route_match"),
        ("GET /a b", "route_match"),
        ("get /a", "route_match"),
        ("G(T /a", "route_match"),
        ("TRACE /a", "route_method"),
        ("CONNECT /a", "route_method"),
        ("GET a", "route_template"),
        ("GET //a", "route_template"),
        ("GET /a/../b", "route_template"),
        ("GET /a%2fb", "route_template"),
        ("GET /%c3%a9", "route_template"),
        ("GET /a?b=c", "route_template"),
        ("GET /{a}.json", "route_template"),
        ("GET /x{a}", "route_template"),
        ("GET /{a}{b}", "route_template"),
        ("GET /{}", "route_template"),
        ("GET /{*rest}", "route_template"),
        ("GET /{a b}", "route_match"),
        ("GET /{a}/{a}", "route_template"),
        ("GET /{", "route_template"),
        ("GET /{accountId}", "route_reference"),
        ("GET /{tenant}", "route_reference"),
        ("GET /{catalogue_id}", "route_reference"),
    ] {
        let faults = read(ApiContext::App, matches).unwrap_err();
        assert_eq!(codes(&faults), [code], "{matches}");
    }
    assert!(read(ApiContext::App, "GET /%C3%A9/a;b").is_err());
    assert!(read(ApiContext::App, "GET /%C3%A9/").is_ok());
}

#[test]
fn actions_that_are_none_are_refused_with_a_remedy() {
    let long = format!("a/{}", "b".repeat(127));
    for (action, help) in [
        ("listMissions", "write `missions/list`"),
        ("getUserById", "write `userById/get`"),
        ("missions", "join kind and verb"),
        ("", "join kind and verb"),
        ("/list", "join kind and verb"),
        ("missions/", "join kind and verb"),
        ("missions//list", "join kind and verb"),
        ("missions/list all", "join kind and verb"),
        ("missions/li\"st", "join kind and verb"),
        ("missions/é", "join kind and verb"),
        (&long, "join kind and verb"),
    ] {
        let pattern = written("GET /a", action, 1);
        let faults = pattern::read(&pattern, &set(ApiContext::App), &rules()).unwrap_err();
        assert_eq!(codes(&faults), ["route_operation_id"], "{action}");
        assert!(
            faults[0].help.as_ref().unwrap().starts_with(help),
            "{faults:?}"
        );
    }
}

#[test]
fn every_fault_of_a_route_is_reported_at_once() {
    let faults = pattern::read(
        &written("TRACE /a//b", "x", 1),
        &set(ApiContext::App),
        &rules(),
    );
    let faults = faults.unwrap_err();
    assert_eq!(
        codes(&faults),
        ["route_operation_id", "route_method", "route_template"]
    );
}
