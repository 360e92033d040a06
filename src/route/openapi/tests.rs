//! OpenAPI files, good and bad.

use super::{Marks, read};
use crate::document::Document;
use crate::fault::Fault;
use crate::operation::{Access, ApiContext, ResourceType};
use crate::route::tests::{rules, set};
use crate::route::{AccountOf, Route, RouteSet, Router};
use std::sync::Arc;
use std::time::Duration;

fn file(context: ApiContext, text: &str) -> (Vec<Route>, Vec<Fault>) {
    let document = Document::parse("app.yaml", text.into()).unwrap();
    read(&document, &set(context), Marks::default(), &rules())
}

/// The faults of a file with these lines under `paths:`.
fn faults(paths: &str) -> Vec<Fault> {
    let text = format!("openapi: 3.0.3\npaths:\n{paths}");
    file(ApiContext::App, &text).1
}

/// The one fault, as it is shown.
fn fault(paths: &str) -> String {
    let faults = faults(paths);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults[0].to_string()
}

const GOOD: &str = r##"
openapi: 3.1.0
servers:
  - url: https://api.example.com/app/
  - url: /app
components:
  parameters:
    Catalog: { name: catalogWorkspaceId, in: query }
    Page: { $ref: "#/components/parameters/Number" }
    Number: { name: page, in: query }
  pathItems:
    Badges:
      get: { operationId: badges.list, security: [] }
paths:
  x-note: not a path
  /v1/missions:
    parameters: [{ $ref: "#/components/parameters/Page" }]
    get: { operationId: missions/list }
    post: { operationId: missions/create }
  /v1/missions/{missionId}/publish:
    post: { operationId: missions/publish, x-palisade-access: update }
  /v1/quizzes:
    get:
      operationId: quizzes/list
      parameters: [{ $ref: "#/components/parameters/Catalog" }]
    post:
      operationId: quizzes/create
      parameters: [{ $ref: "#/components/parameters/Catalog" }]
  /v1/badges: { $ref: "#/components/pathItems/Badges" }
  /v1/more-badges: { $ref: "#/paths/~1v1~1missions~1%7BmissionId%7D~1publish", summary: x }
"##;

#[test]
fn a_good_file_gives_its_routes() {
    let text = GOOD.replace("\n  /v1/more-badges", "\n  x-more");
    let (routes, faults) = file(ApiContext::App, &text);
    assert_eq!(faults, []);
    let shown: Vec<_> = routes
        .iter()
        .map(|route| {
            let operation = &route.operation;
            let catalog = if operation.catalog { " catalog" } else { "" };
            let access = operation.access.label();
            format!(
                "{} {} {} {access}{catalog}",
                route.method, route.template, operation.name
            )
        })
        .collect();
    let mut expected = vec![
        "GET /app/v1/missions app/missions/list read",
        "POST /app/v1/missions app/missions/create create",
        "POST /app/v1/missions/{missionId}/publish app/missions/publish update",
        "GET /app/v1/quizzes app/quizzes/list read catalog",
        "POST /app/v1/quizzes app/quizzes/create create",
        "GET /app/v1/badges app/badges/list read",
    ];
    let mut shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    shown.sort_unstable();
    expected.sort_unstable();
    assert_eq!(shown, expected);
    let first = routes
        .iter()
        .find(|route| &*route.operation.name == "app/missions/list");
    assert_eq!(&*first.unwrap().declared_at, "app.yaml:18");
    assert!(routes.iter().all(|route| !route.set.public));
    assert!(Router::build(routes).is_ok());
}

#[test]
fn a_path_item_under_two_paths_has_one_id_twice() {
    let (_, faults) = file(ApiContext::App, GOOD);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(faults[0].code, "openapi_operation_id");
}

#[test]
fn json_and_yaml_give_the_same_routes() {
    let json = r#"{"openapi":"3.0.3","paths":{"/a/{id}":{"get":{"operationId":"a/get"}}}}"#;
    let yaml = "openapi: 3.0.3\npaths:\n  /a/{id}:\n    get:\n      operationId: a/get\n";
    let names = |text| {
        let (routes, faults) = file(ApiContext::App, text);
        assert_eq!(faults, []);
        routes[0].operation.name.clone()
    };
    assert_eq!(names(json), names(yaml));
}

#[test]
fn files_that_are_no_openapi_are_refused() {
    for (text, code) in [
        ("", "openapi_version"),
        ("[]", "openapi_version"),
        ("swagger: '2.0'\npaths: {}", "openapi_version"),
        ("openapi: 3.1\npaths: {}", "openapi_version"),
        ("openapi: 4.0.0\npaths: {}", "openapi_version"),
        ("openapi: 3.0.3", "openapi_paths"),
        ("openapi: 3.0.3\npaths: []", "openapi_paths"),
        (
            "openapi: 3.0.3\nservers: [{url: a}]\npaths: {}",
            "openapi_servers",
        ),
        (
            "openapi: 3.0.3\nservers: [{}]\npaths: {}",
            "openapi_servers",
        ),
        (
            "openapi: 3.0.3\nservers: [{url: 'http://a/{b}'}]\npaths: {}",
            "openapi_servers",
        ),
        (
            "openapi: 3.0.3\nservers: [{url: /a}, {url: /b}]\npaths: {}",
            "openapi_servers",
        ),
    ] {
        let (routes, faults) = file(ApiContext::App, text);
        assert_eq!((routes.len(), faults.len()), (0, 1), "{text}");
        assert_eq!(faults[0].code, code, "{text}");
        assert!(faults[0].help.is_some());
    }
    let (_, none) = file(ApiContext::App, "openapi: 3.0.3\nservers: []\npaths: {}");
    assert_eq!(none, []);
}

#[test]
fn operations_need_ids_of_their_own() {
    assert_eq!(
        fault("  /a:\n    get: {}\n"),
        "app.yaml:4:5 (paths[\"/a\"].get): an operation without an id \
         (help: give it one: `operationId: missions/list` names its action)"
    );
    let twice = "  /a:\n    get: { operationId: a/b }\n  /b:\n    get: { operationId: a.b }\n";
    assert_eq!(
        fault(twice),
        "app.yaml:6:25 (paths[\"/b\"].get.operationId): operation id `a.b` stands at app.yaml:4 \
         already (help: give each operation its own)"
    );
    let shown = fault("  /a:\n    get: { operationId: listMissions }\n");
    assert!(shown.starts_with("app.yaml:4:25 "), "{shown}");
    assert!(shown.ends_with("(help: write `missions/list`)"), "{shown}");
}

#[test]
fn a_misspelt_access_or_extension_gets_a_suggestion() {
    let access = fault("  /a:\n    get: { operationId: a/b, x-palisade-access: raed }\n");
    assert!(
        access.contains("`raed` is not an access (help: did you mean `read`?)"),
        "{access}"
    );
    let other = fault("  /a:\n    get: { operationId: a/b, x-palisade-access: [] }\n");
    assert!(other.contains("(help: one of read, create,"), "{other}");
    let key = fault("  /a:\n    get: { operationId: a/b, x-palisade-acess: read }\n");
    assert!(
        key.contains("(help: did you mean `x-palisade-access`?)"),
        "{key}"
    );
    let flag = fault("  /a:\n    get: { operationId: a/b, x-palisade-platform: 'yes' }\n");
    assert!(flag.contains("neither true nor false"), "{flag}");
}

#[test]
fn an_operation_says_how_long_its_replies_may_take_and_others_go_by_their_set() {
    let text = "openapi: 3.0.3\npaths:\n  /a:\n    get: { operationId: a/watch, \
                x-palisade-timeout: 500ms, x-palisade-idle-timeout: 30m }\n    \
                post: { operationId: a/add, x-palisade-idle-timeout: 2s }\n";
    let document = Document::parse("app.yaml", text.into()).unwrap();
    let mut set = RouteSet::clone(&set(ApiContext::App));
    set.timeouts.response = Some(Duration::from_secs(5));
    let (routes, faults) = read(&document, &Arc::new(set), Marks::default(), &rules());
    assert_eq!(faults, []);
    let times = routes.iter().map(|route| route.timeouts);
    let times: Vec<_> = times.map(|one| (one.response, one.idle)).collect();
    let (half, five) = (Duration::from_millis(500), Duration::from_secs(5));
    assert!(times.contains(&(Some(half), Some(Duration::from_mins(30)))));
    assert!(times.contains(&(Some(five), Some(Duration::from_secs(2)))));
    for bad in ["soon", "2h", "0s", "5"] {
        let shown = fault(&format!(
            "  /a:\n    get: {{ operationId: a/b, x-palisade-idle-timeout: {bad} }}\n"
        ));
        assert!(
            shown.contains("is not a time between 1ms and 1h"),
            "{shown}"
        );
        assert!(shown.starts_with("app.yaml:4:"), "{shown}");
    }
}

#[test]
fn a_path_parameter_may_have_a_pattern_of_its_own() {
    let with = |extension: &str| {
        fault(&format!(
            "  /a/{{x}}:\n    get:\n      operationId: a/b\n      parameters:\n        - {{ name: x, in: path, {extension} }}\n"
        ))
    };
    let bad = with("x-palisade-pattern: '['");
    assert!(
        bad.contains("no pattern: ") && bad.starts_with("app.yaml:7"),
        "{bad}"
    );
    let misspelt = with("x-palisade-patern: a");
    assert!(
        misspelt.contains("did you mean `x-palisade-pattern`?"),
        "{misspelt}"
    );
}

#[test]
fn parameters_that_look_like_tenants_are_in_the_table() {
    for (name, place) in [
        ("accountId", "query"),
        ("X-Tenant-Id", "header"),
        ("filter[workspace]", "query"),
        ("catalogue", "query"),
        ("tenant", "cookie"),
    ] {
        let shown = fault(&format!(
            "  /a:\n    get:\n      operationId: a/b\n      parameters:\n        - {{ name: \"{name}\", in: {place} }}\n"
        ));
        assert!(
            shown.contains("looks like a tenant and is not in `references`"),
            "{shown}"
        );
        assert!(shown.starts_with("app.yaml:7:19"), "{shown}");
    }
    for (name, place) in [
        ("workspace_id", "query"),
        ("filter[workspaceId]", "query"),
        ("X-Workspace-Id", "header"),
        ("page", "query"),
    ] {
        let found = faults(&format!(
            "  /a:\n    get:\n      operationId: a/b\n      parameters: [{{ name: \"{name}\", in: {place} }}]\n"
        ));
        assert_eq!(found, [], "{name}");
    }
    let path = "  /a/{accountId}:\n    parameters: [{ name: accountId, in: path }]\n    get: { operationId: a/b }\n";
    assert!(fault(path).starts_with("app.yaml:3:3 "));
}

#[test]
fn references_stay_in_the_file_and_end() {
    let reference = |target: &str| {
        fault(&format!(
            "  /a:\n    get:\n      operationId: a/b\n      parameters: [{{ $ref: \"{target}\" }}]\n"
        ))
    };
    for target in [
        "other.yaml#/Page",
        "https://a/b#/c",
        "/components",
        "#components",
        "#/%zz",
    ] {
        let shown = reference(target);
        assert!(shown.contains("a reference out of the file"), "{shown}");
    }
    assert!(reference("#/components/none").contains("`#/components/none` is not in the file"));
    let endless = reference("#/paths/~1a/get/parameters/0");
    assert!(endless.contains("references without an end"), "{endless}");
    let beside = fault("  /a: { $ref: '#/paths/~1b', get: { operationId: a/b } }\n  /b: {}\n");
    assert!(beside.contains("other keys beside it"), "{beside}");
    let number = fault("  /a: { $ref: 1 }\n");
    assert!(number.contains("a reference out of the file"), "{number}");
}

#[test]
fn head_beside_get_and_servers_of_a_path_are_not_taken_over() {
    let head = "  /a:\n    get: { operationId: a/b }\n    head: { operationId: a/c }\n";
    let found = faults(head);
    assert_eq!(
        (found[0].code, found[0].is_error()),
        ("openapi_head", false)
    );
    let servers = fault("  /a:\n    servers: [{ url: /x }]\n    get: { operationId: a/b }\n");
    assert!(
        servers.contains("servers of a path or operation"),
        "{servers}"
    );
}

#[test]
fn a_portal_file_says_which_account() {
    let text = "openapi: 3.0.3\npaths:\n  /accounts:\n    x-palisade-platform: true\n    get: { operationId: accounts/list }\n  \
                /search:\n    get:\n      operationId: search/run\n      parameters: [{ name: workspaceId, in: query }]\n";
    let (routes, faults) = file(ApiContext::Portal, text);
    assert_eq!(faults, []);
    assert_eq!(routes[0].account_of, AccountOf::Platform);
    assert_eq!(routes[1].account_of, AccountOf::References);
    assert_eq!(routes[1].operation.resource, ResourceType::Resource);
    assert_eq!(routes[1].operation.access, Access::Read);
    let (_, faults) = file(ApiContext::Portal, &text.replace("workspaceId", "q"));
    assert_eq!(faults[0].code, "route_account");
    let document = Document::parse("a", text.replace("workspaceId", "q").as_str().into()).unwrap();
    let marks = Marks {
        platform: true,
        ..Marks::default()
    };
    let (routes, faults) = read(&document, &set(ApiContext::Portal), marks, &rules());
    assert_eq!((routes.len(), faults.len()), (2, 0));
}

#[test]
fn everything_wrong_in_a_file_is_reported_at_once() {
    let found = faults(
        "  a: { get: { operationId: a/a } }\n  /b: { get: {} }\n  /c/{tenant}: { get: { operationId: c } }\n  \
         /d: { $ref: 'x.yaml' }\n  /e: { get: { operationId: e/e, parameters: {} } }\n  /f: { get: { operationId: f/f } }\n",
    );
    let mut codes: Vec<_> = found.iter().map(|fault| fault.code).collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "openapi_operation_id",
            "openapi_parameter",
            "openapi_ref",
            "route_operation_id",
            "route_reference",
            "route_template"
        ]
    );
}
