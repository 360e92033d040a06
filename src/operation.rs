//! What an API can do: the words that routes declare and policies decide about.

use std::sync::{Arc, LazyLock};

/// One of the three APIs of the platform. A token is issued for one, a route belongs to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiContext {
    /// End-user features, inside one workspace.
    App,
    /// Management, inside one workspace.
    Dashboard,
    /// Across accounts, for Principals only.
    Portal,
}

/// What an operation does to its resource: exactly one Cedar action group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    /// Changes nothing.
    Read,
    /// Adds something.
    Create,
    /// Changes something.
    Update,
    /// Removes something.
    Delete,
    /// Everything else; also whatever is not known to be less.
    Manage,
}

/// Which Cedar entity type the resource of an operation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceType {
    /// Something inside a workspace.
    Resource,
    /// Something of an account, outside its workspaces.
    AccountResource,
    /// Something of the platform.
    PlatformResource,
}

/// One thing an API can do, as a Cedar action. Equal names mean equal operations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// `<context>/<operation>`: `dashboard/missions/publish`. The id of the Cedar action.
    pub name: Arc<str>,
    /// Which API it belongs to; the first part of the name.
    pub api_context: ApiContext,
    /// What it does.
    pub access: Access,
    /// Whether it is a read that may name a catalog workspace (RULES 18).
    pub catalog: bool,
    /// What it does it to.
    pub resource: ResourceType,
}

/// The first part of [`catalog_use`]'s name after the context: no route may have it.
pub const CATALOG_USE: &str = "catalog/use";

/// Taking something from a catalog workspace into one's own: a write that names a catalog in its body
/// asks for this, in the catalog, beside its own operation at home (RULES 18). `None`: not in the
/// Portal.
pub fn catalog_use(context: ApiContext) -> Option<&'static Arc<Operation>> {
    static ALL: LazyLock<[Arc<Operation>; 2]> = LazyLock::new(|| {
        [ApiContext::App, ApiContext::Dashboard].map(|context| {
            Arc::new(Operation {
                name: format!("{}/{CATALOG_USE}", context.label()).into(),
                api_context: context,
                access: Access::Read,
                catalog: true,
                resource: ResourceType::Resource,
            })
        })
    });
    ALL.iter()
        .find(|operation| operation.api_context == context)
}

impl ApiContext {
    /// All three.
    pub const ALL: [Self; 3] = [Self::App, Self::Dashboard, Self::Portal];

    /// As claims, action names and labels spell it.
    pub fn label(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Dashboard => "dashboard",
            Self::Portal => "portal",
        }
    }

    /// The reverse of [`ApiContext::label`], exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|context| context.label() == text)
    }
}

impl Access {
    /// All five.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Manage,
    ];

    /// As action groups and `x-palisade-access` spell it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Manage => "manage",
        }
    }

    /// The reverse of [`Access::label`], exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|access| access.label() == text)
    }
}
