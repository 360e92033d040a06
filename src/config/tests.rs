//! Whole configurations, good and bad.

use super::*;
use crate::tenant::{AccountId, Directory, Narrowing, Status};
use crate::token::Revocations;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

struct Case(tempfile::TempDir);

const GOOD: &str = include_str!("../../tests/data/config/good/palisade.yaml");

impl Case {
    /// The good configuration with `edit` made to its text.
    fn new(edit: impl Fn(&str) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config/good"),
            dir.path(),
        );
        fs::write(dir.path().join("palisade.yaml"), edit(GOOD)).unwrap();
        Self(dir)
    }

    fn replace(from: &str, to: &str) -> Self {
        assert!(GOOD.contains(from), "{from}");
        Self::new(|good| good.replace(from, to))
    }

    fn load(&self) -> Result<Resolved, Vec<Fault>> {
        load(&self.path())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("palisade.yaml")
    }

    fn faults(&self) -> Vec<Fault> {
        self.load().err().unwrap_or_default()
    }

    /// The only fault: `line code: message`.
    fn fault(&self) -> String {
        let faults = self.faults();
        assert_eq!(faults.len(), 1, "{faults:#?}");
        let fault = &faults[0];
        let line = fault.place.line_column().unwrap_or_default().0;
        let help = fault.help.as_deref().unwrap_or_default();
        assert!(!help.is_empty(), "{fault}");
        format!("{line} {}: {} ({help})", fault.code, fault.message)
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn refused(case: &Case, expected: &str) {
    let fault = case.fault();
    assert!(fault.contains(expected), "{fault}\nis not\n{expected}");
}

#[test]
fn a_good_configuration_resolves() {
    let case = Case::new(str::to_owned);
    let resolved = case
        .load()
        .unwrap_or_else(|faults| panic!("{}", crate::fault::render(&faults)));
    assert!(
        resolved.quarantined.is_empty(),
        "{:#?}",
        resolved.quarantined
    );
    assert!(resolved.warnings.is_empty(), "{:#?}", resolved.warnings);
    assert_eq!(resolved.forward.upstreams.len(), 1);
    assert_eq!(&*resolved.forward.upstreams[0].name, "api");
    assert_eq!(resolved.issuers.len(), 1);
    assert_eq!(resolved.directory.accounts().count(), 2);
    assert_eq!(resolved.policy.overlays.len(), 1);
    assert_eq!(resolved.plans["standard"].account.burst, 100);
    assert_eq!(
        resolved.admin.control.as_ref().unwrap().token.reveal(),
        "0123456789abcdef"
    );
    let names: Vec<&str> = resolved
        .policy
        .operations
        .iter()
        .map(|one| &*one.name)
        .collect();
    assert_eq!(
        names,
        [
            "app/missions/list",
            "app/missions/read",
            "portal/accounts/read"
        ]
    );
}

#[test]
fn equal_inputs_have_equal_hashes() {
    let of = |edit: &str| {
        let case = Case::new(|good| format!("{good}{edit}"));
        case.load().map(|resolved| resolved.inputs).unwrap()
    };
    assert_eq!(of(""), of(""));
    assert_ne!(of(""), of("# a comment\n"));
    let case = Case::new(str::to_owned);
    fs::write(case.0.path().join("policies/more.cedar"), "// more").unwrap();
    assert_ne!(case.load().unwrap().inputs, of(""));
}

#[test]
fn a_missing_file_is_named() {
    let faults = load(Path::new("/nowhere/palisade.yaml")).err().unwrap();
    assert_eq!(
        faults[0].to_string(),
        "/nowhere/palisade.yaml: cannot be read: no such file or directory (help: create it, or correct the path)"
    );
}

#[test]
fn names_that_lead_nowhere_are_named_with_the_nearest() {
    refused(
        &Case::replace("json, upstream: api }", "json, upstream: apl }"),
        "route_unknown_upstream: there is no upstream `apl` (did you mean `api`?)",
    );
    refused(
        &Case::replace("tenants: tenants/", "tenants: tenant/"),
        "folder_unreadable:",
    );
    refused(
        &Case::replace("policies: policies/", "policies: policy/"),
        "folder_unreadable:",
    );
    refused(
        &Case::replace("schema: schemas/", "schema: tenants/"),
        "folder_empty:",
    );
    refused(
        &Case::replace("app.openapi.json", "ap.openapi.json"),
        "file_unreadable:",
    );
    refused(
        &Case::replace("file: keys/jwks.json", "file: keys/jwk.json"),
        "file_unreadable:",
    );
}

#[test]
fn bounds_are_kept() {
    refused(
        &Case::replace("leeway: 5s", "leeway: 31s"),
        "`31s` is not between 0ms and 30s",
    );
    refused(
        &Case::replace("head: 10s", "head: 0s"),
        "`0ms` is not between 1ms and 1h",
    );
    refused(
        &Case::replace("target_bytes: 8KiB", "target_bytes: 1MiB"),
        "write `1B` to `32KiB`",
    );
    refused(
        &Case::replace("decision_ttl: 5m", "decision_ttl: 2h"),
        "`2h` is more than 1h",
    );
}

#[test]
fn addresses_are_literal_distinct_and_not_the_upstreams() {
    refused(
        &Case::replace("http: 127.0.0.1:8080", "http: localhost:8080"),
        "is not an address with a port",
    );
    refused(
        &Case::replace("metrics: 127.0.0.1:9901", "metrics: 127.0.0.1:9902"),
        "config_address_taken:",
    );
    refused(
        &Case::replace("url: http://127.0.0.1:9000", "url: http://localhost:9902"),
        "upstream_is_own_listener: `http://localhost:9902` leads back to our own listener `127.0.0.1:9902`",
    );
    refused(
        &Case::replace(
            "trusted_proxies: [10.0.0.0/8]",
            "trusted_proxies: [0.0.0.0/0]",
        ),
        "trusts every client",
    );
    refused(
        &Case::replace("hosts: [localhost]", "hosts: ['http://x']"),
        "is not a host",
    );
}

#[test]
fn a_short_or_missing_control_token_is_refused_without_showing_it() {
    let case = Case::new(str::to_owned);
    fs::write(case.0.path().join("secrets/control"), "short\n").unwrap();
    refused(&case, "config_secret:");
    assert!(!case.fault().contains("short"), "{}", case.fault());
    refused(
        &Case::replace("file:secrets/control", "file:secrets/none"),
        "config_secret:",
    );
    refused(
        &Case::replace("file:secrets/control", "env:PALISADE_TEST_UNSET"),
        "is not set",
    );
}

#[test]
fn an_issuer_without_clients_and_audiences_does_not_start() {
    let case = Case::new(|good| {
        let (before, rest) = good.split_once("    portal: true").unwrap();
        let (_, after) = rest.split_once("    roles: {").unwrap();
        let good = format!("{before}    roles: {{{after}");
        good.replace("    clients: directory\n", "")
    });
    refused(&case, "issuer_unbound:");
}

#[test]
fn two_issuers_with_one_iss_do_not_start() {
    let again = "  - { name: other, issuer: 'https://cosmos.example.com/pool', preset: cosmos, clients: directory, accounts: directory, jwks: { file: keys/jwks.json } }\nreferences:";
    refused(
        &Case::replace("references:", again),
        "another issuer has the same `issuer`",
    );
}

#[test]
fn keys_come_from_one_place_and_not_by_plain_http() {
    refused(
        &Case::replace("jwks: { file: keys/jwks.json }", "jwks: { refresh: 5m }"),
        "issuer_keys:",
    );
    refused(
        &Case::replace(
            "jwks: { file: keys/jwks.json }",
            "jwks: { url: 'http://keys.example.com/' }",
        ),
        "keys that come by plain http",
    );
}

#[test]
fn the_demonstrations_issuer_stays_on_loopback() {
    let case = Case::new(|good| {
        good.replace(
            "https://cosmos.example.com/pool",
            "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade",
        )
        .replace("http: 127.0.0.1:8080", "http: 0.0.0.0:8080")
    });
    refused(&case, "demo_issuer_exposed:");
}

#[test]
fn portal_routes_and_marks_fit_together() {
    refused(
        &Case::replace("    portal_clients: [ops]\n", ""),
        "lets nobody in",
    );
    let marked = |mark: &str| {
        Case::replace(
            "openapi: apis/app.openapi.json,",
            &format!("openapi: apis/app.openapi.json, {mark},"),
        )
    };
    refused(&marked("also_accepts: [portal]"), "route_mark:");
    refused(&marked("access: read"), "x-palisade-access");
    refused(
        &marked("cors: { origins: ['*'], credentials: true }"),
        "`*` with credentials",
    );
    refused(
        &marked("cors: { origins: ['https://a/b'] }"),
        "is not an origin",
    );
    refused(&marked("match: GET /x, action: x/read"), "route_form:");
}

#[test]
fn a_reference_stands_once_in_the_table() {
    refused(
        &Case::replace(
            "  - { in: query, name: workspaceId,",
            "  - { in: query, name: workspace_id, is: workspace }\n  - { in: query, name: workspaceId,",
        ),
        "reference_twice:",
    );
}

#[test]
fn a_bad_tenant_does_not_stop_the_others() {
    let case = Case::new(str::to_owned);
    fs::write(case.0.path().join("tenants/bad.yaml"), "account: bad\n").unwrap();
    let resolved = case.load().unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(resolved.directory.accounts().count(), 2);
    assert_eq!(resolved.quarantined.len(), 1);
    assert_eq!(resolved.quarantined[0].code, "config_missing_key");
}

#[test]
fn a_duplicate_tenant_id_names_both_files() {
    let case = Case::new(str::to_owned);
    let thief = "account: thief\nplan: standard\nworkspaces:\n  - { id: acme-prod }\n";
    fs::write(case.0.path().join("tenants/thief.yaml"), thief).unwrap();
    let resolved = case.load().unwrap_or_else(|faults| panic!("{faults:#?}"));
    let fault = resolved.quarantined[0].to_string();
    assert!(
        fault.contains("thief.yaml:4") && fault.contains("acme.yaml:"),
        "{fault}"
    );
}

#[test]
fn all_semantic_faults_come_at_once() {
    let case = Case::new(|good| {
        good.replace("leeway: 5s", "leeway: 1h")
            .replace("upstream: api }", "upstream: apl }")
            .replace("decision_ttl: 5m", "decision_ttl: 2h")
            .replace("policies: policies/", "policies: nothing/")
    });
    fs::write(case.0.path().join("tenants/bad.yaml"), "account: bad\n").unwrap();
    let faults = case.faults();
    assert!(faults.len() >= 5, "{faults:#?}");
    let rendered = crate::fault::render(&faults);
    for part in ["1h", "apl", "2h", "nothing", "bad.yaml", "help"] {
        assert!(rendered.contains(part), "{part} in {rendered}");
    }
}

#[test]
fn routes_alike_are_reported_with_both_places() {
    let again = "  - { context: portal, match: 'GET /portal/v1/accounts/{account}', action: accounts/show, upstream: api }\n";
    let case = Case::new(|good| format!("{good}{again}"));
    let faults = case.faults();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(
        faults[0].to_string().matches("palisade.yaml").count() >= 2,
        "{}",
        faults[0]
    );
}

#[test]
fn what_was_suspended_while_files_changed_stays_so_until_its_file_is_believed() {
    let case = Case::new(str::to_owned);
    let first = case.load().expect("it is good");
    let acme = AccountId::parse("acme").unwrap();
    let status = |directory: &Directory| directory.account(&acme).unwrap().status;
    assert_eq!(status(&first.directory), Status::Active);
    let by = Narrowing {
        status: Status::Suspended,
        ..Narrowing::of(first.directory.account(&acme).unwrap())
    };
    let meanwhile = first
        .directory
        .narrowed(&HashMap::from([(acme.clone(), by)]));
    let meanwhile = Arc::new(meanwhile.expect("it is stricter"));
    // The file is being written again, and what it says now is not believed yet.
    let file = case.0.path().join("tenants/acme.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}# more\n")).unwrap();
    let earlier = Arc::new(first.origin.seen.clone());
    let believing = || Before {
        earlier: Some(Arc::clone(&earlier)),
        ..Before::default()
    };
    let again = |kept: &Kept| {
        let (resolved, _) = read(&case.path(), Some(kept), believing());
        status(&resolved.expect("the others are good").directory)
    };
    assert_eq!(again(&first.kept), Status::Active);
    assert_eq!(again(&first.kept.serving(&meanwhile)), Status::Suspended);
    let serving = (&*meanwhile, &Revocations::default());
    let (restrictions, _) = first.kept.restrictions(believing(), serving);
    assert_eq!(restrictions.accounts[&acme].status, Status::Suspended);
    // What the file says once it is believed holds.
    let (restrictions, _) = first.kept.restrictions(Before::default(), serving);
    assert_eq!(restrictions.accounts[&acme].status, Status::Active);
}
