//! Requests that a framework may read otherwise than the gate: made from one seed, so that a failure
//! can be repeated.

use crate::support::client::Request;
use std::fmt::{self, Display};
use std::net::SocketAddr;

/// Whom the requests attack, and with whose token.
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
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Hostile {
    pub(super) attack: Attack,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Hostile {
    /// As it is sent.
    pub(super) fn request(&self, address: SocketAddr, token: &str) -> Request {
        let request = Request::new(address, &self.method, &self.target).bearer(token);
        let headers = self.headers.iter();
        let request = headers.fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        if matches!(&*self.method, "POST" | "PUT" | "DELETE") {
            return request
                .header("content-type", "application/json")
                .body(b"{}");
        }
        request
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
        } = self;
        write!(f, "{attack:?}: {method} {target} {headers:?}")
    }
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).expect("31 bits") % below
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.next(one_in) == 0
    }
}

/// `count` requests of the seed.
pub(super) fn requests(seed: u64, count: usize) -> Vec<Hostile> {
    let mut dice = Dice(seed);
    (0..count).map(|_| request(&mut dice)).collect()
}

fn request(dice: &mut Dice) -> Hostile {
    let mut made = plain(dice);
    match dice.next(5) {
        0 => query(dice, &mut made),
        1 => operator(dice, &mut made),
        2 => path(dice, &mut made),
        3 => method(dice, &mut made),
        _ => header(dice, &mut made),
    }
    // Attacks come together, too; the first one gives the name.
    if dice.chance(4) {
        let attack = made.attack;
        match dice.next(3) {
            0 => query(dice, &mut made),
            1 => header(dice, &mut made),
            _ => path(dice, &mut made),
        }
        made.attack = attack;
    }
    made
}

/// A request that is allowed.
fn plain(dice: &mut Dice) -> Hostile {
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
    let (method, target) = known[dice.next(known.len())];
    Hostile {
        attack: Attack::Query,
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
    }
}

fn name(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "workspaceId",
        "workspaceId",
        "accountId",
        "userId",
        "catalogWorkspaceId",
    ])
}

/// A value that is the caller's own, someone else's, or nearly its own.
fn value(dice: &mut Dice, name: &str) -> String {
    let own = match name {
        "accountId" => "acme",
        "userId" => "ana",
        "catalogWorkspaceId" => "catalog-01",
        _ => OWN,
    };
    let foreign = match name {
        "accountId" => "globex",
        "userId" => "bo",
        _ => "globex-prod",
    };
    match dice.next(12) {
        0..4 => own.to_owned(),
        4 => own.to_ascii_uppercase(),
        5 => format!("{own},{foreign}"),
        6 => format!("{own}%20"),
        7 => format!("{own}%2500"),
        8 => own.replace('a', "%61"),
        9 => String::new(),
        10 => format!("+{own}"),
        _ => foreign.to_owned(),
    }
}

/// A spelling of a key that some reader takes for `name`.
fn key(dice: &mut Dice, name: &str) -> String {
    let spelt = match dice.next(10) {
        0 => name.to_ascii_lowercase(),
        1 => name.to_ascii_uppercase(),
        2 => snake(name, '_'),
        3 => snake(name, '-'),
        4 => escaped(dice, name),
        // A long s and a Kelvin sign; a zero-width space and a soft hyphen.
        5 => name.replace('s', "%C5%BF").replace('k', "%E2%84%AA"),
        6 => format!("{}%E2%80%8B%C2%AD", name),
        _ => name.to_owned(),
    };
    match dice.next(14) {
        0 => format!("{spelt}[]"),
        1 => format!("{spelt}[0]"),
        2 => format!("{spelt}%5B%5D"),
        3 => format!("[{spelt}]"),
        4 => format!("filter[{spelt}]"),
        5 => format!("filter%5B{spelt}%5D[]"),
        6 => format!("a[b][c][d][e][f][g][{spelt}]"),
        7 => format!("filter.{spelt}"),
        8 => format!("{spelt}["),
        9 => format!("__proto__[{spelt}]"),
        10 => format!("{}{spelt}", dice.pick(&["+", "%20", "%EF%BB%BF", "%09"])),
        _ => spelt,
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

fn escaped(dice: &mut Dice, name: &str) -> String {
    if name.is_empty() {
        return "%2e".to_owned();
    }
    let at = dice.next(name.len());
    let (before, after) = name.split_at(at);
    let escape = format!("%{:02X}", after.as_bytes()[0]);
    let escape = if dice.chance(3) {
        escape.replace('%', "%25")
    } else {
        escape
    };
    format!("{before}{escape}{}", &after[1..])
}

fn query(dice: &mut Dice, made: &mut Hostile) {
    made.attack = Attack::Query;
    let mut pairs = Vec::new();
    for _ in 0..=dice.next(2) {
        let name = name(dice);
        pairs.push(format!("{}={}", key(dice, name), value(dice, name)));
    }
    if dice.chance(3) {
        // Once as it should be, and once more.
        pairs.insert(
            dice.next(2) % pairs.len().max(1),
            format!("workspaceId={OWN}"),
        );
    }
    if dice.chance(4) {
        pairs.insert(
            0,
            dice.pick(&["page=1", "", "q=a%26b", "q=a?b", "%"])
                .to_owned(),
        );
    }
    let joint = dice.pick(&["&", "&", "&", "&", ";", "&&", "&amp;", "%26", "?", "&;"]);
    add_query(made, &pairs.join(joint));
}

fn operator(dice: &mut Dice, made: &mut Hostile) {
    made.attack = Attack::Operator;
    let name = name(dice);
    let operator = dice.pick(&[
        "$ne",
        "$gt",
        "$regex",
        "not",
        "7",
        "globex-prod",
        "][$ne",
        "0][$ne",
    ]);
    let own = match name {
        "accountId" => "acme",
        "userId" => "ana",
        "catalogWorkspaceId" => "catalog-01",
        _ => OWN,
    };
    let pair = match dice.next(5) {
        0 => format!("filter[{name}][{operator}]={own}"),
        1 => format!("{name}%5B{operator}%5D={own}"),
        2 => format!("{name}[{operator}][]={own}"),
        _ => format!("{name}[{operator}]={own}"),
    };
    add_query(made, &pair);
}

fn add_query(made: &mut Hostile, query: &str) {
    let joint = if made.target.contains('?') { '&' } else { '?' };
    made.target = format!("{}{joint}{query}", made.target);
}

fn path(dice: &mut Dice, made: &mut Hostile) {
    made.attack = Attack::Path;
    let target = made.target.clone();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let last = path.rfind('/').map_or(0, |at| at + 1);
    let (folder, leaf) = path.split_at(last);
    let bent = match dice.next(19) {
        0 => path.to_ascii_uppercase(),
        1 => format!("{path}/"),
        2 => format!("{folder}/{leaf}"),
        3 => format!("{folder}./{leaf}"),
        4 => format!("{folder}x/../{leaf}"),
        5 => format!("{folder}x/%2e%2e/{leaf}"),
        6 => format!("{folder}{leaf}%2f..%2fbo"),
        7 => format!("{folder}{leaf};userId=bo"),
        8 => format!("{folder}{}", escaped(dice, leaf)),
        9 => format!("{folder}{leaf}%20"),
        10 => format!("{folder}{leaf}%00"),
        11 => format!("{}\\{leaf}", folder.trim_end_matches('/')),
        12 => format!("{path}#x"),
        13 => format!("http://api.example.com{path}"),
        14 => format!("http://globex@api.example.com{path}"),
        15 => path.replace("/v1/", "/V1/"),
        16 => format!("{folder}{}", leaf.replace('s', "%C5%BF")),
        17 => path.replace(
            "/ana",
            dice.pick(&["/bo", "/ANA", "/a%6ea", "/ana,bo", "/%61na"]),
        ),
        _ => path.replace("/app/", "/app/../dashboard/"),
    };
    made.target = bent;
    if !query.is_empty() {
        add_query(made, query);
    }
}

fn method(dice: &mut Dice, made: &mut Hostile) {
    made.attack = Attack::Method;
    // What method-override looks at.
    if dice.chance(2) {
        made.method = "POST".to_owned();
        made.target = dice
            .pick(&[
                "/app/v1/missions",
                "/dashboard/v1/missions",
                "/app/v1/quizzes/q-1/answers",
            ])
            .to_owned();
    }
    let to = dice.pick(&["DELETE", "PUT", "GET", "delete", "PURGE"]);
    match dice.next(8) {
        0..4 => {
            let name = dice.pick(&[
                "x-http-method-override",
                "X-HTTP-Method",
                "X-Method-Override",
                "x_http_method_override",
                "X-Http_Method-Override",
            ]);
            made.headers.push((name.to_owned(), to.to_owned()));
        }
        4..7 => {
            let name = dice.pick(&[
                "_method",
                "%5Fmethod",
                "_METHOD",
                "_method[]",
                "_method%5B0%5D",
                "+_method",
            ]);
            add_query(made, &format!("{name}={to}"));
        }
        _ => {
            made.method = dice
                .pick(&["PATCH", "OPTIONS", "HEAD", "get", "Delete", "PROPFIND"])
                .to_owned()
        }
    }
}

fn header(dice: &mut Dice, made: &mut Hostile) {
    made.attack = Attack::Header;
    let name = dice.pick(&[
        "x-workspace-id",
        "X_Workspace_Id",
        "x-workspace_id",
        "X-WORKSPACE-ID",
        "x.workspace.id",
        "x-user-id",
        "x_user_id",
        "x-tenant-id",
        "x-original-url",
        "X_Rewrite_Url",
        "x-palisade-workspace",
        "X_Palisade_Workspace",
        "x-palisade.account",
        "x-palisade-request-id",
        "connection",
    ]);
    let value = match name {
        "connection" => "keep-alive, x-palisade-workspace, x-palisade-account",
        "x-original-url" | "X_Rewrite_Url" => "/dashboard/v1/missions/m-1",
        "x-palisade.account" => "globex",
        _ if name.to_ascii_lowercase().contains("user") => "bo",
        _ => dice.pick(&[
            "globex-prod",
            "globex-prod",
            OWN,
            "acme-prod, globex-prod",
            "",
        ]),
    };
    made.headers.push((name.to_owned(), value.to_owned()));
    if dice.chance(5) {
        made.headers.push((name.to_owned(), OWN.to_owned()));
    }
}
