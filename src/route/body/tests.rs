//! What is found in a body, and what is refused.

use super::*;
use crate::route::{ReferenceIn, ReferenceKind, ReferenceRule, ReferenceTable};

/// `[place value]` of every reference, or the error.
fn found(body: &str) -> Result<Vec<String>, Error> {
    let rule = |spelt: &str, place, kind| ReferenceRule {
        place: ReferenceIn::Body {
            place,
            spelt: spelt.into(),
        },
        kind,
    };
    let at = |pointer: &str| {
        rule(
            pointer,
            BodyPlace::pointer(pointer).unwrap(),
            ReferenceKind::Catalog,
        )
    };
    let table = ReferenceTable::new(&[
        at("/catalogWorkspaceId"),
        at("/deep/inside"),
        at("/items/*/from"),
        at("/ids/*"),
        at("/pair/1"),
        rule(
            "workspaceId",
            BodyPlace::Anywhere("workspaceid".to_owned()),
            ReferenceKind::Workspace,
        ),
    ]);
    let references = read(body.as_bytes(), table.body_rows())?;
    let shown = |one: Reference| format!("{} {}", one.place, one.value);
    Ok(references.into_iter().map(shown).collect())
}

#[test]
fn references_are_found_where_the_table_says() {
    for (body, expected) in [
        ("{}", vec![]),
        ("[]", vec![]),
        ("\"workspaceId\"", vec![]),
        (
            r#"{"catalogWorkspaceId":"c"}"#,
            vec!["body /catalogWorkspaceId c"],
        ),
        (
            r#"{"CATALOG_workspace-id":"c"}"#,
            vec!["body /catalogWorkspaceId c"],
        ),
        (
            r#"{"catalogWork\u0073paceId":"c"}"#,
            vec!["body /catalogWorkspaceId c"],
        ),
        (r#"{"other":{"catalogWorkspaceId":"c"}}"#, vec![]),
        (r#"{"deep":{"inside":"c"}}"#, vec!["body /deep/inside c"]),
        (
            r#"{"items":[{"from":"a"},{"from":"b"},{"from":"a"}]}"#,
            vec!["body /items/*/from a", "body /items/*/from b"],
        ),
        (
            r#"[{"a":[{"workspaceId":"w"}]}]"#,
            vec!["body workspaceId w"],
        ),
        (r#"{"workspaceId":""}"#, vec!["body workspaceId "]),
    ] {
        assert_eq!(found(body).unwrap(), expected, "{body}");
    }
}

/// Jackson, Mongoose and PHP take one value for a list of it, an object for the list of its values, or
/// a list for its only element.
#[test]
fn references_are_found_by_whoever_wraps_and_unwraps_lists() {
    for (body, expected) in [
        (r#"{"deep":[{"inside":"c"}]}"#, "body /deep/inside c"),
        (
            r#"[[{"catalogWorkspaceId":"c"}]]"#,
            "body /catalogWorkspaceId c",
        ),
        (r#"{"items":{"from":"c"}}"#, "body /items/*/from c"),
        (
            r#"{"items":{"0":{"from":"c"},"1":{}}}"#,
            "body /items/*/from c",
        ),
        (r#"{"items":[[{"from":"c"}]]}"#, "body /items/*/from c"),
        (r#"{"ids":"c"}"#, "body /ids/* c"),
        (r#"{"ids":{"0":"c"}}"#, "body /ids/* c"),
        (r#"{"ids":["c"]}"#, "body /ids/* c"),
        (r#"{"pair":["b","c"]}"#, "body /pair/1 c"),
        (r#"{"pair":{"1":"c"}}"#, "body /pair/1 c"),
    ] {
        assert_eq!(found(body).unwrap(), [expected], "{body}");
    }
    for body in [r#"{"ids":7}"#, r#"{"ids":[7]}"#, r#"{"ids":[["c"]]}"#] {
        let error = found(body).unwrap_err();
        assert!(
            matches!(error, Error::ReferenceUnreadable(_)),
            "{body}: {error}"
        );
    }
    for body in [r#"{"ids":null}"#, r#"{"ids":[]}"#, r#"{"items":{}}"#] {
        assert!(found(body).unwrap().is_empty(), "{body}");
    }
}

#[test]
fn a_second_match_at_one_place_is_refused() {
    for body in [
        r#"{"workspaceId":"a","workspaceId":"a"}"#,
        r#"{"workspaceId":"a","WORKSPACE_ID":"a"}"#,
        r#"{"x":{"workspaceId":"a","workspace-id":"b"}}"#,
        r#"{"deep":{},"deep":{"inside":"c"}}"#,
        r#"{"Deep":1,"deep":{"inside":"c"}}"#,
    ] {
        let error = found(body).unwrap_err();
        assert!(
            matches!(error, Error::ReferenceRepeated(_)),
            "{body}: {error}"
        );
    }
}

#[test]
fn a_reference_is_text() {
    for value in [
        "null",
        "1",
        "true",
        "[]",
        "{}",
        "[\"w\"]",
        "{\"id\":\"w\"}",
        "1.5",
    ] {
        let error = found(&format!("{{\"workspaceId\":{value}}}")).unwrap_err();
        assert!(
            matches!(error, Error::ReferenceUnreadable(_)),
            "{value}: {error}"
        );
    }
}

#[test]
fn what_is_not_one_strict_document_is_refused() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(found(&deep(32)).is_ok());
    let many: Vec<String> = (0..33).map(|n| format!("{{\"from\":\"{n}\"}}")).collect();
    for body in [
        "",
        " ",
        "{} {}",
        "{}x",
        "\u{feff}{}",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":1e999}",
        "{\"a\":\"\\ud800\"}",
        "// no\n{}",
        "{\"__proto__\":{}}",
        "{\"filter.workspaceId\":\"a\"}",
        "{\"filter[workspaceId]\":\"a\"}",
        "{\"a.b.inside\":\"a\"}",
        &deep(33),
        &format!("{{\"items\":[{}]}}", many.join(",")),
    ] {
        let error = found(body).unwrap_err();
        assert!(matches!(error, Error::BodyMalformed(_)), "{body}: {error}");
    }
    assert!(read(b"{\"a\":\"\xff\"}", &[]).is_err());
    assert!(read(b"\xfe\xff\0{\0}", &[]).is_err());
}

#[test]
fn pointers_lead_somewhere() {
    for bad in ["", "x", "/", "/a//b", "/a/", &"/a".repeat(33)] {
        assert_eq!(BodyPlace::pointer(bad), None, "{bad}");
    }
    let place = BodyPlace::pointer("/items/*/workspaceId").unwrap();
    assert!(place.is_at(&["Items", "*", "workspace_id"]));
    assert!(!place.is_at(&["items", "workspaceId"]));
}
