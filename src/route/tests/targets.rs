//! What a request names.

use super::{app, rules};
use crate::clock::Timestamp;
use crate::head::{HostList, Peer, Settings, read};
use crate::route::{Error, ReferenceKind, ReferenceTable, Router, Target};

fn target(uri: &str, headers: &[(&str, &[u8])]) -> Result<Target, Error> {
    let mut request = http::Request::get(uri).header("host", "a");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let settings = Settings {
        hosts: HostList::new(["*"]).unwrap(),
        ..Settings::default()
    };
    let head = read(
        &parts,
        &Peer::plain("192.0.2.1".parse().unwrap()),
        &settings,
        Timestamp(0),
    )
    .unwrap();
    let router = Router::build(vec![
        app("GET /a", 1),
        app("GET /w/{WorkspaceID}/users/{userId}", 2),
        app("GET /accounts/{account}", 3),
    ]);
    let found = router.unwrap().find(&head.method, &head.path)?;
    Target::read(
        found,
        &head,
        &parts.headers,
        crate::body::Seen::Nothing,
        &ReferenceTable::new(&rules()),
    )
}

fn references(uri: &str, headers: &[(&str, &[u8])]) -> Vec<(String, String)> {
    let target = target(uri, headers).unwrap();
    let references = target.references.into_iter();
    references
        .map(|reference| (reference.place.to_string(), reference.value))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(place, value): &(&str, &str)| ((*place).to_owned(), (*value).to_owned());
    expected.iter().map(owned).collect()
}

#[test]
fn references_are_collected_in_the_order_path_query_header() {
    let uri = "/w/north/users/u-1?catalogWorkspaceId=cat&x=1&workspace_id=south";
    let found = references(uri, &[("X_Workspace_Id", b"east")]);
    let expected = [
        ("path workspaceId", "north"),
        ("path userId", "u-1"),
        ("query catalogWorkspaceId", "cat"),
        ("query workspaceId", "south"),
        ("header x-workspace-id", "east"),
    ];
    assert_eq!(found, pairs(&expected));
    let target = target(uri, &[]).unwrap();
    assert_eq!(target.id.as_deref(), Some("u-1"));
    assert_eq!(target.references[0].kind, ReferenceKind::Workspace);
    assert_eq!(target.references[2].kind, ReferenceKind::Catalog);
}

#[test]
fn a_tenant_that_is_the_last_parameter_is_the_id() {
    let target = target("/accounts/acme", &[]).unwrap();
    assert_eq!(target.id.as_deref(), Some("acme"));
    assert_eq!(target.references[0].kind, ReferenceKind::Account);
}

#[test]
fn an_empty_reference_is_a_reference() {
    let expected = pairs(&[("query workspaceId", "")]);
    assert_eq!(references("/a?workspaceId", &[]), expected);
    assert_eq!(references("/a?workspaceId=", &[]), expected);
    let header = pairs(&[("header x-workspace-id", "")]);
    assert_eq!(references("/a", &[("x-workspace-id", b"")]), header);
    assert_eq!(references("/a?workspace=x&q=workspaceId", &[]), []);
}

#[test]
fn a_reference_given_twice_is_refused() {
    for query in [
        "workspaceId=a&workspaceId=a",
        "workspaceId=a&x=1&workspaceId=b",
        "workspaceId=a&WorkspaceId=a",
        "workspaceId=a&workspaceId[]=b",
        "workspaceId[]=a&workspaceId[]=b",
        "workspaceId=a&workspaceId%5B0%5D=b",
        "workspaceId=a&workspace%49d=b",
        "workspaceId=a&filter[workspaceId]=b",
        "workspaceId=a&workspace_id=",
    ] {
        let error = target(&format!("/a?{query}"), &[]).unwrap_err();
        assert_eq!(
            error,
            Error::ReferenceRepeated("query workspaceId".into()),
            "{query}"
        );
    }
    for other in ["x-workspace-id", "x_workspace_id"] {
        let headers: [(&str, &[u8]); 2] = [("x-workspace-id", b"a"), (other, b"a")];
        let error = target("/a", &headers).unwrap_err();
        assert_eq!(
            error,
            Error::ReferenceRepeated("header x-workspace-id".into())
        );
    }
}

#[test]
fn a_header_reference_is_text() {
    let error = target("/a", &[("x-workspace-id", b"\xff")]).unwrap_err();
    assert_eq!(
        error,
        Error::ReferenceUnreadable("header x-workspace-id".into())
    );
}

#[test]
fn nested_and_bracketed_names_are_references_too() {
    for query in [
        "workspaceId[]=x",
        "workspaceId[0]=x",
        "[workspaceId]=x",
        "where[workspace_id][]=x",
        "where.workspace-id=x",
        "a=[workspaceId]=x",
        "a=[workspaceId%5d=x",
    ] {
        let found = references(&format!("/a?{query}"), &[]);
        assert_eq!(found, pairs(&[("query workspaceId", "x")]), "{query}");
    }
    assert_eq!(references("/a?a=[b]=c&d=[workspaceId", &[]), []);
}

#[test]
fn a_reference_that_may_be_read_as_a_condition_is_refused() {
    for query in [
        "workspaceId[$ne]=x",
        "workspaceId%5B$ne%5D=x",
        "workspaceId.$ne=x",
        "where[workspaceId][in][]=x",
        "workspaceId[0][$ne]=x",
        "workspaceId[north]=x",
        "workspaceId[7]=x",
        "workspaceId[=x",
        "workspaceId!=x",
        "-workspaceId=x",
        "workspaceId%3E=x",
        "work%C5%BFpaceId=x",
        "%EF%BB%BFworkspaceId=x",
    ] {
        let error = target(&format!("/a?{query}"), &[]).unwrap_err();
        let bent = Error::ReferenceBent("query workspaceId".into());
        assert_eq!(error, bent, "{query}");
    }
}
