//! Finding a route.

use super::{app, codes, set, written};
use crate::fault::Severity;
use crate::head::CanonicalPath;
use crate::operation::ApiContext;
use crate::reason::Reason;
use crate::route::{Cors, Error, Found, Route, RouteSet, Router, pattern};
use http::Method;
use std::sync::Arc;
use std::time::Duration;

fn router(matches: &[&str]) -> Router {
    let routes = matches.iter().enumerate();
    Router::build(routes.map(|(line, matches)| app(matches, line)).collect()).unwrap()
}

fn find(router: &Router, method: &str, path: &str) -> Result<Found, Error> {
    let path = CanonicalPath::read(path).unwrap();
    router.find(&method.parse().unwrap(), &path)
}

/// The template that answers, with its captures: `/users/{id} id=7`.
fn found(router: &Router, method: &str, path: &str) -> String {
    let found = find(router, method, path).unwrap();
    let mut out = found.route.template.to_string();
    for (name, value) in &found.captures {
        out = format!("{out} {name}={value}");
    }
    out
}

#[test]
fn a_literal_goes_before_a_parameter() {
    let router = router(&[
        "GET /users/{id}",
        "GET /users/me",
        "GET /users/{id}/posts/{post}",
        "GET /users/{id}/posts/latest",
        "GET /",
        "GET /users/",
    ]);
    for (path, expected) in [
        ("/users/7", "/users/{id} id=7"),
        ("/users/me", "/users/me"),
        (
            "/users/7/posts/a-b_C",
            "/users/{id}/posts/{post} id=7 post=a-b_C",
        ),
        ("/users/7/posts/latest", "/users/{id}/posts/latest id=7"),
        ("/", "/"),
        ("/users/", "/users/"),
    ] {
        assert_eq!(found(&router, "GET", path), expected);
    }
    for path in [
        "/users",
        "/Users/7",
        "/users/7/",
        "/users/7/posts",
        "/users/7/posts/1/2",
        "/a",
    ] {
        assert_eq!(
            find(&router, "GET", path).unwrap_err(),
            Error::Unknown,
            "{path}"
        );
    }
}

#[test]
fn a_parameter_spelt_like_a_literal_beside_it_is_refused() {
    let router = router(&[
        "GET /users/me",
        "GET /users/{id}",
        "DELETE /users/{id}",
        "GET /users/{id}/posts",
    ]);
    for path in [
        "/users/ME",
        "/users/Me",
        "/users/me/posts",
        "/users/mE/posts",
    ] {
        let error = find(&router, "GET", path).unwrap_err();
        assert_eq!(error, Error::Sibling("id".into()), "{path}");
        assert_eq!(error.reason(), Reason::RequestAmbiguous);
    }
    // The literal hides the parameter's methods: an upstream could take `me` for an id.
    let error = find(&router, "DELETE", "/users/me").unwrap_err();
    assert!(matches!(error, Error::MethodNotAllowed { .. }));
    assert_eq!(found(&router, "GET", "/users/mee"), "/users/{id} id=mee");
}

#[test]
fn a_parameter_holds_an_id() {
    let router = router(&["GET /users/{id}"]);
    let long = format!("/users/{}", "a".repeat(65));
    for path in [
        "/users/a.b",
        "/users/a@b",
        "/users/%20",
        "/users/%C3%A9",
        "/users/a,b",
        &long,
    ] {
        let error = find(&router, "GET", path).unwrap_err();
        assert_eq!(error, Error::Parameter("id".into()), "{path}");
        assert_eq!(error.reason(), Reason::RequestAmbiguous);
    }
    assert!(find(&router, "GET", &format!("/users/{}", "a".repeat(64))).is_ok());
}

#[test]
fn another_method_is_told_which_there_are() {
    let router = router(&["PUT /a/{id}", "GET /a/{id}", "DELETE /a/{id}", "PURGE /b"]);
    assert_eq!(found(&router, "HEAD", "/a/1"), "/a/{id} id=1");
    let allow = |method, path| match find(&router, method, path) {
        Err(Error::MethodNotAllowed { allow }) => allow
            .iter()
            .map(Method::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        other => format!("{other:?}"),
    };
    assert_eq!(allow("POST", "/a/1"), "DELETE GET HEAD PUT");
    assert_eq!(allow("get", "/a/1"), "DELETE GET HEAD PUT");
    assert_eq!(allow("HEAD", "/b"), "PURGE");
    assert_eq!(found(&router, "PURGE", "/b"), "/b");
}

#[test]
fn two_routes_alike_are_a_fault_that_names_both_places() {
    let routes = vec![
        app("GET /a/{id}", 3),
        app("GET /a/{other}", 7),
        app("GET /b", 8),
        app("HEAD /b", 9),
    ];
    let faults = Router::build(routes).unwrap_err();
    assert_eq!(codes(&faults), ["route_conflict", "route_conflict"]);
    assert_eq!(
        faults[0].to_string(),
        "palisade.yaml:7: `GET /a/{other}` answers the same requests as `GET /a/{id}` at \
         palisade.yaml:3 (help: remove one of the two routes)"
    );
}

#[test]
fn other_parameter_names_are_a_warning() {
    let router = router(&["GET /a/{id}", "PUT /a/{other}", "DELETE /a/{id}"]);
    let [warning] = router.warnings() else {
        unreachable!("{:?}", router.warnings());
    };
    assert_eq!(
        (warning.code, warning.severity),
        ("route_parameter_names", Severity::Warning)
    );
    assert!(
        warning
            .to_string()
            .contains("palisade.yaml:1: `/a/{other}` is `/a/{id}` at palisade.yaml:0")
    );
    assert_eq!(found(&router, "PUT", "/a/1"), "/a/{other} other=1");
    assert_eq!(found(&router, "GET", "/a/1"), "/a/{id} id=1");
}

#[test]
fn one_action_means_one_thing() {
    let read = |matches, action, line| {
        let rules = super::rules();
        pattern::read(
            &written(matches, action, line),
            &set(ApiContext::App),
            &rules,
        )
        .unwrap()
    };
    let alike = vec![read("GET /a", "a/list", 1), read("GET /b", "a/list", 2)];
    let router = Router::build(alike).unwrap();
    assert_eq!(router.routes().len(), 2);
    assert_eq!(router.operations().len(), 1);
    let unlike = vec![read("GET /a", "a/list", 1), read("POST /a", "a/list", 2)];
    let faults = Router::build(unlike).unwrap_err();
    assert_eq!(codes(&faults), ["route_operation"]);
    assert!(
        faults[0]
            .to_string()
            .contains("palisade.yaml:1: read on Resource there, create")
    );
}

#[test]
fn what_is_known_of_a_path_before_its_route_tells_no_route() {
    let cors = |origin: &str| {
        Some(Arc::new(Cors {
            origins: vec![origin.to_owned()],
            credentials: false,
            headers: Vec::new(),
            expose: Vec::new(),
            max_age: Duration::from_secs(1),
        }))
    };
    let route = |matches: &str, line, context, cors| {
        let route = app(matches, line);
        let set = RouteSet {
            cors,
            ..(*set(context)).clone()
        };
        Route {
            set: Arc::new(set),
            ..route
        }
    };
    let router = Router::build(vec![
        route("GET /app/a", 1, ApiContext::App, cors("one")),
        route("GET /app/b/{id}", 2, ApiContext::App, cors("one")),
        route("GET /dashboard/a", 3, ApiContext::Dashboard, cors("two")),
        route("GET /mixed/a", 4, ApiContext::App, cors("one")),
        route("PUT /mixed/a", 5, ApiContext::App, None),
    ])
    .unwrap();
    let origin = |path: &str| {
        let set = router.set_at(&CanonicalPath::read(path).unwrap())?;
        Some(set.cors.as_ref()?.origins[0].clone())
    };
    for path in [
        "/app/a",
        "/app/b/1",
        "/app/b/1/x",
        "/app/nothing",
        "/app/b",
        "/app",
    ] {
        assert_eq!(origin(path).as_deref(), Some("one"), "{path}");
    }
    assert_eq!(origin("/dashboard/x").as_deref(), Some("two"));
    for path in ["/", "/x", "/mixed", "/mixed/a", "/mixed/b"] {
        assert_eq!(origin(path), None, "{path}");
    }
}

#[test]
fn an_empty_router_knows_nothing() {
    let router = Router::build(Vec::new()).unwrap();
    assert_eq!(find(&router, "GET", "/").unwrap_err(), Error::Unknown);
    assert!(router.set_at(&CanonicalPath::read("/a").unwrap()).is_none());
}

proptest::proptest! {
    /// The tree finds what going through all templates one by one finds.
    #[test]
    fn the_tree_agrees_with_a_list(
        templates in proptest::collection::btree_set("(/(a|b|\\{x\\})){1,4}", 1..12),
        path in "(/[abC]){1,4}",
    ) {
        let matches: Vec<_> = templates.iter().map(|template| {
            // Every parameter gets a name of its own.
            let mut index = 0;
            let parts = template.split("{x}").map(|part| {
                index += 1;
                format!("{part}{{x{index}}}")
            });
            let named = parts.collect::<String>();
            format!("GET {}", named.strip_suffix(&format!("{{x{index}}}")).unwrap())
        }).collect();
        let router = router(&matches.iter().map(String::as_str).collect::<Vec<_>>());
        let fits = |template: &&String| {
            let (parts, given) = (template.split('/'), path.split('/'));
            parts.clone().count() == given.clone().count()
                && parts.zip(given).all(|(part, given)| part == given || part == "{x}")
        };
        // `a` < `b` < `{x}`: the first that fits in this order has the earliest literals.
        let expected = templates.iter().find(fits);
        match (find(&router, "GET", &path), expected) {
            (Ok(found), Some(expected)) => {
                let mut shape = found.route.template.to_string();
                for index in 1..9 {
                    shape = shape.replace(&format!("{{x{index}}}"), "{x}");
                }
                proptest::prop_assert_eq!(&shape, expected);
            }
            (Err(Error::Sibling(_)), Some(_)) | (Err(Error::Unknown), None) => {}
            (found, expected) => proptest::prop_assert!(false, "{:?} {:?}", found, expected),
        }
    }
}
