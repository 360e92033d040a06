//! The shape of a file of HTTP cases, exactly as written: what serde reads, and what its JSON Schema is
//! made from.

use crate::config::{Moment, Rules};
use crate::reason::Reason;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::of::<File>("test"));

/// Schema of a file of cases.
pub fn schema() -> &'static Value {
    RULES.schema()
}

/// Claims of a token.
pub(super) type Claims = Map<String, Value>;

/// Requests, and what the gate must do with them.
///
/// YAML 1.2 or JSON. `palisade test` reads every such file below `tests/` in the folder of the
/// policies. A JSON file that is a list is read as Cedar's own `run-tests` has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "file of cases")]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// A file with `everyone` and `people` for the cases here; its path starts at this file's folder.
    #[serde(default)]
    #[schemars(length(min = 1), extend("examples" = ["people.yaml"]))]
    pub(super) fixtures: Option<String>,
    /// The moment of the requests. Absent: now.
    #[serde(default)]
    pub(super) at: Option<Moment>,
    /// Claims that the tokens of all people have, where their own say nothing else.
    #[serde(default)]
    pub(super) everyone: Claims,
    /// Claims of the people, by name. `iss` is that of the only issuer, `sub` the name, `iat` and
    /// `auth_time` a minute before the request and `exp` an hour after it, unless they say otherwise.
    #[serde(default)]
    pub(super) people: BTreeMap<String, Claims>,
    /// What is asked, and what must be answered.
    #[serde(default)]
    pub(super) cases: Vec<Case>,
}

/// A request, and what must become of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What it shows, as a sentence.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["a viewer reads missions"]))]
    pub(super) name: String,
    /// Who sends it, one of `people`. Without this and `claims`, nobody in particular.
    #[serde(default, rename = "as")]
    #[schemars(length(min = 1), extend("examples" = ["ana"]))]
    pub(super) who: Option<String>,
    /// Claims of the token. With `as`, what is different from that person's; `null` takes a claim away.
    #[serde(default)]
    pub(super) claims: Option<Claims>,
    /// Method and target; without a method, GET.
    #[schemars(length(min = 1), extend("examples" = ["GET /app/v1/missions?workspaceId=acme-prod"]))]
    pub(super) request: String,
    /// Header fields. `host` is the first of `listen.hosts` unless it is here.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Values>,
    /// The body: a text as it stands, anything else as JSON.
    #[serde(default)]
    pub(super) body: Option<Value>,
    /// The moment of the request.
    #[serde(default)]
    pub(super) at: Option<Moment>,
    /// The client's address; `127.0.0.1` unless it is here.
    #[serde(default)]
    #[schemars(extend("examples" = ["192.0.2.7"]))]
    pub(super) client_ip: Option<String>,
    /// Whose certificate the client shows, taken as if its chain had been verified.
    #[serde(default)]
    pub(super) certificate: Option<Certificate>,
    /// What must become of it: `allow`, `deny`, the code of a refusal, or more than one word.
    pub(super) expect: Expect,
}

/// The names of a client's certificate.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Certificate {
    /// The SPIFFE ID of a workload.
    #[serde(default)]
    #[schemars(extend("examples" = ["spiffe://example.org/ns/platform/sa/console"]))]
    pub(super) spiffe: Option<String>,
    /// Names of hosts.
    #[serde(default)]
    #[schemars(extend("examples" = [["console.internal"]]))]
    pub(super) dns: Vec<String>,
}

/// A field that stands once, or several times.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Values {
    One(String),
    Many(Vec<String>),
}

/// What must become of a request.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Expect {
    Word(Word),
    Whole(Whole),
}

/// What must become of a request, in full.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Whole {
    /// `allow`, `deny`, or the code of a refusal, as in `outside_tenant`.
    pub(super) decision: Word,
    /// The policies that settle it, all of them, by `@id` or by their whole id.
    #[serde(default)]
    #[schemars(extend("examples" = [["base.viewer"]]))]
    pub(super) policies: Option<Vec<String>>,
    /// What the upstream is told, by name: these headers, with these values.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// Headers that the upstream is not told.
    #[serde(default)]
    #[schemars(extend("examples" = [["x-palisade-user"]]))]
    pub(super) without: Vec<String>,
}

/// `allow`, `deny`, or the code of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Word(pub(super) String);

impl JsonSchema for Word {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = [super::ALLOW, super::DENY].into_iter();
        let words: Vec<&str> = words.chain(Reason::ALL.map(Reason::code)).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}
