//! Pages for codes of `palisade.yaml`, of issuers with their mapping, and of YAML and JSON as such.

use super::{Page, page};

/// All of them. New ones get the next number.
pub(super) const PAGES: [Page; 39] = [
    page(
        "C001",
        "config_unknown_key",
        "a key that nobody knows",
        [
            "A key that is misspelt would leave what it says at its default, and nobody would know.",
            "listen: { htp: 127.0.0.1:8080 }",
            "Take the suggestion, or remove it; the reference of the configuration has every key.",
        ],
    ),
    page(
        "C002",
        "config_missing_key",
        "a key that has to be there",
        [
            "Without it there is no meaning that could be guessed safely.",
            "upstreams: { api: {} }",
            "Add the key.",
        ],
    ),
    page(
        "C003",
        "config_type",
        "a value of another kind",
        [
            "The key takes a value of another kind, as a list where there is one text.",
            "listen: 8080",
            "Write it as in the example that the message gives.",
        ],
    ),
    page(
        "C004",
        "config_value",
        "a value that cannot be",
        [
            "The value has the right kind, and is outside of what makes sense or is safe.",
            "decision_ttl: soon",
            "Write it as the message says.",
        ],
    ),
    page(
        "C005",
        "config_bad_id",
        "no id",
        [
            "Ids of accounts, workspaces, users and clients are 1 to 64 of A-Z a-z 0-9 _ -.",
            "portal_clients: [\"portal web\"]",
            "Correct the id.",
        ],
    ),
    page(
        "C006",
        "config_address",
        "no address",
        [
            "Where to listen, and whom to ask for names, is an address and a port.",
            "dns: { servers: [dns.example.com] }",
            "Write it like `10.96.0.10:53` or `[fd00::a]:53`.",
        ],
    ),
    page(
        "C007",
        "config_address_taken",
        "two listeners of one address",
        [
            "What is for operators only would be served to everybody, or nothing would start.",
            "listen: { http: 127.0.0.1:8080 } with admin: { metrics: 127.0.0.1:8080 }",
            "Choose another port.",
        ],
    ),
    page(
        "C008",
        "config_url",
        "no address of a service",
        [
            "Services and keys have whole URLs; keys come by https, unless a test says otherwise.",
            "jwks: { url: id.example.com/jwks.json }",
            "Write it like `https://id.example.com/jwks.json`.",
        ],
    ),
    page(
        "C009",
        "config_secret",
        "a secret in the open, or one that is none",
        [
            "Secrets stand in files or in the environment, never in the configuration, and are long enough not to be guessed.",
            "admin: { token: hunter2 }",
            "Say `file:secrets/control-token` or `env:NAME`; make one with `head -c 32 /dev/urandom | base64`.",
        ],
    ),
    page(
        "C010",
        "config_tls",
        "certificates that do not belong together",
        [
            "Certificate, key and roots for a connection to a service have to be whole, and of one pair.",
            "tls: { cert: client.pem } without key",
            "Name the missing file, or correct the one that is underlined.",
        ],
    ),
    page(
        "C011",
        "error_template",
        "a template of errors that cannot be filled in",
        [
            "A template names what it is filled with; another name would be shown to callers as it stands.",
            "{ \"error\": \"${reson}\" }",
            "Take the name that the message suggests.",
        ],
    ),
    page(
        "C012",
        "upstream_is_own_listener",
        "an upstream that is Palisade itself",
        [
            "Every request would come back until none is left.",
            "listen: { http: 127.0.0.1:8080 } and upstreams: { api: http://127.0.0.1:8080 }",
            "Name the service behind.",
        ],
    ),
    page(
        "C013",
        "revocation_unknown_issuer",
        "a revocation of nobody",
        [
            "The list names an issuer that the configuration lacks, so it revokes nobody.",
            "sub: [{ issuer: cognito-old, sub: ana }]",
            "Name an issuer of `palisade.yaml`.",
        ],
    ),
    page(
        "C014",
        "demo_issuer_exposed",
        "the demonstration's issuer where others reach it",
        [
            "Its keys lie in the open, so anybody could sign tokens for any tenant.",
            "listen: { http: 0.0.0.0:8080 }, and the issuer of `palisade demo`",
            "Listen on 127.0.0.1, or remove the issuer.",
        ],
    ),
    page(
        "I001",
        "issuer_name",
        "no name of an issuer",
        [
            "The name stands in tenants' files and in the ids of callers: 1 to 64 of a-z 0-9 -. `issuer` is the `iss` of its tokens, exactly.",
            "name: Cosmos Pool",
            "Write it as in `cosmos`.",
        ],
    ),
    page(
        "I002",
        "issuer_twice",
        "two entries have the same",
        [
            "A token belongs to one entry. With two of one name or one `iss` nobody could tell which bindings hold.",
            "two entries with issuer: https://id.example.com/pool",
            "Remove or correct one of them; the message names the line of the other.",
        ],
    ),
    page(
        "I003",
        "issuer_doubled",
        "two entries have the same",
        [
            "The same as `issuer_twice`, found when the issuers are put together.",
            "two entries with name: cosmos",
            "Put both into one entry.",
        ],
    ),
    page(
        "I004",
        "issuer_keys",
        "no single place of keys",
        [
            "Keys come from exactly one of `url`, `discovery` and `file`.",
            "jwks: { url: .., file: .. }",
            "Keep one of them.",
        ],
    ),
    page(
        "I005",
        "issuer_refresh",
        "keys that are fetched too often, or too late",
        [
            "Issuers answer fetches that are too frequent with errors, and keys must not be too old before the next one.",
            "jwks: { refresh: 1s }",
            "Use 30s or more, and let `max_stale` be at least `refresh`.",
        ],
    ),
    page(
        "I006",
        "issuer_algorithms",
        "no signature is accepted",
        [
            "Without an algorithm no token of the issuer can be good.",
            "algorithms: []",
            "List what its keys are for, as in `[RS256]`.",
        ],
    ),
    page(
        "I007",
        "issuer_types",
        "no type of token is accepted",
        [
            "`typ` has to be one of a list that is empty, or the list holds the type of the gate's own assertions.",
            "types: [palisade-assertion+jwt]",
            "List one of the issuer's, as in `at+jwt`.",
        ],
    ),
    page(
        "I008",
        "issuer_audience",
        "tokens that are meant for anybody",
        [
            "Neither an audience nor a client says that a token is meant for this platform.",
            "an issuer of preset oidc without audiences and clients",
            "Set `audiences`, or `clients` and `token_use`.",
        ],
    ),
    page(
        "I009",
        "issuer_unbound",
        "an issuer whose tokens open nothing",
        [
            "What is left out means none: an issuer without clients, audiences or accounts speaks for nobody.",
            "an issuer without accounts",
            "Add `accounts: directory`, and `clients: directory` or `audiences`.",
        ],
    ),
    page(
        "I010",
        "issuer_leeway",
        "clocks that differ too much",
        [
            "Leeway is time in which an ended token is still good.",
            "leeway: 10m",
            "Use at most 30s, and set the clocks right.",
        ],
    ),
    page(
        "I011",
        "issuer_mapping",
        "a claim that cannot be found",
        [
            "`claims` says by JSON pointers where things stand in a token: without the claim, a role or a tenant is never read.",
            "claims: { role: role }",
            "Start the pointer with `/`, as in `/role`; where `clients` is set, say where the client stands.",
        ],
    ),
    page(
        "I012",
        "issuer_contexts",
        "a default that would open the Portal",
        [
            "Which API a token is for may have a default; that it is for the Portal the token has to say itself.",
            "contexts: [portal]",
            "Take `portal` off the list.",
        ],
    ),
    page(
        "I013",
        "issuer_portal",
        "the Portal's keys without the Portal",
        [
            "Principals need `portal: true` and clients of their own in `portal_clients`; one without the other lets nobody in.",
            "portal: true without portal_clients",
            "Add what is missing, or remove the other.",
        ],
    ),
    page(
        "I014",
        "issuer_principal",
        "a Principal that was granted nothing, or two things",
        [
            "A Principal acts on the accounts that it was granted: some by name, or all.",
            "principals: { somebody: { roles: [support] } }",
            "Say either `accounts` or `all_accounts: true`.",
        ],
    ),
    page(
        "I015",
        "issuer_act_in",
        "nobody can act inside workspaces",
        [
            "`principals.act_in` asks for a second factor, and no claim of this issuer says that there was one.",
            "principals: { act_in: true } with an issuer without claims: { mfa: .. }",
            "Add `claims: { mfa: /mfa }`, or the claim that says it.",
        ],
    ),
    page(
        "D001",
        "document_syntax",
        "the text is no YAML or JSON",
        [
            "Nothing of the file is used: half a configuration may be without its bounds.",
            "listen: { http: 127.0.0.1:8080",
            "Correct the text where it is underlined.",
        ],
    ),
    page(
        "D002",
        "document_duplicate_key",
        "a key that stands twice",
        [
            "Readers differ in which of the two counts.",
            "plan: standard, and plan: enterprise further down",
            "Keep one of them.",
        ],
    ),
    page(
        "D003",
        "document_key",
        "a key that is no text",
        [
            "Keys are texts. A value that begins with `{`, `[` or `- ` and was meant as text needs quotes.",
            "{a: 1}: x",
            "Write the key as text, or quote it.",
        ],
    ),
    page(
        "D004",
        "document_many",
        "more than one document",
        [
            "What stands behind `---` would not be read.",
            "version: 1, then --- and more",
            "Keep one document in the file.",
        ],
    ),
    page(
        "D005",
        "document_alias",
        "an alias",
        [
            "Aliases are not read: a small file could grow without bound, and a reader does not see what holds where.",
            "clients: *shared",
            "Write the value out.",
        ],
    ),
    page(
        "D006",
        "document_anchor",
        "an anchor",
        [
            "It stands for aliases, which are not read.",
            "clients: &shared [a]",
            "Remove `&name`.",
        ],
    ),
    page(
        "D007",
        "document_tag",
        "a tag",
        [
            "Tags change what a value is, and are not read.",
            "plan: !!int 5",
            "Remove it; quote what is meant as text.",
        ],
    ),
    page(
        "D008",
        "document_number",
        "a number that readers take differently",
        [
            "Numbers with leading zeros, underscores or other bases are one thing to one reader and another to the next.",
            "account: 0123",
            "Quote it if it is meant as text.",
        ],
    ),
    page(
        "D009",
        "document_depth",
        "nested too deep",
        [
            "No file of ours nests so deep; one that does is a mistake, or somebody's attempt.",
            "a list in a list, a hundred times",
            "Write it flatter.",
        ],
    ),
    page(
        "D010",
        "document_size",
        "more than is read of one file",
        [
            "Files have a limit of bytes and of values, so that none of them fills the memory.",
            "a file of 100 MiB",
            "Split the file.",
        ],
    ),
];
