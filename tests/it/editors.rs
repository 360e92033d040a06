//! What editors are given: a schema that policies hold, and YAML files that name schemas which are there.

use crate::support::folder::Folder;
use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use palisade::document::Document;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const KINDS: [&[&str]; 2] = [&["init", "gate"], &["init", "--from-demo", "gate"]];
const MARK: &str = "# yaml-language-server: $schema=";

/// Every file below, hidden ones too.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder is readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Holds a YAML file to the schema that its first line names.
fn holds(path: &Path) {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).expect("YAML is text");
    let first = text.lines().next().unwrap_or_default();
    let schema = first.strip_prefix(MARK);
    let schema = schema.unwrap_or_else(|| panic!("{name} names no schema: {first}"));
    let schema = path.parent().expect("a folder").join(schema);
    let schema = fs::read_to_string(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    let schema: Value = serde_json::from_str(&schema).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let document = Document::parse(&name, text.as_str().into()).expect("it is YAML");
    let faults: Vec<String> = validator
        .iter_errors(document.value())
        .map(|error| error.to_string())
        .collect();
    assert!(faults.is_empty(), "{name}: {faults:?}");
    // And it is the schema of this kind of file: another one would complain.
    let strange = serde_json::json!({ "no such key": 1 });
    assert!(!validator.is_valid(&strange), "{name}");
}

#[test]
fn every_yaml_file_of_a_new_configuration_names_a_schema_that_is_there() {
    for arguments in KINDS {
        let folder = Folder::empty();
        assert_eq!(folder.run(arguments).code, 0);
        let all = files(&folder.path("gate"));
        let yaml = all
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end == "yaml"));
        assert!(yaml.clone().count() >= 2, "{all:?}");
        yaml.for_each(|path| holds(path));
    }
}

#[test]
fn every_yaml_file_of_the_demo_and_of_the_shipped_tests_does_so_too() {
    // As `palisade demo --dir` lays them out.
    let folder = Folder::shipped();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/tests");
    for entry in fs::read_dir(tests).expect("tests ship") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path).expect("a test is text");
        folder.write(&format!("policies/tests/{name}"), &text);
    }
    let all = files(&folder.path(""));
    let yaml = all
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    assert!(yaml.clone().count() >= 9, "{all:?}");
    yaml.for_each(|path| holds(path));
}

#[test]
fn the_settings_name_a_schema_that_every_policy_holds() {
    for arguments in KINDS {
        let folder = Folder::empty();
        assert_eq!(folder.run(arguments).code, 0);
        let settings: Value =
            serde_json::from_str(&folder.read("gate/.vscode/settings.json")).expect("JSON");
        let name = settings["cedar.schemaFile"].as_str().expect("a name");
        let text = folder.read(&format!("gate/{name}"));
        let (schema, _) = Schema::from_cedarschema_str(&text).expect("Cedar reads it");
        let mut held = 0;
        for path in files(&folder.path("gate")) {
            if path.extension().is_none_or(|end| end != "cedar") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a policy is text");
            let set: PolicySet = text.parse().expect("it is Cedar");
            held += set.policies().count();
            let found = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
            assert!(found.validation_passed(), "{}: {found}", path.display());
        }
        assert!(held > 0);
        for schema in settings["yaml.schemas"]
            .as_object()
            .expect("an object")
            .keys()
        {
            assert!(folder.path(&format!("gate/{schema}")).is_file(), "{schema}");
        }
    }
}

#[test]
fn the_schema_follows_the_routes_and_is_replaced_whole_or_not_at_all() {
    let folder = Folder::shipped();
    folder.write(
        "schemas/own.cedarschema",
        "namespace Acme { entity Thing; }\n",
    );
    let printed = folder.run(&["schema"]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    for part in [
        "Written by `palisade schema`",
        "\"dashboard/missions/archive\"",
        "namespace Acme",
        "entity Thing",
    ] {
        assert!(
            printed.out.contains(part),
            "`{part}` is not in:\n{}",
            printed.out
        );
    }
    let write = || folder.run(&["schema", "--write", "new/folder/all.cedarschema"]);
    assert_eq!(write().out, "new/folder/all.cedarschema: written\n");
    assert_eq!(folder.read("new/folder/all.cedarschema"), printed.out);
    assert_eq!(write().out, "new/folder/all.cedarschema: as it was\n");
    let route = "  - { context: app, match: \"GET /health\"";
    folder.replace(
        "palisade.yaml",
        route,
        &format!("  - {{ context: app, match: \"GET /app/v1/new\", action: new/list, upstream: api }}\n{route}"),
    );
    assert_eq!(write().out, "new/folder/all.cedarschema: written\n");
    let now = folder.read("new/folder/all.cedarschema");
    assert!(now.contains("\"app/new/list\""), "{now}");
    // What does not load leaves it as it is, and nothing beside it.
    folder.write(
        "schemas/own.cedarschema",
        "namespace Acme { entity Thing in Nothing; }\n",
    );
    let said = write();
    assert_eq!((said.code, said.out.as_str()), (3, ""), "{}", said.err);
    assert!(said.err.contains("own.cedarschema"), "{}", said.err);
    assert_eq!(folder.read("new/folder/all.cedarschema"), now);
    assert_eq!(files(&folder.path("new")).len(), 1);
    let said = folder.run(&["schema", "--write", "schemas"]);
    assert_eq!(said.code, 3, "the configuration comes first: {}", said.err);
    folder.write(
        "schemas/own.cedarschema",
        "namespace Acme { entity Thing; }\n",
    );
    assert_eq!(folder.run(&["schema", "--write", "schemas"]).code, 1);
}
