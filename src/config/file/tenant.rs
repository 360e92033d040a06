//! A file of the tenant directory.

use super::RoleName;
use crate::config::tenants::Layout;
use crate::config::units::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Where the tenant directory stands.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Tenants {
    Path(#[schemars(length(min = 1))] String),
    Lines(TenantLines),
}

/// One file with an account on each line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantLines {
    /// The file (NDJSON): each line is one account, a JSON object with the keys of a tenant file. A line
    /// that cannot be used is left out and reported; the others serve. A last line
    /// `{"accounts": 2}` says how many accounts stand before it: a file that has others is refused, and after
    /// it one without such a line. At most 256 MiB. A file alone may be named without this key if it ends with
    /// `.ndjson`.
    #[schemars(length(min = 1), extend("examples" = ["tenants.ndjson"]))]
    pub(crate) file: String,
    /// The folder of the accounts' own policies, as `<account>.cedar` or `<account>/*.cedar`. Absent:
    /// no account has any.
    #[serde(default)]
    #[schemars(length(min = 1), extend("examples" = ["overlays/"]))]
    pub(crate) overlays: Option<String>,
}

impl Tenants {
    /// Relative to the folder `base`.
    pub(crate) fn layout(&self, base: &Path) -> Layout {
        match self {
            Self::Path(path) => Layout::of(base.join(path)),
            Self::Lines(lines) => Layout::Lines {
                file: base.join(&lines.file),
                overlays: lines.overlays.as_ref().map(|folder| base.join(folder)),
            },
        }
    }
}

/// One account of the tenant directory (`tenants/<account>.yaml`, or a line of its file).
///
/// Ids are case-sensitive, 1 to 64 of `A-Z a-z 0-9 _ -`. Workspace and client ids are unique over
/// the whole directory. A file that cannot be used is left out and reported; the others serve.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tenant {
    /// The account's id; equals the file's name.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_-]{1,64}$", "examples" = ["acme"]))]
    pub(crate) account: String,
    /// Whether it may be used.
    #[serde(default)]
    pub(crate) status: Status,
    /// The name of its plan, one of `plans` in `palisade.yaml` where it has limits; policies see it.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["enterprise"]))]
    pub(crate) plan: String,
    /// Names of the issuers that may speak for it. Absent: none.
    #[serde(default)]
    #[schemars(extend("examples" = [["cosmos"]]))]
    pub(crate) issuers: Vec<String>,
    /// What its own policies may do: `forbid` only, `permit` too, or `none` (it has no policies).
    #[serde(default)]
    pub(crate) overlay: Overlay,
    /// Tokens from before are void.
    #[serde(default)]
    pub(crate) not_before: NotBefore,
    /// Its workspaces.
    #[serde(default)]
    pub(crate) workspaces: Vec<Workspace>,
}

/// Whether an account or workspace may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    #[default]
    Active,
    Suspended,
    Closed,
}

/// What an account's own policies may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Overlay {
    #[default]
    Forbid,
    Permit,
    None,
}

/// Moments before which tokens are void.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NotBefore {
    /// For everybody of the account.
    pub(crate) account: Option<Moment>,
    /// For single users, by id.
    pub(crate) users: BTreeMap<String, Moment>,
}

/// One workspace.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workspace {
    /// Its id.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_-]{1,64}$", "examples" = ["acme-prod"]))]
    pub(crate) id: String,
    /// Whether it may be used.
    #[serde(default)]
    pub(crate) status: Status,
    /// What kind it is: policies see it, and `catalog` lets `shared_with` read it.
    #[serde(default = "kind")]
    #[schemars(length(min = 1, max = 64), extend("examples" = ["custom", "edu", "play", "catalog"]))]
    pub(crate) r#type: String,
    /// Its own plan. Absent: the account's.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub(crate) plan: Option<String>,
    /// Names of features, for policies.
    #[serde(default)]
    pub(crate) features: Vec<String>,
    /// Catalog workspaces that it may read, where their owners share them with it.
    #[serde(default)]
    pub(crate) catalogs: Vec<String>,
    /// Workspaces that may read this one, if it is a catalog.
    #[serde(default)]
    pub(crate) shared_with: Vec<String>,
    /// Clients through which its users log in.
    #[serde(default)]
    pub(crate) clients: Vec<String>,
    /// Clients that are callers themselves: an id, or an id with a role.
    #[serde(default)]
    pub(crate) machine_clients: Vec<MachineClient>,
    /// Its users, as far as machine clients may act for them. Where it is given, they act for these and
    /// nobody else, and policies are asked about the user too. Absent: nobody verifies whom they name.
    #[serde(default)]
    pub(crate) users: Option<Vec<Member>>,
}

/// A user whom machine clients may act for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    /// The user's id.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_-]{1,64}$", "examples" = ["u-123"]))]
    pub(crate) id: String,
    /// Whether anybody may act for it.
    #[serde(default)]
    pub(crate) status: Status,
    /// `<issuer>|<sub>`, for users of an issuer that does not share the platform's user ids.
    #[serde(default)]
    #[schemars(length(min = 3, max = 320), extend("examples" = ["partner|248289761001"]))]
    pub(crate) subject: Option<String>,
    /// Its roles, in this workspace or in the account.
    #[serde(default)]
    pub(crate) roles: Vec<RoleName>,
    /// Its groups, without the account.
    #[serde(default)]
    #[schemars(extend("examples" = [["contractors"]]))]
    pub(crate) groups: Vec<String>,
}

/// A client that is a caller itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum MachineClient {
    Id(String),
    WithRole(MachineClientRole),
}

/// A client with its role in the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineClientRole {
    /// The client's id.
    pub(crate) id: String,
    /// Its role. Absent: none.
    #[serde(default)]
    pub(crate) role: Option<WorkspaceRole>,
}

/// A role in one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WorkspaceRole {
    Viewer,
    Editor,
    Admin,
}

fn kind() -> String {
    "custom".to_owned()
}
