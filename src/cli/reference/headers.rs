//! The page of headers that Palisade adds, consumes and removes.

use std::fmt::Write as _;

/// The prefix unless `annotate.prefix` says another.
pub(super) const PREFIX: &str = "x-palisade-";

/// Names after the prefix, and what each says. Each stands at most once.
pub(super) const ADDED: [(&str, &str); 14] = [
    (
        "request-id",
        "the id of the request: in the reply and the audit record too",
    ),
    (
        "context",
        "`app`, `dashboard` or `portal`: the API of the route",
    ),
    ("account", "the account that the request is held to"),
    ("workspace", "the workspace that the request is held to"),
    (
        "catalog-workspace",
        "the catalog workspace that is read or taken from, where one was granted",
    ),
    (
        "user",
        "the user: of a user's token, or whom a machine client acts for",
    ),
    (
        "actor",
        "the machine client, where it acts for `user`; look the user up INSIDE the workspace",
    ),
    ("principal", "the person's global id, or the Principal"),
    (
        "role",
        "the highest mapped role; a machine client's by the directory; the lower of both where it acts for a user",
    ),
    ("platform", "`web`, `mobile` or `m2m`, as the token says"),
    ("lang", "the language, as the token says"),
    ("timezone", "the time zone, as the token says"),
    (
        "client-certificate",
        "whose certificate the connecting peer showed (`listen.tls.client_ca`): its SPIFFE ID and its DNS names, separated by `, `",
    ),
    (
        "assertion",
        "a signed statement of all this, where `annotate.assertion` and the upstream's `audience` are set",
    ),
];

/// Headers that no client may send, by folded name; one that ends in `-` stands for all that begin so.
pub(super) const REMOVED: [(&str, &str); 31] = [
    ("x-user-id", "consumed: a wish to act for a user"),
    (
        "x-palisade-act-in",
        "consumed: the workspace in which a Principal reads (`principals.act_in`)",
    ),
    (
        "x-palisade-reason",
        "consumed: why a Principal does what it does, for policies and the record",
    ),
    ("x-tenant-id", "a tenant's name without proof"),
    ("x-aw-", "a tenant's name without proof"),
    ("x-aworld-", "a tenant's name without proof"),
    ("x-forwarded-", "replaced by Palisade's own"),
    ("forwarded", "replaced by Palisade's own"),
    ("x-real-ip", "the client's address without proof"),
    ("x-client-ip", "the client's address without proof"),
    ("x-cluster-client-ip", "the client's address without proof"),
    ("true-client-ip", "the client's address without proof"),
    ("cf-connecting-ip", "the client's address without proof"),
    ("cf-connecting-ipv6", "the client's address without proof"),
    ("fastly-client-ip", "the client's address without proof"),
    ("fly-client-ip", "the client's address without proof"),
    ("x-azure-clientip", "the client's address without proof"),
    (
        "x-envoy-external-address",
        "the client's address without proof",
    ),
    ("x-originating-ip", "the client's address without proof"),
    ("x-remote-addr", "the client's address without proof"),
    ("x-original-", "replaces the URL in some frameworks"),
    ("x-rewrite-", "replaces the URL in some frameworks"),
    (
        "x-http-method",
        "replaces the method in some frameworks; the request is refused",
    ),
    (
        "x-http-method-override",
        "replaces the method in some frameworks; the request is refused",
    ),
    (
        "x-method-override",
        "replaces the method in some frameworks; the request is refused",
    ),
    ("x-client-cert-", "a client certificate without proof"),
    ("x-ssl-", "a client certificate without proof"),
    ("ssl-client-", "a client certificate without proof"),
    ("x-ssl-client-", "a client certificate without proof"),
    ("client-cert-", "a client certificate without proof"),
    ("x-client-verify", "a client certificate without proof"),
];

/// The page.
pub(super) fn page() -> String {
    let mut page = format!(
        "# Headers\n\n\
        ## What the upstream is told\n\n\
        Under the prefix `{PREFIX}` (`annotate.prefix`). A public route is told `request-id` and\n\
        `context` alone. These headers mean something only if the upstream cannot be reached in any\n\
        other way.\n\n| header | meaning |\n|---|---|\n"
    );
    for (name, meaning) in ADDED {
        // Writing to a `String` cannot fail.
        let _ = writeln!(page, "| `{PREFIX}{name}` | {meaning} |");
    }
    let _ = write!(
        page,
        "\nBeside them `x-forwarded-for`, `x-forwarded-host` and `x-forwarded-proto`, replaced by\n\
        Palisade's own. `Authorization`, and the token's cookie (`listen.token_cookies`), go on only with\n\
        `forward_token: true`. `Idempotency-Key` and `X-Idempotency-Key` go on as they are, or with `idempotency: rewrite` as a digest of account,\n\
        workspace, caller and key. A WebSocket's handshake (`Connection`, `Upgrade`, `Sec-WebSocket-*`) goes\n\
        on where the route is marked `websocket: true`, and nowhere else.\n\n\
        ## What is removed\n\n\
        Names are compared folded: lower case, every character that is no letter or digit read as\n\
        `-`, so that `X_Tenant_Id` is `x-tenant-id`. A name that ends in `-` stands for all that begin\n\
        with it. `annotate.strip` adds names; nothing takes one away.\n\n\
        | header | why |\n|---|---|\n| `{PREFIX}` and all that begin with it | only Palisade says these |\n"
    );
    for (name, why) in REMOVED {
        let _ = writeln!(page, "| `{name}` | {why} |");
    }
    page
}
