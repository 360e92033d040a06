//! Calls that are allowed: every kind, between every two implementations.

use super::Language::{self, Node, Python};
use super::{call, gate, told_to};
use serde_json::{Value, json};

/// Just below what both implementations take without being told otherwise.
const LARGE: usize = (4 << 20) - 1024;

fn speak(server: Language, client: Language) {
    let mut server = server.server();
    let gate = gate(&server).start();
    for compress in [false, true] {
        let mut client = client.client(&gate, compress);
        let unary = call(&gate, "unary", "Unary", &json!(["hello"]));
        ends(&client.ask(&unary), &json!(["hello"]), 1);
        let large = call(&gate, "unary", "Unary", &json!([LARGE]));
        ends(&client.ask(&large), &json!([LARGE]), 1);
        let collect = call(&gate, "client", "Collect", &json!(["a", "bb", 3000]));
        ends(&client.ask(&collect), &json!(["3 3003"]), 3);
        let spread = call(&gate, "server", "Spread", &json!(["4"]));
        ends(&client.ask(&spread), &json!(["0", "1", "2", "3"]), 4);
        let mut chat = call(&gate, "bidi", "Chat", &json!(["a", "b", "c"]));
        chat["pause"] = json!(30);
        ends(&client.ask(&chat), &json!(["a", "b", "c"]), 3);
        let failed = client.ask(&told_to(unary, "fail"));
        assert_eq!(failed["code"], 5, "{failed}");
        assert_eq!(failed["details"], "no such thing: \u{e9} 100%");
        assert_eq!(failed["trailing"]["x-test-sum-bin"], "AP8A");
    }
    assert_eq!(server.ask(&json!({}))["calls"], 12);
}

/// Fails unless the call ended well, with these messages and all of the server's metadata.
#[track_caller]
fn ends(said: &Value, messages: &Value, count: u8) {
    assert_eq!(
        (&said["code"], &said["messages"]),
        (&json!(0), messages),
        "{said}"
    );
    assert_eq!(
        said["trailing"]["x-test-count"],
        count.to_string(),
        "{said}"
    );
    let sum = ["AP8A", "AP8B", "AP8C", "AP8D", "AP8E"][usize::from(count)];
    assert_eq!(said["trailing"]["x-test-sum-bin"], sum, "{said}");
    assert_eq!(said["initial"]["x-test-account"], "acme", "{said}");
}

#[test]
fn grpc_js_speaks_to_grpc_js() {
    speak(Node, Node);
}

#[test]
fn grpc_js_speaks_to_grpcio() {
    speak(Python, Node);
}

#[test]
fn grpcio_speaks_to_grpc_js() {
    speak(Node, Python);
}

#[test]
fn grpcio_speaks_to_grpcio() {
    speak(Python, Python);
}

#[test]
fn metadata_cannot_say_who_calls() {
    for server in [Node, Python] {
        let server = server.server();
        let gate = gate(&server).start();
        let mut client = Node.client(&gate, false);
        let mut unary = call(&gate, "unary", "Unary", &json!(["hello"]));
        unary["metadata"]["x-palisade-account"] = json!("globex");
        unary["metadata"]["x-palisade-user"] = json!("root");
        unary["metadata"]["x-test-data-bin"] = json!("AP8Q");
        let said = client.ask(&unary);
        assert_eq!(said["code"], 0, "{said}");
        assert_eq!(said["initial"]["x-test-account"], "acme");
        assert_ne!(said["initial"]["x-test-user"], "root");
        assert_eq!(said["initial"]["x-test-data-bin"], "AP8Q");
    }
}
