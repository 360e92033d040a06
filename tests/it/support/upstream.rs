//! The service behind the gate: records every request to the byte and answers as it is told.

use super::eventually;
use super::headers::unexpected_forwarded;
use super::wire::{Message, Side, Wire};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as the upstream got it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// Which of the upstream's connections it came on, from 0.
    pub(crate) connection: usize,
    /// Head, body and trailers.
    pub(crate) message: Message,
    /// The body arrived whole.
    pub(crate) complete: bool,
}

impl Recorded {
    /// The method.
    pub(crate) fn method(&self) -> &str {
        self.message.start.split(' ').next().unwrap_or_default()
    }

    /// The request target, exactly.
    pub(crate) fn target(&self) -> &str {
        self.message.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a header that stands there at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.message.header(name)
    }
}

/// What the upstream does with a request.
#[derive(Clone)]
enum Answer {
    /// These bytes, then the next request.
    Bytes(Vec<u8>),
    /// These bytes, then the end of the connection.
    Last(Vec<u8>),
    /// Nothing, ever.
    Hang,
    /// Closes before it has read the body.
    Close,
}

/// The service. Its drop fails the test if a header got through that is not on the list.
pub(crate) struct TestUpstream {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    answer: Answer,
    requests: Vec<Recorded>,
    connections: usize,
    open: usize,
    checked: bool,
    leak: Option<String>,
}

impl TestUpstream {
    /// Starts, answering everything with 200 and an empty JSON object.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let state = Arc::new(Mutex::new(State {
            answer: Answer::Bytes(reply(200, &[("content-type", "application/json")], b"{}")),
            requests: Vec::new(),
            connections: 0,
            open: 0,
            checked: true,
            leak: None,
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// For tests that send hostile header names on purpose and look at what arrives themselves.
    pub(crate) fn accept_any_header(&self) {
        self.state.lock().unwrap().checked = false;
    }

    /// From now on answers so, with a `Content-Length`.
    pub(crate) fn reply(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        self.answer(Answer::Bytes(reply(status, headers, body)));
    }

    /// From now on answers with chunks, and trailers after them.
    pub(crate) fn chunked(
        &self,
        headers: &[(&str, &str)],
        chunks: &[&str],
        trailers: &[(&str, &str)],
    ) {
        let mut bytes = head(200, headers);
        bytes.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
        for chunk in chunks {
            bytes.extend_from_slice(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes());
        }
        bytes.extend_from_slice(b"0\r\n");
        for (name, value) in trailers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        self.answer(Answer::Bytes(bytes));
    }

    /// From now on answers with exactly these bytes and keeps the connection.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        self.answer(Answer::Bytes(bytes.to_vec()));
    }

    /// From now on answers with exactly these bytes and closes.
    pub(crate) fn garbage(&self, bytes: &[u8]) {
        self.answer(Answer::Last(bytes.to_vec()));
    }

    /// From now on never answers.
    pub(crate) fn hang(&self) {
        self.answer(Answer::Hang);
    }

    /// From now on closes in place of an answer, with the body unread.
    pub(crate) fn reset(&self) {
        self.answer(Answer::Close);
    }

    /// Everything received so far.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The only request received.
    pub(crate) fn only(&self) -> Recorded {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "one request, not {requests:?}");
        requests.remove(0)
    }

    /// Fails if anything was received.
    pub(crate) fn saw_nothing(&self) {
        let requests = self.requests();
        assert!(requests.is_empty(), "forwarded: {requests:?}");
    }

    /// How many connections were ever made.
    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Waits until no connection is open any more.
    pub(crate) fn all_closed(&self) {
        eventually("the upstream's connections are closed", || {
            (self.state.lock().unwrap().open == 0).then_some(())
        });
    }

    fn answer(&self, answer: Answer) {
        self.state.lock().unwrap().answer = answer;
    }
}

impl Drop for TestUpstream {
    fn drop(&mut self) {
        let leak = self.state.lock().unwrap().leak.take();
        if let Some(leak) = leak
            && !std::thread::panicking()
        {
            panic!("forwarded, and not on the list of headers: {leak}");
        }
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let connection = {
        let mut state = state.lock().unwrap();
        state.connections += 1;
        state.open += 1;
        state.connections - 1
    };
    let mut wire = Wire::new(stream);
    while let Ok(Some(message)) = wire.head() {
        if !answer(&mut wire, message, connection, state) {
            break;
        }
    }
    state.lock().unwrap().open -= 1;
}

/// Answers one request. `false`: the connection is at its end.
fn answer(wire: &mut Wire, mut message: Message, connection: usize, state: &Mutex<State>) -> bool {
    let (at, answer) = {
        let mut state = state.lock().unwrap();
        if state.checked && state.leak.is_none() {
            state.leak = unexpected_forwarded(&message.headers).map(str::to_owned);
        }
        state.requests.push(Recorded {
            connection,
            message: message.clone(),
            complete: false,
        });
        (state.requests.len() - 1, state.answer.clone())
    };
    if matches!(answer, Answer::Close) {
        return false;
    }
    if message.header("expect").is_some() {
        let _ = wire.stream().write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    if wire.body(&mut message, Side::Request).is_err() {
        return false;
    }
    {
        let mut state = state.lock().unwrap();
        if state.checked && state.leak.is_none() {
            state.leak = unexpected_forwarded(&message.trailers).map(str::to_owned);
        }
        state.requests[at].message = message;
        state.requests[at].complete = true;
    }
    match answer {
        Answer::Bytes(bytes) => wire.stream().write_all(&bytes).is_ok(),
        Answer::Last(bytes) => {
            let _ = wire.stream().write_all(&bytes);
            false
        }
        // Ends when the gate gives up and closes: then there is nothing more to read.
        Answer::Hang => {
            let _ = wire.head();
            false
        }
        Answer::Close => false,
    }
}

fn reply(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = head(status, headers);
    if !matches!(status, 204 | 304) {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Told\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text.into_bytes()
}
