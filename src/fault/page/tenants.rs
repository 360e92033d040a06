//! Pages for codes of the tenant directory.

use super::{Page, page};

/// All of them. New ones get the next number.
pub(super) const PAGES: [Page; 20] = [
    page(
        "T001",
        "tenant_file_name",
        "the account is not the one that the file is named after",
        [
            "A file `acme.yaml` holds the account `acme`. One that says another would put an account in where nobody looks for it.",
            "account: acme2 in tenants/acme.yaml",
            "Rename the file, or correct the id.",
        ],
    ),
    page(
        "T002",
        "tenant_bad_id",
        "no id",
        [
            "Ids are 1 to 64 of A-Z a-z 0-9 _ -, and case counts.",
            "account: \"acme corp\"",
            "Correct the id.",
        ],
    ),
    page(
        "T003",
        "tenant_duplicate_id",
        "an id that somebody else has",
        [
            "Accounts, workspaces and clients are unique over the whole directory. Of two that claim one the newcomer is not used: who is served keeps what it has.",
            "two files with the workspace `main`",
            "Give one of the two another id.",
        ],
    ),
    page(
        "T004",
        "tenant_duplicate_user",
        "two users of one id",
        [
            "A machine client that acts for this id could mean either.",
            "users: [{ id: u-1 }, { id: u-1 }]",
            "Keep one of the two.",
        ],
    ),
    page(
        "T005",
        "tenant_bad_subject",
        "no subject of a configured issuer",
        [
            "Where an issuer does not share the platform's user ids, a user is known as `<issuer>|<sub>`.",
            "subject: somebody",
            "Name an issuer of `palisade.yaml`, or leave it out where user ids are shared.",
        ],
    ),
    page(
        "T006",
        "tenant_bad_group",
        "no group",
        [
            "Groups are named without their account: 1 to 64 of A-Z a-z 0-9 _ -.",
            "groups: [acme/contractors]",
            "Write it as in `contractors`.",
        ],
    ),
    page(
        "T007",
        "tenant_unknown_issuer",
        "there is no such issuer",
        [
            "An account names the issuers that may speak for it. One that is not configured speaks for nobody.",
            "issuers: [cosmo]",
            "Name an issuer of `palisade.yaml`.",
        ],
    ),
    page(
        "T008",
        "tenant_unknown_plan",
        "the plan has no limits",
        [
            "An account whose plan is not in `plans` has no limit at all.",
            "plan: enterprize",
            "Take one of `plans`, or add it there.",
        ],
    ),
    page(
        "T009",
        "tenant_unreachable",
        "nobody can get in",
        [
            "No issuer may speak for the account, or a workspace has no client through which tokens come.",
            "issuers: []",
            "Add `issuers`, and `clients` or `machine_clients` of the workspace.",
        ],
    ),
    page(
        "T010",
        "tenant_inactive",
        "an account or a workspace that is not active",
        [
            "All of its requests are refused. That may be meant; it is said so that nobody forgets it.",
            "status: suspended",
            "Say `status: active` to let them in.",
        ],
    ),
    page(
        "T011",
        "tenant_overlay",
        "the account's policies cannot be what is written",
        [
            "`overlay` says what an account's own policies may do, and they stand in one place: a file or a folder.",
            "overlay: none beside tenants/acme.cedar",
            "Remove the policies, or say `overlay: forbid` or `permit`; keep one of file and folder.",
        ],
    ),
    page(
        "T012",
        "tenant_stray_file",
        "a file that nobody reads",
        [
            "Policies without an account of that name, or a file of another kind, are not used. They may be somebody's forbids.",
            "tenants/acmee.cedar",
            "Rename it after its account, or move it away.",
        ],
    ),
    page(
        "T013",
        "tenant_line",
        "a line that is not one account",
        [
            "In a file of lines each is one JSON object, whole, up to a limit. One that is cut off is not used.",
            "{\"account\": \"acme\",",
            "Write the account on one line, or give it a file of its own.",
        ],
    ),
    page(
        "T014",
        "tenants_empty",
        "a file of accounts without accounts",
        [
            "Nobody means an empty directory: most often the file is just being written.",
            "tenants.ndjson of 0 bytes",
            "Write the accounts; to replace the file, rename a new one into its place.",
        ],
    ),
    page(
        "T015",
        "tenants_incomplete",
        "a file of accounts without its end",
        [
            "Its last line does not say how many accounts there are, as it did before: what is missing would be locked out.",
            "the file without its last line",
            "Write it whole, and rename it into its place.",
        ],
    ),
    page(
        "T016",
        "tenant_catalog_unknown",
        "there is no such workspace",
        [
            "A workspace wants to read a catalog that does not exist; its reads are refused.",
            "catalogs: [catalog-1]",
            "Correct the id, or remove it.",
        ],
    ),
    page(
        "T017",
        "tenant_catalog_type",
        "a workspace that is no catalog",
        [
            "Only workspaces of type `catalog` can be read from others.",
            "catalogs: [acme-dev]",
            "Say `type: catalog` there, or remove it here.",
        ],
    ),
    page(
        "T018",
        "tenant_catalog_not_shared",
        "a catalog that is not shared",
        [
            "Both sides have to say so: the reader in `catalogs`, the owner in `shared_with`.",
            "catalogs: [catalog-01] while its owner shares it with others",
            "Let the owner add the workspace to `shared_with`, or remove it here.",
        ],
    ),
    page(
        "T019",
        "tenant_shared_with_unknown",
        "shared with nobody",
        [
            "`shared_with` names a workspace that does not exist, and would open the catalog to whoever gets that id later.",
            "shared_with: [acme-prd]",
            "Correct the id, or remove it.",
        ],
    ),
    page(
        "T020",
        "tenant_not_a_catalog",
        "no catalog, and shared",
        [
            "A workspace of another type is read by nobody else, whatever `shared_with` says.",
            "type: custom with shared_with: [acme-prod]",
            "Say `type: catalog`, or remove `shared_with`.",
        ],
    ),
];
