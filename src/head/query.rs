//! The query.

/// The query, as sent and decoded once.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// As sent, without `?`; `None`: there was no `?`. This is what is forwarded.
    pub raw: Option<std::sync::Arc<str>>,
    /// Keys and values, decoded once (`+` is a space).
    pub pairs: Vec<QueryPair>,
}

/// One `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPair {
    /// The key, decoded.
    pub key: String,
    /// The value, decoded; empty where there was none.
    pub value: String,
}
