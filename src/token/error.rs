//! Why a token is refused.

use crate::reason::Reason;
use crate::tenant::{AccountId, ClientId};

/// Why a token is refused. No variant holds any part of a signature or a whole claim set: what is
/// shown of the token is at most a short, cut piece of its header or one identifying claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than anything that is looked at.
    #[error("the token has {0} bytes")]
    TooLong(usize),
    /// Not a compact JWS, or not in strict base64url.
    #[error("not a compact JWS: {0}")]
    Shape(&'static str),
    /// Header or claims are not one JSON object without doubled names.
    #[error("the {part} are not strict JSON: {cause}")]
    Json {
        /// `header` or `claims`.
        part: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// A header that is not accepted.
    #[error("the header is not accepted: {0}")]
    Header(&'static str),
    /// A registered claim of the wrong type.
    #[error("claim `{0}` has the wrong type")]
    ClaimType(&'static str),
    /// An algorithm outside the closed list, or not one of the issuer's.
    #[error("algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// No issuer of that exact `iss`.
    #[error("issuer `{0}` is not configured")]
    IssuerUnknown(String),
    /// The issuer's good keys hold no key that the token can mean.
    #[error("issuer `{issuer}` has no key {}", kid.as_ref().map_or_else(|| "for tokens without `kid`".to_owned(), |kid| format!("{kid:?}")))]
    KeyUnknown {
        /// The issuer's name.
        issuer: String,
        /// The start of the `kid`.
        kid: Option<String>,
    },
    /// The key is for another algorithm.
    #[error("the key is not for algorithm `{0}`")]
    KeyAlgorithm(&'static str),
    /// The signature does not fit.
    #[error("the signature does not verify")]
    Signature,
    /// No usable keys of the issuer are at hand.
    #[error("no usable keys of issuer `{0}`")]
    KeysUnavailable(String),
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `exp`, which must be there, is not.
    #[error("the token has no `exp`")]
    NoExpiry,
    /// `nbf`, `iat` or `auth_time` lies in the future.
    #[error("`{0}` lies in the future")]
    NotYetValid(&'static str),
    /// Not for us.
    #[error("`aud` holds none of the accepted audiences")]
    Audience,
    /// Not through an accepted client.
    #[error("the client is not one that the issuer's entry accepts")]
    Client,
    /// Not an access token.
    #[error("not an access token: {0}")]
    Kind(&'static str),
    /// Bound to a key that was not proved.
    #[error("the token is bound to a key (`cnf`)")]
    KeyBound,
    /// Issued before the account's or the user's `not_before`, or one cannot tell when.
    #[error("issued before `not_before` of the {0}")]
    Revoked(&'static str),
    /// On the list of revocations.
    #[error("its {0} is revoked")]
    Listed(&'static str),
    /// A claim that decides is absent, empty, of the wrong type, or there where it must not be.
    #[error("claim `{claim}` {problem}")]
    Claim {
        /// Which.
        claim: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The issuer may not speak for the account.
    #[error("issuer `{issuer}` may not speak for account `{account}`")]
    IssuerBinding {
        /// The issuer's name.
        issuer: String,
        /// The claimed account.
        account: AccountId,
    },
    /// The client does not belong to the workspace.
    #[error("client `{}` is not bound to the workspace", client.as_ref().map_or("(none)", |client| client.as_str()))]
    ClientBinding {
        /// The client; `None`: the token names none.
        client: Option<ClientId>,
    },
    /// The workspace is not one of the account's.
    #[error("the claimed workspace is not one of account `{0}`")]
    Outside(AccountId),
}

impl Error {
    /// The code that the client gets.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooLong(_) | Self::Shape(_) | Self::Json { .. } | Self::Header(_) => {
                Reason::TokenMalformed
            }
            Self::ClaimType(_) | Self::NoExpiry => Reason::TokenMalformed,
            Self::Algorithm(_)
            | Self::KeyUnknown { .. }
            | Self::KeyAlgorithm(_)
            | Self::Signature => Reason::TokenSignature,
            Self::IssuerUnknown(_) => Reason::IssuerUnknown,
            Self::KeysUnavailable(_) => Reason::KeysUnavailable,
            Self::Expired => Reason::TokenExpired,
            Self::NotYetValid(_) => Reason::TokenNotYetValid,
            Self::Audience | Self::Client => Reason::AudienceMismatch,
            Self::Kind(_) => Reason::TokenKind,
            Self::KeyBound => Reason::TokenBinding,
            Self::Revoked(_) | Self::Listed(_) => Reason::TokenRevoked,
            Self::Claim { .. } => Reason::ClaimMissing,
            Self::IssuerBinding { .. } => Reason::IssuerNotForAccount,
            Self::ClientBinding { .. } => Reason::ClientNotBound,
            Self::Outside(_) => Reason::OutsideTenant,
        }
    }
}
