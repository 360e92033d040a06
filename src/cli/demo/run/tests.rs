//! Tests of the demo's `run`.

use super::*;

fn args(port: u16) -> Args {
    Args {
        command: None,
        port,
        admin_port: 0,
        control_port: 0,
        dir: None,
    }
}

#[test]
fn free_ports_are_chosen_and_differ() {
    let ports = ports(&args(0), 1, 2).unwrap();
    assert!(ports.proxy != ports.metrics && ports.metrics != ports.control);
    assert!(!chosen_and_lost(&args(0), ports));
}

#[test]
fn a_port_in_use_is_named_with_its_option() {
    let taken = hold(0, "the test", "--test").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = ports(&args(port), 1, 2).unwrap_err().to_string();
    assert!(error.contains(&port.to_string()), "{error}");
    assert!(error.contains("`--port`"), "{error}");
}

#[test]
fn the_control_token_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let token = control_token(dir.path()).unwrap();
    assert!(token.len() >= 16);
    assert_eq!(control_token(dir.path()).unwrap(), token);
}
