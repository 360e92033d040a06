//! Cases of the HTTP level: read from files, held to what they name, and put to the gate.

use super::expected::{Expected, Got};
use super::file::{Case as Shape, Claims, Expect, File, Values, Whole};
use super::people::{self, People};
use super::{Desk, Ran, Session};
use crate::author::asked::{self, Misread};
use crate::clock::Timestamp;
use crate::config;
use crate::document::{Document, child};
use crate::explain::{self, Asked};
use crate::fault::Fault;
use crate::gate::Identity;
use crate::head::Peer;
use crate::x509::Identity as Owner;
use http::header::{self, HeaderValue};
use http::request::Parts;
use serde_json::Value;
use std::net::{AddrParseError, IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

/// A request to be put to the gate.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// As written.
    pub(super) request: String,
    parts: Parts,
    pub(super) body: Option<Vec<u8>>,
    /// Of the token; `None`: none is sent.
    claims: Option<Claims>,
    at: Option<Timestamp>,
    /// Who is at the other end of the connection.
    pub(super) peer: Peer,
    pub(super) expected: Expected,
}

/// The cases of a document, each with its pointer, or everything that is wrong with it.
pub(super) fn read(
    document: &Document,
    folder: &Path,
    desk: &Desk,
) -> Result<Vec<(String, String, Case)>, Vec<Fault>> {
    let file: File = config::shape(document, &super::file::RULES)?;
    let mut reader = Reader {
        document,
        desk,
        people: People::default(),
        at: file.at.map(|at| at.0),
        faults: Vec::new(),
    };
    reader.meet(&file, folder);
    let mut cases = Vec::new();
    for (index, shape) in file.cases.into_iter().enumerate() {
        let at = child("/cases", &index.to_string());
        let name = shape.name.clone();
        if let Some(case) = reader.case(&at, shape) {
            cases.push((at, name, case));
        }
    }
    if reader.faults.is_empty() {
        Ok(cases)
    } else {
        Err(reader.faults)
    }
}

struct Reader<'a> {
    document: &'a Document,
    desk: &'a Desk,
    people: People,
    at: Option<Timestamp>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, pointer: &str, code: &'static str, message: String, help: String) {
        let place = self.document.place(pointer);
        self.faults
            .push(Fault::error(code, place, message).help(help));
    }

    /// Learns of the people of the file and of its fixtures; its own hide those of the same name.
    fn meet(&mut self, file: &File, folder: &Path) {
        if let Some(name) = &file.fixtures {
            match People::of(&folder.join(name)) {
                Ok(known) => self.people = known,
                Err(found) => {
                    let message = format!("`{name}` cannot be used");
                    let help = "mend it, or correct the path".to_owned();
                    self.fault("/fixtures", "test_fixtures", message, help);
                    self.faults.extend(found);
                }
            }
        }
        self.people.meet(file);
    }

    fn case(&mut self, at: &str, shape: Shape) -> Option<Case> {
        let before = self.faults.len();
        let claims = self.claims(at, &shape);
        let parts = self.parts(at, &shape);
        let peer = self.peer(at, &shape);
        let expected = self.expected(at, shape.expect);
        let (Some(parts), true) = (parts, self.faults.len() == before) else {
            return None;
        };
        Some(Case {
            request: shape.request,
            parts,
            body: shape.body.as_ref().map(bytes),
            claims,
            at: shape.at.map(|at| at.0).or(self.at),
            peer,
            expected,
        })
    }

    fn peer(&mut self, at: &str, shape: &Shape) -> Peer {
        let address = match shape.client_ip.as_deref().map(str::parse).transpose() {
            Ok(address) => address,
            Err(error) => {
                let error: AddrParseError = error;
                let help = "write one address, as in `192.0.2.7` or `2001:db8::1`".to_owned();
                let pointer = child(at, "client_ip");
                self.fault(&pointer, "test_request", error.to_string(), help);
                None
            }
        };
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let certificate = shape.certificate.clone().and_then(|names| {
            let named = Owner::named(names.spiffe, names.dns, Timestamp::MAX);
            named
                .map_err(|error| {
                    let help = "write it as certificates have it".to_owned();
                    let pointer = child(at, "certificate");
                    self.fault(&pointer, "test_request", error.to_string(), help);
                })
                .ok()
        });
        Peer {
            secure: certificate.is_some(),
            certificate: certificate.map(Arc::new),
            ..Peer::plain(address)
        }
    }

    fn claims(&mut self, at: &str, shape: &Shape) -> Option<Claims> {
        let mut claims = Claims::new();
        if let Some(name) = &shape.who {
            match self.people.claims(name) {
                Ok(known) => claims = known,
                Err(help) => {
                    let message = format!("nobody is called `{name}`");
                    self.fault(&child(at, "as"), "test_unknown_person", message, help);
                    return None;
                }
            }
        }
        match (&shape.claims, &shape.who) {
            (None, None) => return None,
            (None, Some(_)) => {}
            (Some(other), _) => claims.extend(other.clone()),
        }
        Some(people::completed(claims, self.desk.issuer.as_deref()))
    }

    fn parts(&mut self, at: &str, shape: &Shape) -> Option<Parts> {
        let read = || -> Result<Parts, (String, Misread)> {
            let parts = asked::request(&shape.request);
            let mut parts = parts.map_err(|error| (child(at, "request"), error))?;
            for (name, values) in &shape.headers {
                for value in values.all() {
                    let field = asked::named_field(name, value);
                    let place = || child(&child(at, "headers"), name);
                    let (name, value) = field.map_err(|error| (place(), error))?;
                    asked::append(&mut parts.headers, name, value)
                        .map_err(|error| (child(at, "headers"), error))?;
                }
            }
            asked::name_host(&mut parts.headers, self.desk.host.as_deref());
            if shape.body.as_ref().is_some_and(|body| !body.is_string()) {
                let json = HeaderValue::from_static("application/json");
                parts.headers.entry(header::CONTENT_TYPE).or_insert(json);
            }
            Ok(parts)
        };
        match read() {
            Ok(parts) => Some(parts),
            Err((pointer, error)) => {
                let help = "see `palisade explain --help`".to_owned();
                self.fault(&pointer, "test_request", error.to_string(), help);
                None
            }
        }
    }

    fn expected(&mut self, at: &str, expect: Expect) -> Expected {
        let whole = match expect {
            Expect::Word(decision) => Whole {
                decision,
                ..Whole::default()
            },
            Expect::Whole(whole) => whole,
        };
        let policies = child(&child(at, "expect"), "policies");
        for (index, id) in whole.policies.iter().flatten().enumerate() {
            if let Err(help) = self.desk.knows(id) {
                let message = format!("there is no policy `{id}`");
                let pointer = child(&policies, &index.to_string());
                self.fault(&pointer, "test_unknown_policy", message, help);
            }
        }
        let told = !whole.headers.is_empty() || !whole.without.is_empty();
        if told && whole.decision.0 != super::ALLOW {
            let message = "only what is allowed is forwarded".to_owned();
            let help = "remove `headers` and `without`, or expect `allow`".to_owned();
            self.fault(&child(at, "expect"), "test_headers", message, help);
        }
        Expected::of(whole)
    }
}

fn bytes(body: &Value) -> Vec<u8> {
    match body {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

impl Values {
    fn all(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl Case {
    /// Puts it to the gate.
    pub(super) fn run(&self, session: &Session<'_>) -> Ran {
        let now = self.at.unwrap_or(session.now);
        let generation = session.generation;
        let issuers = &generation.rules.issuers;
        let identity = match self.claims_at(now) {
            Some(claims) => asked::on_trust(issuers, &claims, now),
            None => Identity::Anonymous,
        };
        let asked = Asked {
            parts: self.parts.clone(),
            body: self.body.clone(),
            peer: self.peer.clone(),
            identity,
            now,
        };
        let told = explain::tell(generation, session.pdp, asked);
        let learnt = &told.learnt;
        let question = || {
            let question = told.question()?;
            Some(session.pdp.put_of(&generation.rules.store, &question))
        };
        let puts = session.keeps().then(question).flatten();
        let target = learnt.target.as_ref();
        let story = told.story;
        Ran {
            route: target.map(|target| Arc::clone(&target.route)),
            puts: puts.unwrap_or_default(),
            detail: story
                .decision
                .detail
                .clone()
                .filter(|detail| !detail.is_empty()),
            got: Got::of(&story),
            policies: story.policies,
        }
    }

    /// The claims as JSON, with the times that they do not say.
    pub(super) fn claims_at(&self, now: Timestamp) -> Option<String> {
        let claims = people::at(self.claims.clone()?, now);
        Some(Value::Object(claims).to_string())
    }

    /// The moment of the request, if the file says one.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Its fields as lines, without what was added to them.
    pub(super) fn fields(&self) -> impl Iterator<Item = String> + '_ {
        let fields = self.parts.headers.iter();
        let fields = fields.filter(|(name, _)| *name != header::HOST);
        fields.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
    }
}
