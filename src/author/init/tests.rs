//! Names, shapes and schemas of documents, without a file.

use super::parameters::{name_of, names as parameters_of};
use super::source::Input;
use super::*;
use std::path::PathBuf;

fn drafted(paths: &str) -> Result<Draft, Refused> {
    let folder = tempfile::TempDir::new().unwrap();
    let path: PathBuf = folder.path().join("app.yaml");
    std::fs::write(
        &path,
        format!("openapi: 3.1.0\ninfo: {{}}\npaths:\n{paths}"),
    )
    .unwrap();
    let context = None;
    draft(&[Input { context, path }], "nobody")
}

fn actions(paths: &str) -> Vec<(String, &'static str)> {
    let draft = drafted(paths).unwrap_or_else(|refused| panic!("{refused:?}"));
    let actions = draft.actions.into_iter();
    actions.map(|one| (one.action, one.access)).collect()
}

fn expect(paths: &str, expected: &[(&str, &str)]) {
    let got = actions(paths);
    let got: Vec<(&str, &str)> = got
        .iter()
        .map(|(name, access)| (&**name, *access))
        .collect();
    assert_eq!(got, expected, "{paths}");
}

#[test]
fn a_good_name_stays_and_others_are_made_of_method_and_path() {
    expect(
        "  /v1/pets:\n    get: { operationId: pets.list }\n    post: { operationId: createPet }\n  \
         /v1/pets/{id}:\n    get: { operationId: getPetById }\n    put: {}\n    patch: {}\n    delete: {}\n  \
         /v1/pets/{id}/feed: { post: {} }\n  /v1/pets/{id}/toys: { get: {}, post: {} }\n",
        &[
            ("app/pets/list", "read"),
            ("app/pets/create", "create"),
            ("app/pets/getPetById", "read"),
            ("app/pets/replace", "update"),
            ("app/pets/delete", "delete"),
            ("app/pets/update", "update"),
            ("app/pets/feed", "manage"),
            ("app/toys/list", "read"),
            ("app/toys/create", "manage"),
        ],
    );
}

#[test]
fn of_two_operations_with_one_name_neither_keeps_it() {
    expect(
        "  /a: { get: { operationId: x/list } }\n  /b: { get: { operationId: x.list } }\n",
        &[("app/a/x-list", "read"), ("app/b/x-list", "read")],
    );
    // Made names that meet are made longer, whatever the order.
    expect(
        "  /v1/a: { get: {} }\n  /v2/a: { get: {} }\n",
        &[("app/v1-a/get", "read"), ("app/v2-a/get", "read")],
    );
    // Nor does a made name take what another operation is called.
    expect(
        "  /v1/a: { get: {} }\n  /z: { get: { operationId: a/list } }\n",
        &[("app/v1-a/get", "read"), ("app/a/list", "read")],
    );
}

#[test]
fn what_is_reserved_is_nobodys_name() {
    expect(
        "  /catalog/{x}/use: { post: {} }\n  /b: { get: { operationId: catalog/use } }\n",
        &[
            ("app/catalog-by-catalogId-use/post", "manage"),
            ("app/b/catalog-use", "read"),
        ],
    );
}

#[test]
fn only_whole_segments_are_parameters() {
    assert_eq!(name_of("{a}"), Some("a"));
    for other in ["a", "{a", "a}", "{a}..{b}", "{a}.json", "{{a}}"] {
        assert_eq!(name_of(other), None, "{other}");
    }
    assert_eq!(parameters_of("/a/{b}/{c}").collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn operations_that_the_gate_is_told_different_things_of_are_both_left_out() {
    let rivals = |mark: &str| {
        actions(&format!(
            "  /keep: {{ get: {{}} }}\n  /a/{{x}}: {{ get: {{ operationId: a/one }} }}\n  \
             /a/{{y}}: {{ get: {{ operationId: a/two{mark} }} }}\n"
        ))
    };
    let names =
        |actions: Vec<(String, &str)>| actions.into_iter().map(|one| one.0).collect::<Vec<_>>();
    assert_eq!(names(rivals("")), ["app/keep/list", "app/a/one"]);
    assert_eq!(
        names(rivals(", x-palisade-access: manage")),
        ["app/keep/list"]
    );
}

#[test]
fn names_that_change_places_do_not_lose_each_other() {
    let draft = drafted("  /{a}/{b}: { get: {} }\n  /{b}/{a}: { put: {} }\n").unwrap();
    let paths: Vec<&str> = draft.actions.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/{a}/{b}", "/{a}/{b}"]);
}

#[test]
fn a_mark_that_is_misspelt_takes_its_operation_out_and_no_other() {
    let draft =
        drafted("  /a: { get: { x-palisade-acess: manage } }\n  /b: { get: {} }\n").unwrap();
    assert_eq!(draft.actions.len(), 1);
    let told = draft.warnings.iter().any(|fault| {
        fault.place.key == "/paths/~1a/get" && fault.message.contains("x-palisade-acess")
    });
    assert!(told, "{:?}", draft.warnings);
}

#[test]
fn a_document_without_an_operation_is_refused() {
    for paths in [
        "  {}\n",
        "  /a: {}\n",
        "  /a: { get: { $ref: x.yaml } }\n  /b.{c}: { get: {} }\n  /d: 3\n",
    ] {
        let refused = drafted(paths).unwrap_err();
        assert_eq!(refused.errors.len(), 1, "{paths}");
    }
}

#[test]
fn more_operations_than_a_gate_is_made_for_are_refused_at_once() {
    let lines = (0..=OPERATIONS_MAX).map(|number| format!("  /a{number}: {{ get: {{}} }}\n"));
    let paths = lines.collect::<Vec<_>>().concat();
    let refused = drafted(&paths).unwrap_err();
    assert!(
        refused
            .errors
            .first()
            .unwrap()
            .message
            .contains("at most 5000")
    );
}
