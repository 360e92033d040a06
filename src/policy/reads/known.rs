//! The names that a question can have, as numbers: a key compares names for each atom of each request,
//! and texts would be most of its cost.
//!
//! They are those of the schema's core, whatever operations the API has; any other is kept as text, and
//! leads nowhere.

/// A name that a policy writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word<K> {
    /// One that a question can have.
    Known(K),
    /// Any other.
    Other(Box<str>),
}

/// A set of names.
pub trait Names: Copy + Sized {
    /// The name that is so written.
    fn of(text: &str) -> Option<Self>;

    /// As the schema and policies write it.
    fn text(self) -> &'static str;
}

impl<K: Names> Word<K> {
    /// As policies write it.
    pub fn text(&self) -> &str {
        match self {
            Self::Known(known) => known.text(),
            Self::Other(text) => text,
        }
    }
}

impl<K: Names> From<&str> for Word<K> {
    fn from(text: &str) -> Self {
        K::of(text).map_or_else(|| Self::Other(text.into()), Self::Known)
    }
}

macro_rules! names {
    (
        $(#[$doc:meta])*
        $name:ident { $($known:ident = $text:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each is what its text says")]
        pub enum $name {
            $($known),+
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$known),+];
        }

        impl Names for $name {
            fn of(text: &str) -> Option<Self> {
                Some(match text {
                    $($text => Self::$known,)+
                    _ => return None,
                })
            }

            fn text(self) -> &'static str {
                match self {
                    $(Self::$known => $text),+
                }
            }
        }
    };
}

names! {
    /// The name of an attribute, or of a record's field.
    Attribute {
        Account = "account",
        AccountRole = "accountRole",
        Active = "active",
        Actor = "actor",
        Admin = "admin",
        All = "all",
        Bearer = "bearer",
        Catalogs = "catalogs",
        Certificate = "certificate",
        Contexts = "contexts",
        Dns = "dns",
        Editor = "editor",
        Email = "email",
        Features = "features",
        Grant = "grant",
        Host = "host",
        Http = "http",
        Id = "id",
        Ip = "ip",
        Kind = "kind",
        Member = "member",
        Method = "method",
        Mfa = "mfa",
        Now = "now",
        Owner = "owner",
        Path = "path",
        Plan = "plan",
        PrincipalId = "principalId",
        Reason = "reason",
        Role = "role",
        Scopeless = "scopeless",
        Scopes = "scopes",
        Spiffe = "spiffe",
        Tenant = "tenant",
        Until = "until",
        Viewer = "viewer",
        Workspace = "workspace",
        Workspaces = "workspaces",
    }
}

names! {
    /// An entity type.
    Kind {
        Account = "Tenancy::Account",
        AccountResource = "Tenancy::AccountResource",
        ApiContext = "Tenancy::ApiContext",
        Group = "Tenancy::Group",
        PlatformResource = "Tenancy::PlatformResource",
        PlatformRole = "Tenancy::PlatformRole",
        Principal = "Tenancy::Principal",
        Resource = "Tenancy::Resource",
        Role = "Tenancy::Role",
        Scope = "Tenancy::Scope",
        Service = "Tenancy::Service",
        User = "Tenancy::User",
        Workspace = "Tenancy::Workspace",
    }
}
