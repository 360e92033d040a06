//! `palisade init`: what it writes is good, serves, and never replaces anybody's file.

mod openapi;

use crate::support::client::Request;
use crate::support::folder::Folder;
use crate::support::start::start;
use palisade::clock::Clock;
use palisade::reason::Reason;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const KINDS: [&[&str]; 2] = [&["init", "gate"], &["init", "--from-demo", "gate"]];

#[test]
fn what_init_writes_is_good() {
    for arguments in KINDS {
        let folder = Folder::empty();
        let said = folder.run(arguments);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(
            said.out
                .contains("palisade check --config gate/palisade.yaml"),
            "{}",
            said.out
        );
        let said = folder.run(&["check", "--config", "gate/palisade.yaml"]);
        assert_eq!(
            (said.code, said.out.as_str()),
            (0, "good\n"),
            "{arguments:?}"
        );
    }
}

#[test]
fn what_init_writes_serves() {
    for arguments in KINDS {
        let folder = Folder::empty();
        assert_eq!(folder.run(arguments).code, 0);
        let config = "gate/palisade.yaml";
        for port in ["8080", "9901", "9902"] {
            let text = folder.read(config);
            folder.write(
                config,
                &text.replace(&format!(": 127.0.0.1:{port}"), ": 127.0.0.1:0"),
            );
        }
        // Instead of keys that only the network has.
        let keys =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config/good/keys/jwks.json");
        let url = "url: https://id.example.com/pool/.well-known/jwks.json";
        folder.replace(config, url, &format!("file: {}", keys.display()));
        let mut gate = start(&folder.path(config), Clock::system()).expect("it starts");
        let get = |target| Request::new(gate.proxy, "GET", target).host("127.0.0.1:8080");
        get("/app/v1/things").send().refused(Reason::TokenMissing);
        gate.stop();
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_half_written() {
    let folder = Folder::empty();
    folder.write("gate/tenants/example.yaml", "mine\n");
    let said = folder.run(&["init", "gate"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("gate/tenants/example.yaml"),
        "{}",
        said.err
    );
    assert_eq!(folder.read("gate/tenants/example.yaml"), "mine\n");
    assert!(!folder.path("gate/palisade.yaml").exists());
    assert_eq!(folder.run(&["init"]).code, 2);
}

#[test]
fn the_control_token_is_the_owners_alone_and_new_each_time() {
    let token = || {
        let folder = Folder::empty();
        assert_eq!(folder.run(&["init", "--from-demo", "gate"]).code, 0);
        let name = "gate/control.token";
        let mode = fs::metadata(folder.path(name))
            .expect("it is there")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        folder.read(name)
    };
    assert_ne!(token(), token());
}
