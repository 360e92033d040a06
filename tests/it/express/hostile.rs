//! Requests that a framework may read otherwise than the gate: made from one seed, so that a failure
//! can be repeated.

mod body;
mod head;
mod query;

use crate::support::client::Request;
use crate::support::random::Random;
use std::fmt::{self, Display};
use std::net::SocketAddr;

/// The workspace of the caller.
const OWN: &str = "acme-prod";

/// What a request tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attack {
    /// Names a tenant in the query.
    Query,
    /// Names its own tenant, as an operator on it.
    Operator,
    /// Reaches an operation by another path.
    Path,
    /// Replaces the method.
    Method,
    /// Names a tenant, or who it is, in a header.
    Header,
    /// Names a tenant, or a method, in a body.
    Body,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Hostile {
    pub(super) attack: Attack,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    /// Content type and content.
    pub(super) body: Option<(String, Vec<u8>)>,
}

impl Hostile {
    /// As it is sent.
    pub(super) fn request(&self, address: SocketAddr, token: &str) -> Request {
        let request = Request::new(address, &self.method, &self.target).bearer(token);
        let headers = self.headers.iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        match &self.body {
            Some((kind, body)) => request.header("content-type", kind).body(body),
            None => request,
        }
    }

    /// Which token it needs.
    pub(super) fn is_dashboard(&self) -> bool {
        self.target.to_ascii_lowercase().contains("dashboard")
    }
}

impl Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            attack,
            method,
            target,
            headers,
            body,
        } = self;
        write!(f, "{attack:?}: {method} {target} {headers:?}")?;
        body.as_ref().map_or(Ok(()), |(kind, body)| {
            write!(f, " {kind}: {}", String::from_utf8_lossy(body))
        })
    }
}

fn pick<'a>(dice: &mut Random, from: &[&'a str]) -> &'a str {
    from[dice.below(from.len())]
}

/// `count` requests of the seed.
pub(super) fn requests(seed: u64, count: usize) -> Vec<Hostile> {
    let mut dice = Random(seed);
    (0..count).map(|_| request(&mut dice)).collect()
}

fn request(dice: &mut Random) -> Hostile {
    let mut made = plain(dice);
    match dice.below(6) {
        0 => query::names(dice, &mut made),
        1 => query::operator(dice, &mut made),
        2 => head::path(dice, &mut made),
        3 => head::method(dice, &mut made),
        4 => body::bend(dice, &mut made),
        _ => head::header(dice, &mut made),
    }
    // Attacks come together, too; the first one gives the name.
    if dice.once_in(4) {
        let attack = made.attack;
        match dice.below(3) {
            0 => query::names(dice, &mut made),
            1 => head::header(dice, &mut made),
            _ => head::path(dice, &mut made),
        }
        made.attack = attack;
    }
    made
}

/// A request that is allowed.
fn plain(dice: &mut Random) -> Hostile {
    let known = [
        ("GET", "/app/v1/missions"),
        ("GET", "/app/v1/missions/m-1"),
        ("POST", "/app/v1/missions"),
        ("GET", "/app/v1/quizzes"),
        ("GET", "/app/v1/users/ana"),
        ("PUT", "/app/v1/users/ana"),
        ("HEAD", "/app/v1/missions"),
        ("GET", "/dashboard/v1/missions"),
        ("POST", "/dashboard/v1/missions/m-1/publish"),
        ("DELETE", "/dashboard/v1/missions/m-1"),
        ("GET", "/dashboard/v1/users"),
    ];
    let (method, target) = known[dice.below(known.len())];
    let takes_json = matches!(method, "POST" | "PUT") && !target.ends_with("publish");
    Hostile {
        attack: Attack::Query,
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: takes_json.then(json),
    }
}

fn json() -> (String, Vec<u8>) {
    ("application/json".to_owned(), b"{}".to_vec())
}

fn name(dice: &mut Random) -> &'static str {
    pick(
        dice,
        &[
            "workspaceId",
            "workspaceId",
            "accountId",
            "userId",
            "catalogWorkspaceId",
        ],
    )
}

/// What the reference of that name is for the caller.
fn own(name: &str) -> &'static str {
    match name {
        "accountId" => "acme",
        "userId" => "ana",
        "catalogWorkspaceId" => "catalog-01",
        _ => OWN,
    }
}

fn foreign(name: &str) -> &'static str {
    match name {
        "accountId" => "globex",
        "userId" => "bo",
        _ => "globex-prod",
    }
}

fn snake(name: &str, separator: char) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push(separator);
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn escaped(dice: &mut Random, name: &str) -> String {
    if name.is_empty() {
        return "%2e".to_owned();
    }
    let at = dice.below(name.len());
    let (before, after) = name.split_at(at);
    let escape = format!("%{:02X}", after.as_bytes()[0]);
    let escape = if dice.once_in(3) {
        escape.replace('%', "%25")
    } else {
        escape
    };
    format!("{before}{escape}{}", &after[1..])
}

fn add_query(made: &mut Hostile, query: &str) {
    let joint = if made.target.contains('?') { '&' } else { '?' };
    made.target = format!("{}{joint}{query}", made.target);
}
