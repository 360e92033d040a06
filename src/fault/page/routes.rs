//! Pages for codes of routes, `OpenAPI` files and references.

use super::{Page, page};

/// All of them. New ones get the next number.
pub(super) const PAGES: [Page; 38] = [
    page(
        "R001",
        "route_form",
        "a route that is neither a file nor a match",
        [
            "An entry of `routes` is an OpenAPI file, or one method and path with the action that they are.",
            "- { context: app, upstream: api }",
            "Write `openapi: FILE`, or `match: GET /app/v1/things` with `action: things/list`.",
        ],
    ),
    page(
        "R002",
        "route_match",
        "no method and template",
        [
            "`match` is a method, a space and a path template; a template's parameters fill whole segments.",
            "match: /portal/v1/accounts",
            "Write `match: \"GET /portal/v1/accounts/{account}\"`.",
        ],
    ),
    page(
        "R003",
        "route_method",
        "a method that is always refused",
        [
            "TRACE and CONNECT never reach a service: a route for them would answer nothing.",
            "match: \"TRACE /app/v1/things\"",
            "Remove the route, or take the method that was meant.",
        ],
    ),
    page(
        "R004",
        "route_template",
        "a path template that no request could match",
        [
            "Requests are matched by their canonical path. A template with an empty segment, an escape, a doubled parameter or one that fills half a segment matches none.",
            "match: \"GET /app/v1/things/{id}.json\"",
            "Write literals as they stand in the canonical path, and each parameter as a whole segment.",
        ],
    ),
    page(
        "R005",
        "route_pattern",
        "a parameter's pattern is no regular expression",
        [
            "What stands in a path parameter is an id, or fits the pattern that the parameter has. This pattern cannot be read, or takes too much memory.",
            "schema: { type: string, pattern: \"[\" }",
            "Write a regular expression for the whole value, as in `[a-z0-9.-]+`.",
        ],
    ),
    page(
        "R006",
        "route_conflict",
        "two routes answer the same requests",
        [
            "One of the two would never be asked, and which one nobody could tell. The message names both places.",
            "match: \"GET /app/v1/things/{id}\" beside match: \"GET /app/v1/things/{name}\"",
            "Remove one of the two.",
        ],
    ),
    page(
        "R007",
        "route_parameter_names",
        "one place of a path has two names",
        [
            "References and patterns go by a parameter's name. Two routes that name one place differently are read differently there.",
            "/app/v1/users/{userId} beside /app/v1/users/{id}/roles",
            "Give the parameter one name.",
        ],
    ),
    page(
        "R008",
        "route_operation",
        "one action means two things",
        [
            "An action has one access, one kind of resource, and may name catalogs or not. Two routes give it different ones; the message names both.",
            "GET /app/v1/things (things/list) beside POST /app/v1/other (things/list)",
            "Give the two different names, or say the access of one with `x-palisade-access`.",
        ],
    ),
    page(
        "R009",
        "route_operation_id",
        "a name that is no operation",
        [
            "The operation's id becomes the Cedar action: a kind and a verb, in parts of A-Z a-z 0-9 . _ -. The kind is what policies see as `resource.kind`.",
            "operationId: listMissions",
            "Write it like `missions/list`; what is suggested keeps the words.",
        ],
    ),
    page(
        "R010",
        "route_mark",
        "a mark that the route cannot have",
        [
            "`platform`, `public` and others change who may come and what is asked. On this kind of route the mark has no meaning, and may have been meant for another.",
            "- { context: app, match: \"GET /app/v1/x\", action: x/list, platform: true, upstream: api }",
            "Remove the mark, or put it where it belongs.",
        ],
    ),
    page(
        "R011",
        "route_account",
        "a Portal route names no account",
        [
            "In the Portal a grant is for an account. A route that names none by path, query or header, and is not of the platform, could be held to no grant.",
            "- { context: portal, match: \"GET /portal/v1/things\", action: things/list, upstream: api }",
            "Let a reference name the account, or say `platform: true`, which takes a grant on every account.",
        ],
    ),
    page(
        "R012",
        "route_reference",
        "something looks like a tenant, and is in no table",
        [
            "A parameter or a property of a body is named as tenants are. A service may take it for one, and the gate would hold it to nothing.",
            "parameters: [{ name: tenantId, in: query }]",
            "Add it to `references`, or give it another name.",
        ],
    ),
    page(
        "R013",
        "route_cors",
        "origins that let everybody in, or nobody",
        [
            "`*` with credentials lets every site act for whoever is logged in; an origin with a path is never sent by a browser.",
            "cors: { origins: [\"*\"], credentials: true }",
            "List the origins, as in `https://app.example.com`, without a path.",
        ],
    ),
    page(
        "R014",
        "route_unknown_upstream",
        "there is no such upstream",
        [
            "The route's requests would have nowhere to go.",
            "upstream: ap",
            "Take one of `upstreams`.",
        ],
    ),
    page(
        "R015",
        "route_websocket",
        "a WebSocket that no method opens",
        [
            "A WebSocket is opened by GET, and this route has another method.",
            "match: \"POST /app/v1/chat\" with websocket: true",
            "Remove the mark, or declare the GET.",
        ],
    ),
    page(
        "R016",
        "openapi_version",
        "not an OpenAPI 3.0 or 3.1 file",
        [
            "Other versions say the same things in other places, so that operations would be missed.",
            "swagger: \"2.0\"",
            "Convert it to 3.0 or 3.1.",
        ],
    ),
    page(
        "R017",
        "openapi_paths",
        "a file without paths",
        [
            "A file without operations gives no routes, and all of its requests would be unknown.",
            "openapi: 3.1.0 and nothing else",
            "Correct `paths`, or remove the file from `routes`.",
        ],
    ),
    page(
        "R018",
        "openapi_ref",
        "a reference that cannot be followed",
        [
            "References are followed inside of one file, to what is there, and not in circles.",
            "$ref: other.yaml#/paths/x",
            "Put what it names into this file.",
        ],
    ),
    page(
        "R019",
        "openapi_servers",
        "a base path that cannot be settled",
        [
            "One base path holds for the whole file: paths without it would be other ones than those that clients ask for.",
            "servers: [{ url: \"https://{region}.example.com/{base}\" }]",
            "Write `https://host/base` or `/base`, once, for the file.",
        ],
    ),
    page(
        "R020",
        "openapi_operation_id",
        "an operation without an id of its own",
        [
            "The id names the action that policies are asked about. Without one there is no question to ask; one that stands twice asks the same for two things.",
            "get: { summary: list missions }",
            "Give each its own, as in `operationId: missions/list`.",
        ],
    ),
    page(
        "R021",
        "openapi_access",
        "no access",
        [
            "Access is what a role is permitted: `read`, `create`, `update`, `delete` or `manage`.",
            "x-palisade-access: list",
            "Take one of the five, or remove it: the method says it by default.",
        ],
    ),
    page(
        "R022",
        "openapi_platform",
        "a mark that is neither true nor false",
        [
            "`x-palisade-platform` says that an operation is about the platform itself, which takes a grant on every account.",
            "x-palisade-platform: yes please",
            "Write `true`, or remove it.",
        ],
    ),
    page(
        "R023",
        "openapi_websocket",
        "a mark that is neither true nor false",
        [
            "`x-palisade-websocket` lets a GET become a WebSocket, into which nobody looks.",
            "x-palisade-websocket: 1",
            "Write `true`, or remove it.",
        ],
    ),
    page(
        "R024",
        "openapi_extension",
        "an extension of ours that nobody knows",
        [
            "A mark that is misspelt does nothing, and what it was to hold would be open.",
            "x-palisade-acess: read",
            "Take the suggestion, or remove it.",
        ],
    ),
    page(
        "R025",
        "openapi_head",
        "HEAD beside GET",
        [
            "HEAD takes the action of GET, so that its own operation is never asked about.",
            "get: .. and head: .. of one path",
            "Remove `head`.",
        ],
    ),
    page(
        "R026",
        "openapi_parameter",
        "a parameter without name or place",
        [
            "Parameters are looked through for names that mean a tenant. One that does not say its name and place cannot be.",
            "parameters: [{ schema: { type: string } }]",
            "Write both, as in `name: limit` and `in: query`.",
        ],
    ),
    page(
        "R027",
        "openapi_request_body",
        "a body that says no content",
        [
            "Whether a body is JSON, which is read for references, depends on what `content` says.",
            "requestBody: { required: true }",
            "Write `content` with a media type, or remove the body.",
        ],
    ),
    page(
        "R028",
        "openapi_body",
        "a body with too many parts to look through",
        [
            "The properties of bodies are looked through for names that mean a tenant, up to a limit.",
            "a schema that nests hundreds of others",
            "Use fewer schemas in one body.",
        ],
    ),
    page(
        "R029",
        "openapi_body_unread",
        "a body in which references cannot be read",
        [
            "The table of references has names in bodies, and this body is none that can be read for them: a tenant in it would pass.",
            "requestBody: { content: { multipart/form-data: {} } }",
            "Offer `application/json`, or say with `x-palisade-body-references` why it may pass unread.",
        ],
    ),
    page(
        "R030",
        "openapi_body_references",
        "no reason why bodies pass unread",
        [
            "Bodies that nobody reads are shown in `/status` with the reason.",
            "x-palisade-body-references: unchecked",
            "Write `{ unchecked: <a sentence> }`, or remove it.",
        ],
    ),
    page(
        "R031",
        "openapi_timeout",
        "no time",
        [
            "A route may wait from a millisecond to an hour for its service.",
            "x-palisade-timeout: forever",
            "Write it like `500ms`, `5s` or `10m`.",
        ],
    ),
    page(
        "R032",
        "reference_form",
        "no name that means a tenant",
        [
            "A row of `references` says where a name stands, which one, and what it means.",
            "- { in: query, is: workspace }",
            "Write `{ in: query, name: workspaceId, is: workspace }`; in a body, a `name` or a `pointer`.",
        ],
    ),
    page(
        "R033",
        "reference_twice",
        "a name that is in the table already",
        [
            "One name means one thing; with two rows a request that gives it once would give it twice.",
            "two rows with in: query, name: workspaceId",
            "Remove one of them; the message names the line of the other.",
        ],
    ),
    page(
        "R034",
        "route_not_permitted",
        "an operation that nobody may do",
        [
            "No policy of the platform permits it, whoever asks, so that every request of it is denied.",
            "a route with x-palisade-access: manage, and no permit for `manage`",
            "Write a permit for it or for its access, or remove the route.",
        ],
    ),
    page(
        "R035",
        "openapi_context",
        "a context that nobody named",
        [
            "The document says of no operation in which API it is, so the draft takes one for all of them.",
            "paths: { /orders: { get: .. } }",
            "If they are of another, name it: `--openapi dashboard=FILE`.",
        ],
    ),
    page(
        "R036",
        "openapi_pattern",
        "a parameter that may hold more than ids",
        [
            "The gate takes ids in paths, and the document allows more. Such requests would be refused.",
            "{ name: mail, in: path, schema: { type: string, format: email } }",
            "Say what its values hold: `x-palisade-pattern: '[a-z0-9@.-]+'`.",
        ],
    ),
    page(
        "R037",
        "openapi_security",
        "security that the gate does otherwise",
        [
            "The document asks for another kind of credentials, or for none. The gate asks for a token everywhere: no document makes\na route public.",
            "security: []",
            "Declare routes without a token in `palisade.yaml`, with `public: true`; look at what the message says of others.",
        ],
    ),
    page(
        "R038",
        "openapi_webhook",
        "webhooks and callbacks",
        [
            "The service calls these; nobody calls them through the gate, so they get no route.",
            "webhooks: { orderShipped: .. }",
            "Nothing, if that is so.",
        ],
    ),
];
