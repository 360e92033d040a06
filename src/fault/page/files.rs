//! Pages for codes of files, of keys and certificates, and of what authors run: cases, proofs, drafts.

use super::{Page, page};

/// Those of files. New ones get the next number.
pub(super) const FILES: [Page; 8] = [
    page(
        "F001",
        "file_unreadable",
        "a file that cannot be read",
        [
            "It is missing, not UTF-8, no file, too large, or this user may not read it. What is not read is not in force, so nothing\nis loaded in part.",
            "issuers: [{ jwks_file: keys/old.json }]   # and no such file",
            "Correct the path or the rights; save texts as UTF-8.",
        ],
    ),
    page(
        "F002",
        "folder_unreadable",
        "a folder that cannot be read",
        [
            "Whether it holds a forbid cannot be known, so nothing is loaded.",
            "policies: polices   # a typing error",
            "Correct the path or the rights.",
        ],
    ),
    page(
        "F003",
        "folder_empty",
        "a folder without files of its kind",
        [
            "A folder that lost its files, or was mounted too late, would take its policies or tenants out of force unseen.",
            "policies/ with a README and no *.cedar",
            "Add a file, or correct the path.",
        ],
    ),
    page(
        "F004",
        "file_name",
        "a name that cannot be used",
        [
            "Names are shown in messages and become parts of ids, so they are UTF-8; and `palisade fmt` lays out files of policies only.",
            "policies/caf\\xe9.cedar",
            "Rename it.",
        ],
    ),
    page(
        "F005",
        "file_not_read",
        "a file where nobody looks",
        [
            "It lies one folder too deep. Whoever wrote it may take it for one in force.",
            "policies/more/extra.cedar",
            "Move it one folder up, or rename it.",
        ],
    ),
    page(
        "F006",
        "file_outside",
        "a link that leads out of its folder",
        [
            "Who may write into the folder could show any file of the machine, or have somebody else's loaded.",
            "policies/extra.cedar -> /home/ana/extra.cedar",
            "Put the file itself there.",
        ],
    ),
    page(
        "F007",
        "file_changing",
        "a file that was written to while it was read",
        [
            "Two looks at it found two texts, and half of each would be neither.",
            "an editor that writes in place, while the gate reloads",
            "Write a new file and rename it, which is one step; the next look reads it.",
        ],
    ),
    page(
        "F008",
        "file_not_written",
        "a file that could not be written",
        [
            "It stays as it was.",
            "palisade fmt, as a user who may not write",
            "Look at the rights to its folder, and whether somebody else wrote to it meanwhile.",
        ],
    ),
];

/// Those of keys and certificates. New ones get the next number.
pub(super) const KEYS: [Page; 12] = [
    page(
        "K001",
        "tls_certificate",
        "no chain of certificates",
        [
            "The file is not PEM, or holds no certificate.",
            "cert: server.key   # the two were mixed up",
            "Name a file of PEM certificates, the server's own first.",
        ],
    ),
    page(
        "K002",
        "tls_key",
        "a key that does not belong to its certificate",
        [
            "The key cannot be read, or is another one's. With it no handshake succeeds.",
            "cert: new.pem and key: old.key",
            "Name the key that the certificate was made with, as PEM, without a password.",
        ],
    ),
    page(
        "K003",
        "tls_chain_order",
        "certificates in another order",
        [
            "Each certificate must be followed by its issuer's. Some clients sort them, others refuse.",
            "the intermediate first, then the server's own",
            "Put the server's own first, then its issuer's, and so on.",
        ],
    ),
    page(
        "K004",
        "tls_client_ca",
        "no authorities of clients",
        [
            "The file has no certificates that may issue those of clients.",
            "client_ca: server.pem   # no authority",
            "Name a file of PEM certificates of authorities.",
        ],
    ),
    page(
        "K005",
        "tls_client_crl",
        "no revocation lists",
        [
            "The file is no PEM of lists, so nobody would know who is revoked.",
            "client_crl: ca.pem",
            "Take the authority's own list, or make one with `openssl ca -gencrl`.",
        ],
    ),
    page(
        "K006",
        "tls_refused",
        "keys and certificates that do not serve",
        [
            "Each part was read, and together they make no server: as a list that no authority of clients signed.",
            "a revocation list of another authority",
            "Make the file anew, or take those that belong together.",
        ],
    ),
    page(
        "K007",
        "certificate_expired",
        "a certificate that has ended",
        [
            "Clients refuse it.",
            "a certificate until last night",
            "Put a renewed one in its place; the gate takes it without a restart.",
        ],
    ),
    page(
        "K008",
        "certificate_not_yet_valid",
        "a certificate of the future",
        [
            "Clients refuse it until then.",
            "a machine whose clock is an hour behind",
            "Look at the clock of this machine, and of the one that issued it.",
        ],
    ),
    page(
        "K009",
        "certificate_expires_soon",
        "a certificate that ends soon",
        [
            "It is told in time.",
            "three weeks left of ninety days",
            "Put a renewed one in its place.",
        ],
    ),
    page(
        "K010",
        "certificate_not_current",
        "a new file that does not hold now",
        [
            "What it replaced still holds, and serves on.",
            "a renewed certificate that begins tomorrow",
            "Look at its dates, and at this machine's clock.",
        ],
    ),
    page(
        "K011",
        "assertion_key",
        "no key to sign with",
        [
            "Assertions are signed with one private key; the file holds none that can be used.",
            "key: { file: public.pem }",
            "Take a private key of a kind that the message names, as PEM, without a password.",
        ],
    ),
    page(
        "K012",
        "assertion_audience",
        "an assertion for nobody, or of nobody",
        [
            "An assertion says for whom it is. With a key and no audience nobody gets one; with an audience and no key nothing is signed.",
            "annotate: { assertion: { key: .. } }   # and no upstream with an audience",
            "Say `audience: urn:api` at the upstreams that verify it, or set `annotate.assertion.key`.",
        ],
    ),
];

/// Those of cases, proofs and drafts. New ones get the next number.
pub(super) const RUNS: [Page; 14] = [
    page(
        "V001",
        "test_none",
        "no cases",
        [
            "`palisade test` would be good without having asked anything.",
            "palisade test policies/test   # a typing error",
            "Write some, as `palisade explain .. --write-test FILE` does, or name their files.",
        ],
    ),
    page(
        "V002",
        "test_fixtures",
        "people that cannot be read",
        [
            "`fixtures` names a file of people.",
            "fixtures: peolpe.yaml",
            "Correct the path, or what the file's own faults say.",
        ],
    ),
    page(
        "V003",
        "test_unknown_person",
        "nobody of that name",
        [
            "`as` names somebody of the file or of its fixtures.",
            "as: anna   # and only ana is there",
            "Take the name that is suggested, or write the person down.",
        ],
    ),
    page(
        "V004",
        "test_request",
        "no request",
        [
            "A case has a request line: a method and a target; with headers and a body, if there are any.",
            "request: /dashboard/v1/missions",
            "Write `GET /dashboard/v1/missions`.",
        ],
    ),
    page(
        "V005",
        "test_unknown_policy",
        "no policy of that name",
        [
            "A case that expects a policy which does not exist can never hold.",
            "policies: [base.viewr]",
            "Take the name that is suggested: its `@id`, or the id that `explain` tells.",
        ],
    ),
    page(
        "V006",
        "test_headers",
        "headers of what is refused",
        [
            "Only what is allowed is forwarded, so only there headers are to be seen.",
            "expect: { decision: deny, headers: { x-palisade-account: acme } }",
            "Remove `headers` and `without`, or expect `allow`.",
        ],
    ),
    page(
        "V007",
        "test_cedar",
        "no case of Cedar's own form",
        [
            "A JSON list is read as Cedar's `run-tests` has it.",
            "[{ \"name\": \"a\" }]",
            "Give each `request`, `entities` and `decision`; the message says which is missing.",
        ],
    ),
    page(
        "V008",
        "test_not_added",
        "a file that takes no further case",
        [
            "`--write-test` keeps everything that a file says, and here that is not possible.",
            "cases: [{ .. }]   # in braces, on one line",
            "Write `cases` as a list with a `-` for each, or name another file.",
        ],
    ),
    page(
        "V009",
        "spec_form",
        "no spec",
        [
            "A spec is a file of permits, named `only-*.cedar` or `never-*.cedar`.",
            "policies/specs/mine.cedar, or a forbid in one",
            "Name it as it is meant, and write permits with `@id`, `@description` and `@reason` only.",
        ],
    ),
    page(
        "V010",
        "proof_form",
        "nothing that can be proved",
        [
            "What was asked for is not there, or the two that are to be compared have no question in common.",
            "palisade prove overlays --account initech   # which has none",
            "Do what the message says.",
        ],
    ),
    page(
        "V011",
        "openapi_stray",
        "a part of a document that nothing comes of",
        [
            "The draft leaves it out, or something stands where something else is expected.",
            "paths: { /x: { gett: {} } }",
            "Correct it, or leave it: it is told so that nobody misses it later.",
        ],
    ),
    page(
        "V012",
        "openapi_duplicate_template",
        "two paths that are one",
        [
            "They differ in the names of their parameters only, so that no request tells them apart.",
            "/x/{a} and /x/{b}",
            "Write them as one.",
        ],
    ),
    page(
        "V013",
        "init_case",
        "a drafted case that does not hold",
        [
            "The operation is not answered as drafted policies intend. It is left out of the tests.",
            "an operation whose path no request can have",
            "Ask `palisade explain` about the operation before you rely on it.",
        ],
    ),
    page(
        "V014",
        "init_failed",
        "a draft that could not be tried",
        [
            "The draft is tried before it is written, and the machine did not let it.",
            "a process that may not start another thread",
            "Give the process more memory or threads.",
        ],
    ),
];
