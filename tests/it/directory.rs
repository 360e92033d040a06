//! The tenant directory: one file of lines, entries that are bad, and changes of single entries.

use crate::support::client::Request;
use crate::support::folder::Folder;
use crate::support::gate::{Builder, TestGate, refused};
use palisade::reason::Reason;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const PATH: &str = "/app/v1/missions";
const LINES: &str = "tenants.ndjson";
const NOBODY: &str = "@id(\"nobody\")\nforbid (principal, action, resource);\n";

fn acme() -> Value {
    json!({
        "account": "acme", "plan": "enterprise", "issuers": ["cosmos"], "overlay": "permit",
        "workspaces": [{"id": "acme-prod", "catalogs": ["catalog-01"], "clients": ["client-acme-prod"]}],
    })
}

fn globex() -> Value {
    json!({
        "account": "globex", "plan": "standard", "issuers": ["cosmos"],
        "workspaces": [{"id": "globex-prod", "clients": ["client-globex-prod"]}],
    })
}

fn lines(accounts: &[Value]) -> String {
    let lines = accounts.iter().map(|account| format!("{account}\n"));
    lines.collect()
}

/// A gate whose directory is that file.
fn directory(text: &str) -> Builder {
    TestGate::builder()
        .set("/tenants", json!({"file": LINES, "overlays": "overlays/"}))
        .file(LINES, text)
        .file("overlays/README.md", "policies of accounts\n")
}

fn of_acme(gate: &TestGate) -> Request {
    gate.get(PATH).bearer(&gate.issuer.user("ana").sign())
}

fn of_globex(gate: &TestGate) -> Request {
    let token = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod");
    gate.get(PATH).bearer(&token.sign())
}

/// The line of the warning or fault of that code.
#[track_caller]
fn line_of(gate: &TestGate, list: &str, code: &str) -> Value {
    let reload = &gate.status()["reload"];
    let mut faults = reload[list].as_array().expect("a list").iter();
    let found = faults.rfind(|fault| fault["code"] == code);
    found.unwrap_or_else(|| panic!("no {code}: {reload}"))["line"].clone()
}

#[test]
fn the_accounts_of_a_file_of_lines_are_served_and_have_their_own_policies() {
    // A mark of the byte order, empty lines, two ends of lines, and none at the end.
    let text = format!("\u{feff}{}\r\n\n   \n{}", acme(), globex());
    let mut gate = directory(&text)
        .file("overlays/globex.cedar", NOBODY)
        .start();
    of_acme(&gate).send().allowed(200);
    of_globex(&gate).send().refused(Reason::PolicyDenied);
    gate.change(|files| files.remove("overlays/globex.cedar"));
    of_globex(&gate).send().allowed(200);
    gate.change(|files| files.put(LINES, &lines(&[acme()])));
    of_acme(&gate).send().allowed(200);
    of_globex(&gate).send().refused(Reason::IssuerNotForAccount);
    // In place too, as careless writers do.
    let suspended = json!({"account": "acme", "plan": "enterprise", "status": "suspended"});
    gate.change(|files| files.overwrite(LINES, &lines(&[suspended, globex()])));
    of_globex(&gate).send().allowed(200);
    assert_ne!(of_acme(&gate).send().status, 200);
}

#[test]
fn a_bad_line_is_told_with_its_place_and_harms_nobody_else() {
    for (bad, code) in [
        (
            r#"{"account": "bad", "plan": "standard", "colour": 1}"#,
            "config_unknown_key",
        ),
        (
            r#"{"account": "bad", "plan": "standard", "plan": "enterprise"}"#,
            "document_duplicate_key",
        ),
        (
            r#"{"account": "bad", "plan": "standard", "issuers": ["cosmo"]}"#,
            "tenant_unknown_issuer",
        ),
        (
            r#"{"account": "bad", "plan": "standard", "works"#,
            "tenant_line",
        ),
        ("account: bad", "tenant_line"),
        ("{account: bad, plan: standard}", "tenant_line"),
        (
            r#"{"account": "a", "plan": "standard"} {"account": "b", "plan": "standard"}"#,
            "tenant_line",
        ),
        (r#"["account"]"#, "tenant_line"),
        (
            r#"{"account": "platform", "plan": "standard"}"#,
            "tenant_duplicate_id",
        ),
        (
            r#"{"account": "bad", "plan": "standard", "workspaces": [{"id": "acme-prod"}]}"#,
            "tenant_duplicate_id",
        ),
    ] {
        let text = format!("{}\n\n{bad}\n{}\n", acme(), globex());
        let gate = directory(&text).start();
        of_acme(&gate).send().allowed(200);
        of_globex(&gate).send().allowed(200);
        gate.has_warning(code, LINES);
        assert_eq!(line_of(&gate, "warnings", code), 3, "{bad}");
    }
}

#[test]
fn lines_that_are_no_text_or_without_end_are_left_out() {
    let gate = directory(&lines(&[acme()])).arrange(|folder: &Path| {
        let mut bytes = lines(&[acme()]).into_bytes();
        bytes.extend(b"{\"account\": \"b\xff\"}\n");
        bytes.extend(vec![b' '; 10]);
        bytes.extend(vec![b'x'; 1024 * 1024 + 1]);
        bytes.push(b'\n');
        bytes.extend(lines(&[globex()]).into_bytes());
        fs::write(folder.join(LINES), bytes).expect("a file can be written");
    });
    let gate = gate.start();
    of_acme(&gate).send().allowed(200);
    of_globex(&gate).send().allowed(200);
    let warnings = gate.status()["reload"]["warnings"].clone();
    let lines: Vec<u64> = warnings
        .as_array()
        .expect("a list")
        .iter()
        .filter(|fault| fault["code"] == "tenant_line")
        .filter_map(|fault| fault["line"].as_u64())
        .collect();
    assert_eq!(lines, [2, 3], "{warnings}");
}

#[test]
fn an_account_whose_line_breaks_goes_on_as_strict_as_the_line_can_be_read() {
    let mut gate = directory(&lines(&[acme(), globex()])).start();
    of_globex(&gate).send().allowed(200);
    // Torn: nobody knows what it would have said.
    let torn = globex().to_string();
    let torn = format!("{}{}", lines(&[acme()]), &torn[..torn.len() / 2]);
    gate.change(|files| files.put(LINES, &torn));
    gate.has_warning("tenant_line", LINES);
    of_globex(&gate).send().allowed(200);
    // Whole, wrong, and stricter.
    let mut wrong = globex();
    wrong["colour"] = json!("red");
    wrong["status"] = json!("suspended");
    gate.change(|files| files.put(LINES, &lines(&[acme(), wrong.clone()])));
    of_globex(&gate).send().refused(Reason::AccountSuspended);
    // What is still wrong makes nothing wider again; what is right does.
    wrong["status"] = json!("active");
    gate.change(|files| files.put(LINES, &lines(&[acme(), wrong.clone()])));
    of_globex(&gate).send().refused(Reason::AccountSuspended);
    gate.change(|files| files.put(LINES, &lines(&[acme(), globex()])));
    of_globex(&gate).send().allowed(200);
}

#[test]
fn of_two_lines_of_one_account_the_first_serves_as_strict_as_both() {
    let mut second = acme();
    second["workspaces"] = json!([{"id": "acme-two", "clients": ["client-acme-two"]}]);
    let mut gate = directory(&lines(&[acme(), globex(), second.clone()])).start();
    of_acme(&gate).send().allowed(200);
    assert_eq!(line_of(&gate, "warnings", "tenant_duplicate_id"), 3);
    second["status"] = json!("suspended");
    gate.change(|files| files.put(LINES, &lines(&[acme(), globex(), second])));
    of_acme(&gate).send().refused(Reason::AccountSuspended);
    of_globex(&gate).send().allowed(200);
    gate.change(|files| files.put(LINES, &lines(&[acme(), acme()])));
    of_acme(&gate).send().allowed(200);
    assert_eq!(line_of(&gate, "warnings", "tenant_duplicate_id"), 2);
}

#[test]
fn a_file_without_accounts_starts_nothing_and_replaces_nothing() {
    refused(
        directory("\n\n"),
        &["tenants_empty", "there is no account in it"],
    );
    let mut gate = directory(&lines(&[acme(), globex()])).start();
    for text in ["", "\n"] {
        gate.change(|files| files.overwrite(LINES, text));
        gate.has_fault("tenants_empty", "palisade.yaml");
        of_acme(&gate).send().allowed(200);
    }
    gate.change(|files| files.remove(LINES));
    gate.has_fault("file_unreadable", "palisade.yaml");
    of_globex(&gate).send().allowed(200);
}

#[test]
fn a_file_that_says_how_many_accounts_it_has_loses_none_unseen() {
    let counted = |count: usize| lines(&[acme(), globex(), json!({"accounts": count})]);
    refused(
        directory(&counted(3)),
        &["tenants_incomplete", "says 3 accounts, and 2 lines"],
    );
    let mut gate = directory(&counted(2)).start();
    of_globex(&gate).send().allowed(200);
    // Cut at the end of a line, once behind each.
    for text in [lines(&[acme(), globex()]), lines(&[acme()])] {
        gate.change(|files| files.overwrite(LINES, &text));
        gate.has_fault("tenants_incomplete", "palisade.yaml");
        of_globex(&gate).send().allowed(200);
    }
    let fewer = lines(&[acme(), json!({"accounts": 1})]);
    gate.change(|files| files.put(LINES, &fewer));
    of_acme(&gate).send().allowed(200);
    of_globex(&gate).send().refused(Reason::IssuerNotForAccount);
}

#[test]
fn a_suspension_does_not_wait_for_other_files_to_be_mended() {
    let mut gate = directory(&lines(&[acme(), globex()])).start();
    gate.change(|files| files.put("policies/stop.cedar", "forbid ("));
    let mut suspended = globex();
    suspended["status"] = json!("suspended");
    gate.change(|files| files.put(LINES, &lines(&[acme(), suspended])));
    gate.has_fault("policy_syntax", "policies/stop.cedar");
    of_globex(&gate).send().refused(Reason::AccountSuspended);
    of_acme(&gate).send().allowed(200);
}

#[test]
fn catalogs_that_read_each_other_and_themselves_harm_nobody() {
    let catalog = |id: &str, other: &str| {
        json!({
            "account": id, "plan": "standard", "issuers": ["cosmos"],
            "workspaces": [{
                "id": format!("{id}-01"), "type": "catalog", "clients": [format!("client-{id}-01")],
                "catalogs": [format!("{id}-01"), format!("{other}-01")],
                "shared_with": [format!("{other}-01"), "acme-prod"],
            }],
        })
    };
    let gate = directory(&lines(&[
        acme(),
        catalog("catalog", "books"),
        catalog("books", "catalog"),
    ]));
    let gate = gate.start();
    let ask = |account: &str, catalog: &str| {
        let token = gate
            .issuer
            .user("cy")
            .account(account)
            .workspace(&format!("{account}-01"));
        gate.get(&format!("{PATH}?catalogWorkspaceId={catalog}"))
            .bearer(&token.sign())
            .send()
    };
    of_acme(&gate).send().allowed(200);
    ask("books", "catalog-01");
    ask("catalog", "books-01");
    // Nobody shares with itself.
    assert_eq!(line_of(&gate, "warnings", "tenant_catalog_not_shared"), 2);
    ask("catalog", "catalog-01").allowed(200);
}

#[test]
fn a_file_with_the_size_and_the_moment_of_the_former_is_noticed() {
    let mut permits = globex();
    permits["overlay"] = json!("permit");
    let mut gate = directory(&lines(&[acme(), permits]))
        .file("overlays/globex.cedar", NOBODY)
        .start();
    let path = gate.files.path("overlays/globex.cedar");
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    let before = written(&path).expect("it is there");
    of_globex(&gate).send().refused(Reason::PolicyDenied);
    gate.change(|files| {
        let other = NOBODY.replace("forbid", "permit");
        assert_eq!(other.len(), NOBODY.len());
        let new = files.path("overlays/.new");
        fs::write(&new, other).expect("a file can be written");
        let file = fs::File::options()
            .write(true)
            .open(&new)
            .expect("it is there");
        file.set_modified(before).expect("its moment can be set");
        fs::rename(new, files.path("overlays/globex.cedar")).expect("it can be renamed");
    });
    of_globex(&gate).send().allowed(200);
    assert_eq!(written(&path).expect("it is there"), before);
}

#[test]
fn a_file_of_lines_is_swapped_by_its_link() {
    let mut gate = directory("")
        .arrange(|folder| {
            fs::create_dir(folder.join("..one")).expect("a folder can be made");
            fs::write(folder.join("..one").join(LINES), lines(&[acme(), globex()]))
                .expect("a file");
            fs::remove_file(folder.join(LINES)).expect("it is there");
            let link = std::os::unix::fs::symlink::<&str, std::path::PathBuf>;
            link("..one", folder.join("..data")).expect("a link");
            link("..data/tenants.ndjson", folder.join(LINES)).expect("a link");
        })
        .start();
    of_globex(&gate).send().allowed(200);
    gate.change(|files| {
        fs::create_dir(files.path("..two")).expect("a folder can be made");
        files.put(&format!("..two/{LINES}"), &lines(&[acme()]));
        std::os::unix::fs::symlink("..two", files.path("..tmp")).expect("a link");
        fs::rename(files.path("..tmp"), files.path("..data")).expect("it can be renamed");
    });
    of_acme(&gate).send().allowed(200);
    of_globex(&gate).send().refused(Reason::IssuerNotForAccount);
}

#[test]
fn one_changed_line_of_many_is_in_force_and_others_keep_their_decisions() {
    let many = |status: &str| {
        let accounts = (0..2_000).map(|at| {
            json!({
                "account": format!("t{at}"), "plan": "standard", "issuers": ["cosmos"], "status": status,
                "workspaces": [{"id": format!("w{at}"), "clients": [format!("c{at}")]}],
            })
        });
        let accounts: Vec<Value> = accounts.collect();
        lines(&accounts)
    };
    let mut gate = directory(&(lines(&[acme(), globex()]) + &many("active"))).start();
    let misses = |gate: &TestGate| {
        gate.metrics()
            .sum("palisade_decision_cache_misses_total", &[])
    };
    of_acme(&gate).send().allowed(200);
    of_globex(&gate).send().allowed(200);
    let before = misses(&gate);
    let mut suspended = globex();
    suspended["status"] = json!("suspended");
    let text = lines(&[acme(), suspended]) + &many("active");
    gate.change(|files| files.put(LINES, &text));
    of_globex(&gate).send().refused(Reason::AccountSuspended);
    of_acme(&gate).send().allowed(200);
    assert_eq!(misses(&gate), before, "nothing else was decided anew");
}

#[test]
fn the_program_checks_a_file_of_lines_alone_and_with_its_configuration() {
    let folder = Folder::shipped();
    let mut text = String::new();
    for account in ["acme", "globex", "catalog"] {
        let yaml = folder.read(&format!("tenants/{account}.yaml"));
        let document =
            palisade::document::Document::parse("tenant", yaml.into()).expect("it is good");
        text += &format!("{}\n", document.value());
        fs::remove_file(folder.path(&format!("tenants/{account}.yaml"))).expect("it is there");
    }
    folder.write(LINES, &text);
    let named = "tenants: { file: tenants.ndjson, overlays: tenants/ }";
    folder.replace("palisade.yaml", "tenants: tenants/", named);
    let said = folder.run(&["check"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    folder.append(
        LINES,
        "{\"account\": \"late\", \"plan\": \"standard\", \"colour\": 1}\n",
    );
    for arguments in [
        &["check"][..],
        &["tenants", "lint"],
        &["tenants", "lint", LINES],
    ] {
        let said = folder.run(arguments);
        assert_eq!(said.code, 3, "{}{}", said.out, said.err);
        let all = said.out + &said.err;
        assert!(all.contains("tenants.ndjson:4"), "{all}");
        assert!(all.contains("unknown key `colour`"), "{all}");
    }
}
