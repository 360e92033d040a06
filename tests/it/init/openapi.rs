//! `palisade init --openapi`: what it writes is good and tested, what it leaves out is told with its JSON
//! pointer, and nothing is ever overwritten or half-written.

mod generated;

use crate::support::folder::{Folder, Said};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

const CONFIG: &str = "gate/palisade.yaml";

/// A document of these paths, in YAML.
fn document(paths: &str) -> String {
    format!("openapi: 3.1.0\ninfo: {{ title: T, version: '1' }}\npaths:\n{paths}")
}

fn init(folder: &Folder, more: &[&str]) -> Said {
    folder.run(&[&["init", "gate"], more].concat())
}

/// Check and cases of what was written, without a warning.
#[track_caller]
fn is_good(folder: &Folder) -> Said {
    let said = folder.run(&["check", "--config", CONFIG]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "good\n"),
        "{}",
        said.out
    );
    let said = folder.run(&["fmt", "--check", "--config", CONFIG]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let said = folder.run(&["test", "--coverage", "--config", CONFIG]);
    assert_eq!(said.code, 0, "{}", said.out);
    for hole in ["\nno permit", "\nno case", "starter.cedar"] {
        assert!(!said.out.contains(hole), "{hole}: {}", said.out);
    }
    said
}

#[track_caller]
fn told(folder: &Folder, arguments: &[&str]) -> Value {
    let said = init(folder, &[arguments, &["--format", "json"]].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
}

/// Everything below the folder.
fn everything(folder: &Folder) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.path("")];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).expect("a folder is readable") {
            let entry = entry.expect("a folder is readable");
            found.push(entry.path().display().to_string());
            if entry.file_type().expect("it has a kind").is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_real_document_of_hundreds_of_operations_becomes_a_gate() {
    let folder = Folder::empty();
    folder.write("api.json", include_str!("../../data/openapi/github.json"));
    let told = told(&folder, &["--openapi", "api.json"]);
    let actions = told["actions"].as_array().expect("a list");
    assert!(actions.len() > 550, "{}", actions.len());
    assert_eq!(told["not_permitted"], serde_json::json!([]));
    let left_out = |fault: &&Value| {
        fault["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("left out: "))
    };
    let warnings = told["warnings"].as_array().expect("a list");
    let left_out: Vec<&str> = warnings
        .iter()
        .filter(left_out)
        .filter_map(|fault| fault["key"].as_str())
        .collect();
    // One has servers of its own, one a path with two parameters in a segment.
    assert_eq!(
        left_out,
        [
            "/paths/~1repos~1{owner}~1{repo}~1releases~1{release_id}~1assets/post",
            "/paths/~1repos~1{owner}~1{repo}~1compare~1{base}...{head}/get"
        ]
    );
    assert!(
        !warnings.iter().any(|fault| fault["code"] == "init_case"),
        "{warnings:?}"
    );
    assert_eq!(564, actions.len() + left_out.len());
    let said = is_good(&folder);
    assert!(said.out.contains(" passed, 0 failed"), "{}", said.out);
    // What the gate holds to the caller's own is in the table.
    let config = folder.read(CONFIG);
    assert!(
        config.contains("{ in: path, name: \"account_id\", is: account }"),
        "{config}"
    );
}

#[test]
fn generated_documents_of_both_versions_and_forms_become_a_gate() {
    for (version, yaml) in [("3.0.3", true), ("3.1.0", false)] {
        let folder = Folder::empty();
        for context in ["app", "dashboard", "portal"] {
            let text = generated::document(version, context, 40, yaml);
            folder.write(&format!("{context}.api"), &text);
        }
        let told = told(
            &folder,
            &["--openapi", "app.api", "dashboard.api", "portal.api"],
        );
        let actions = told["actions"].as_array().expect("a list");
        assert_eq!(actions.len(), 3 * 40 * 6, "{}", told["warnings"]);
        assert_eq!(told["warnings"], serde_json::json!([]));
        let said = is_good(&folder);
        // Who may, who may not, and for what names a tenant, that it is no way to another.
        assert!(said.out.contains(" passed, 0 failed"), "{}", said.out);
        let cases = folder.read("gate/policies/tests/dashboard.yaml");
        assert!(
            cases.matches("nobody reaches another tenant").count() >= 40,
            "{cases}"
        );
    }
}

/// Paths of a document, and what is told of them where.
const TOLD: &[(&str, &str, &str)] = &[
    (
        "  /a: { get: {} }\n",
        "/paths/~1a/get",
        "an operation without an id; its action is `a/list`",
    ),
    (
        "  /a: { get: { operationId: x/y }, put: { operationId: x.y } }\n",
        "/paths/~1a/put/operationId",
        "stands at another one, too",
    ),
    (
        "  /a/{b}: { get: {} }\n  /a/{c}: { put: {} }\n",
        "/paths/~1a~1{c}/put",
        "with other parameter names",
    ),
    (
        "  /a/{b}: { get: {} }\n  /a/{c}: { get: {} }\n",
        "/paths/~1a~1{c}/get",
        "left out: it answers the same requests as api.yaml#/paths/~1a~1{b}/get",
    ),
    ("  /a: {}\n", "/paths/~1a", "a path without an operation"),
    (
        "  /a: { get: {}, pst: {} }\n",
        "/paths/~1a/pst",
        "`pst` is no method",
    ),
    (
        "  /a: { trace: {} }\n",
        "/paths/~1a/trace",
        "left out: method `TRACE`",
    ),
    (
        "  /a: { get: {}, head: {} }\n",
        "/paths/~1a/head",
        "left out: HEAD takes the action of GET",
    ),
    (
        "  a: { get: {} }\n",
        "/paths/a/get",
        "left out: template `a`",
    ),
    (
        "  /a%2fb: { get: {} }\n",
        "/paths/~1a%2fb/get",
        "left out: template",
    ),
    (
        "  /a?b=c: { get: {} }\n",
        "/paths/~1a?b=c/get",
        "left out: template",
    ),
    (
        "  /a: { $ref: 'b.yaml' }\n",
        "/paths/~1a",
        "left out: a reference out of the file",
    ),
    (
        "  /a: { $ref: '#/paths/~1a' }\n",
        "/paths/~1a",
        "left out: references without an end",
    ),
    (
        "  /a: { get: { servers: [{ url: /b }] } }\n",
        "/paths/~1a/get",
        "left out: servers of a path",
    ),
    (
        "  /a: { get: { parameters: [{ name: x, in: path }] } }\n",
        "/paths/~1a/get",
        "`x` does not occur in the path",
    ),
    (
        "  /a/{x}: { get: {} }\n",
        "/paths/~1a~1{x}/get",
        "`{x}` of the path is not declared",
    ),
    (
        "  /a: { get: { parameters: [{ name: x, in: query }, { name: x, in: query }] } }\n",
        "/paths/~1a/get",
        "left out: query parameter `x` stands twice",
    ),
    (
        "  /a: { get: { parameters: [{ name: tenant, in: cookie }] } }\n",
        "/paths/~1a/get",
        "left out: cookie parameter `tenant`",
    ),
    (
        "  /a: { get: { security: [] } }\n",
        "/paths/~1a/get/security",
        "the gate asks for a token all the same",
    ),
    (
        "  /a: { get: { security: [{}, { k: [] }] } }\n",
        "/paths/~1a/get/security",
        "the gate asks for a token all the same",
    ),
    (
        "  /a: { post: { callbacks: {} } }\n",
        "/paths/~1a/post/callbacks",
        "callbacks get no route",
    ),
    (
        "  /a: { post: { requestBody: { content: { application/json: { schema: { $ref: 'x.json' } } } } } }\n",
        "/paths/~1a/post",
        "left out: a reference out of the file",
    ),
    (
        "  /accounts/{id}: { get: {} }\n",
        "/paths/~1accounts~1{id}/get",
        "it becomes `{accountId}`",
    ),
];

#[test]
fn what_differs_from_the_document_is_told_with_its_pointer() {
    let two = "  /ok: { get: {} }\n";
    for (paths, key, message) in TOLD {
        let folder = Folder::empty();
        folder.write("api.yaml", &document(&format!("{two}{paths}")));
        let told = told(&folder, &["--openapi", "api.yaml"]);
        let found = ["warnings", "notes"]
            .iter()
            .flat_map(|kind| told[*kind].as_array().expect("a list"));
        let found: Vec<&Value> = found.collect();
        let is = |fault: &&&Value| {
            fault["key"] == *key
                && fault["message"]
                    .as_str()
                    .is_some_and(|text| text.contains(message))
        };
        assert!(
            found.iter().any(|fault| is(&fault)),
            "{key} {message}: {found:#?}"
        );
        is_good(&folder);
    }
}

#[test]
fn people_read_file_and_pointer() {
    let folder = Folder::empty();
    folder.write("api.yaml", &document("  /a: { get: {} }\n"));
    let said = init(&folder, &["--openapi", "api.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let line = "warning[openapi_operation_id] api.yaml#/paths/~1a/get: an operation without an id; its action is `a/list`";
    for text in [
        line,
        "1 operations (1 read)",
        "every operation is permitted by a policy",
    ] {
        assert!(said.out.contains(text), "{}", said.out);
    }
}

#[test]
fn no_document_makes_a_route_public_or_opens_another_tenant() {
    let folder = Folder::empty();
    let paths = "  /workspaces/{id}/pets: { get: { operationId: pets/list, security: [] } }\n";
    folder.write("api.yaml", &(document(paths) + "security: []\n"));
    assert_eq!(init(&folder, &["--openapi", "api.yaml"]).code, 0);
    let asked = |workspace: &str, who: &[&str]| {
        let request = format!("GET /workspaces/{workspace}/pets");
        folder
            .run(&[&["explain", &request, "--config", CONFIG], who].concat())
            .out
    };
    let claims = r#"{"iss":"https://id.example.com/pool","sub":"s","token_use":"access","client_id":"example-client",
        "iat":1767225600,"auth_time":1767225600,"exp":4102444800,"accountId":"example","workspaceId":"example-main",
        "userId":"u","context":"app","role":"admin","scope":"app/read"}"#;
    let said = asked("example-main", &["--anonymous"]);
    assert!(said.contains("token_missing"), "{said}");
    let said = asked("example-main", &["--claims", claims]);
    assert!(said.contains("ALLOW"), "{said}");
    let said = asked("other", &["--claims", claims]);
    assert!(said.contains("outside_tenant"), "{said}");
}

#[test]
fn bodies_that_name_a_tenant_are_read_and_those_that_cannot_be_are_refused() {
    let folder = Folder::empty();
    let body = |kind: &str| {
        format!(
            "requestBody: {{ content: {{ {kind}: {{ schema: {{ properties: {{ tenant_id: {{}} }} }} }} }} }}"
        )
    };
    let paths = format!(
        "  /a: {{ post: {{ operationId: a/create, {} }} }}\n  /b: {{ post: {{ operationId: b/create, {} }} }}\n",
        body("application/json"),
        body("multipart/form-data")
    );
    folder.write("api.yaml", &document(&paths));
    let told = told(&folder, &["--openapi", "api.yaml"]);
    assert_eq!(told["references"], 1, "{told}");
    let unread = told["warnings"].as_array().expect("a list").iter();
    let unread: Vec<&Value> = unread
        .filter(|fault| fault["code"] == "openapi_body_unread")
        .collect();
    assert_eq!(unread.len(), 1, "{told}");
    assert_eq!(unread[0]["key"], "/paths/~1b/post/requestBody");
    is_good(&folder);
}

#[test]
fn the_actions_are_those_that_the_gate_makes_grouped_by_access() {
    let folder = Folder::empty();
    folder.write("app.yaml", &generated::document("3.1.0", "app", 3, true));
    let told = told(&folder, &["--openapi", "app.yaml"]);
    let text = folder.read("gate/apis/actions.cedarschema");
    let groups: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("  // app: "))
        .collect();
    let access = ["read", "create", "update", "delete", "manage"];
    assert_eq!(groups, access.map(|access| format!("  // app: {access}")));
    let fragment = |text: &str| {
        let parsed = cedar_policy::SchemaFragment::from_cedarschema_str(text);
        parsed.unwrap_or_else(|error| panic!("{error}: {text}")).0
    };
    let core = fragment(include_str!("../../../schemas/core.cedarschema"));
    let schema =
        cedar_policy::Schema::from_schema_fragments([core, fragment(&text)]).expect("one schema");
    for action in told["actions"].as_array().expect("a list") {
        let name = action["action"].as_str().expect("a name");
        assert!(
            schema.actions().any(|one| one.id().unescaped() == name),
            "{name}"
        );
    }
}

#[test]
fn whatever_is_there_stays_and_nothing_comes_beside_it() {
    let names = [
        "palisade.yaml",
        "control.token",
        "apis/app.openapi.json",
        "apis/actions.cedarschema",
        "policies/starter.cedar",
        "policies/tests/app.yaml",
        "schemas/core.cedarschema",
    ];
    for name in names {
        let folder = Folder::empty();
        folder.write("api.yaml", &document("  /a: { get: {} }\n"));
        folder.write(&format!("gate/{name}"), "mine\n");
        let before = everything(&folder);
        let said = init(&folder, &["--openapi", "api.yaml"]);
        assert_eq!(said.code, 1, "{name}: {}", said.out);
        assert!(said.err.contains(&format!("gate/{name}")), "{}", said.err);
        assert_eq!(folder.read(&format!("gate/{name}")), "mine\n");
        assert_eq!(everything(&folder), before, "{name}");
    }
}

#[test]
fn links_and_files_in_the_way_lead_nowhere() {
    let folder = Folder::empty();
    folder.write("api.yaml", &document("  /a: { get: {} }\n"));
    folder.write("elsewhere/README.md", "mine\n");
    let refused = |name: &str| {
        let before = everything(&folder);
        let said = init(&folder, &["--openapi", "api.yaml"]);
        assert_eq!(said.code, 1, "{name}: {}", said.out);
        assert!(said.err.contains(name), "{name}: {}", said.err);
        assert_eq!(everything(&folder), before, "{name}");
    };
    symlink("nowhere", folder.path("gate")).expect("a link");
    refused("gate");
    fs::remove_file(folder.path("gate")).expect("it is there");
    folder.write("gate", "a file\n");
    refused("gate");
    fs::remove_file(folder.path("gate")).expect("it is there");
    fs::create_dir(folder.path("gate")).expect("a folder");
    symlink("../elsewhere", folder.path("gate/policies")).expect("a link");
    refused("gate/policies");
    fs::remove_file(folder.path("gate/policies")).expect("it is there");
    symlink("nowhere", folder.path("gate/palisade.yaml")).expect("a link");
    refused("gate/palisade.yaml");
    // What is in nobody's way is no fault.
    fs::remove_file(folder.path("gate/palisade.yaml")).expect("it is there");
    folder.write("gate/notes.txt", "mine\n");
    assert_eq!(init(&folder, &["--openapi", "api.yaml"]).code, 0);
    assert_eq!(folder.read("gate/notes.txt"), "mine\n");
    is_good(&folder);
}

#[test]
fn a_disk_that_is_full_leaves_nothing() {
    let folder = Folder::empty();
    folder.write("api.json", include_str!("../../data/openapi/github.json"));
    fs::create_dir(folder.path("gate")).expect("a folder");
    for dir in ["gate", "new/gate"] {
        let before = everything(&folder);
        // Files of 64 KiB and no longer; the signal that says so is not taken.
        let script =
            format!("trap '' XFSZ; ulimit -f 64; exec \"$0\" init {dir} --openapi api.json");
        let mut command = Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_palisade")]);
        let ran = command
            .current_dir(folder.path(""))
            .output()
            .expect("`bash` runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains("nothing was written"), "{said}");
        assert_eq!(everything(&folder), before);
    }
}

/// What is no document of ours, and what is said of it.
fn bad() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let nested = format!("{{\"openapi\":\"3.1.0\",\"paths\":{}", "[".repeat(5_000));
    let bomb = format!(
        "openapi: 3.1.0\na: &a [x]\nb: &b [{}]\nc: [{}]\npaths: {{}}\n",
        "*a,".repeat(3_000),
        "*b,".repeat(3_000)
    );
    let utf16: Vec<u8> = "openapi: 3.1.0\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    vec![
        ("empty", Vec::new(), "not an OpenAPI 3.0 or 3.1 document"),
        (
            "a list",
            b"[]".to_vec(),
            "not an OpenAPI 3.0 or 3.1 document",
        ),
        (
            "2.0",
            b"swagger: '2.0'\n".to_vec(),
            "not an OpenAPI 3.0 or 3.1 document",
        ),
        (
            "a number",
            b"openapi: 3.1\npaths: {}\n".to_vec(),
            "write the version as a text",
        ),
        (
            "torn",
            b"{\"openapi\": \"3.1.0\", \"pat".to_vec(),
            "document_syntax",
        ),
        (
            "twice",
            b"openapi: 3.1.0\npaths: {}\npaths: {}\n".to_vec(),
            "given twice",
        ),
        (
            "no paths",
            b"openapi: 3.1.0\nwebhooks: {}\n".to_vec(),
            "no `paths`",
        ),
        (
            "no operation",
            b"openapi: 3.1.0\npaths: { /a: {} }\n".to_vec(),
            "no operation can be routed",
        ),
        (
            "servers",
            b"openapi: 3.1.0\nservers: [{url: /a}, {url: /b}]\npaths: {}\n".to_vec(),
            "api.yaml#/servers/1/url: servers with different paths",
        ),
        ("nested", nested.into_bytes(), "recursion limit exceeded"),
        ("aliases", bomb.into_bytes(), "aliases are not read"),
        (
            "UTF-16",
            [&b"\xff\xfe"[..], &utf16].concat(),
            "is not UTF-8 from byte 0 on",
        ),
        ("33 MiB", vec![b'#'; 33 * 1024 * 1024], "longer than"),
    ]
}

#[test]
fn bad_documents_are_refused_in_bounds_and_nothing_is_written() {
    for (what, bytes, message) in bad() {
        let folder = Folder::empty();
        fs::write(folder.path("api.yaml"), bytes).expect("a file");
        let before = everything(&folder);
        let said = init(&folder, &["--openapi", "api.yaml"]);
        assert_eq!(said.code, 3, "{what}: {}{}", said.out, said.err);
        assert!(said.err.contains(message), "{what}: {}", said.err);
        assert!(said.err.len() < 100_000, "{what}: {} bytes", said.err.len());
        assert_eq!(everything(&folder), before, "{what}");
    }
    let folder = Folder::empty();
    for bad in [&["--openapi", "nowhere.yaml"][..], &["--openapi", "."]] {
        let said = init(&folder, bad);
        assert_eq!(said.code, 3, "{}", said.err);
        assert!(everything(&folder).is_empty());
    }
    // Its folder behind the documents is taken for one of them, and nothing is guessed.
    assert_eq!(folder.run(&["init", "--openapi"]).code, 2);
    assert_eq!(folder.run(&["init", "x", "--openapi", "app="]).code, 2);
}

#[test]
fn a_mark_and_line_ends_of_another_system_are_no_part_of_the_document() {
    let folder = Folder::empty();
    let text = document("  /app/v1/a: { get: { operationId: a/list } }\n");
    folder.write(
        "api.yaml",
        &format!("\u{feff}{}", text.replace('\n', "\r\n")),
    );
    let told = told(&folder, &["--openapi", "api.yaml"]);
    assert_eq!(told["actions"][0]["action"], "app/a/list", "{told}");
    is_good(&folder);
}

#[test]
fn a_context_comes_from_who_asks_then_from_paths_then_from_the_name() {
    let folder = Folder::empty();
    folder.write(
        "dashboard.api.yaml",
        &document("  /a: { get: {} }\n  /app/v1/a: { get: {} }\n"),
    );
    let contexts = |arguments: &[&str]| {
        let told = told(&folder, &[arguments, &["--dry-run"]].concat());
        let actions = told["actions"].as_array().expect("a list").iter();
        let names = actions.map(|one| one["action"].as_str().expect("a name").to_owned());
        names.collect::<Vec<_>>()
    };
    let file = "dashboard.api.yaml";
    assert_eq!(
        contexts(&["--openapi", file]),
        ["app/a/list", "dashboard/a/list"]
    );
    let named = format!("portal={file}");
    assert_eq!(
        contexts(&["--openapi", &named]),
        ["portal/a/get", "portal/app-v1-a/get"]
    );
    assert!(!folder.path("gate").exists(), "a dry run wrote something");
}

#[test]
fn warnings_that_count_leave_nothing_written() {
    let folder = Folder::empty();
    folder.write("bad.yaml", &document("  /a: { get: {} }\n"));
    folder.write(
        "good.yaml",
        &document("  /a: { get: { operationId: a/list } }\n"),
    );
    let before = everything(&folder);
    let said = init(&folder, &["--openapi", "bad.yaml", "-D", "warnings"]);
    assert_eq!(said.code, 3, "{}", said.out);
    assert!(said.err.contains("bad.yaml#/paths/~1a/get"), "{}", said.err);
    assert_eq!(everything(&folder), before);
    let said = init(&folder, &["--openapi", "good.yaml", "-D", "warnings"]);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn check_tells_operations_that_nobody_may_do() {
    let folder = Folder::empty();
    folder.write(
        "api.yaml",
        &document("  /a: { get: { operationId: a/list }, delete: { operationId: a/delete } }\n"),
    );
    assert_eq!(init(&folder, &["--openapi", "api.yaml"]).code, 0);
    let policies = folder.read("gate/policies/starter.cedar");
    let at = policies
        .find("@id(\"admins-manage\")")
        .expect("it is there");
    folder.write("gate/policies/starter.cedar", &policies[..at]);
    let said = folder.run(&["check", "--config", CONFIG, "--format", "json"]);
    let report: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(
        (said.code, report["warnings"].as_u64()),
        (0, Some(1)),
        "{report}"
    );
    let fault = &report["faults"][0];
    assert_eq!(fault["code"], "route_not_permitted");
    assert!(
        fault["message"]
            .as_str()
            .is_some_and(|text| text.contains("app/a/delete")),
        "{fault}"
    );
    assert!(
        fault["file"]
            .as_str()
            .is_some_and(|file| file.ends_with("app.openapi.json")),
        "{fault}"
    );
    let line = fault["line"].as_u64().expect("a line");
    let text = folder.read("gate/apis/app.openapi.json");
    let line = text.lines().nth(usize::try_from(line).expect("small") - 1);
    assert!(
        line.is_some_and(|line| line.contains("\"delete\"")),
        "{line:?}"
    );
    // Where an account may permit, it may be said there.
    folder.replace(
        "gate/tenants/example.yaml",
        "overlay: forbid",
        "overlay: permit",
    );
    folder.write(
        "gate/tenants/example.cedar",
        "@id(\"own\")\npermit (principal, action == Tenancy::Action::\"app/a/delete\", resource);\n",
    );
    let said = folder.run(&["check", "--config", CONFIG]);
    assert!(!said.out.contains("route_not_permitted"), "{}", said.out);
}
