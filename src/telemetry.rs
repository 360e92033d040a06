//! What the gate tells about itself: metrics, the audit record and the log.
//!
//! Everything here takes ids and static labels, never requests: whoever calls has already decided
//! what may be told. No token ever gets here.

pub mod audit;
mod escape;
pub mod log;
pub mod metrics;

pub use audit::{Audit, Record, Reservation};
pub use metrics::{
    Compared, Crowded, Cut, DecisionSource, Dropped, LimitScope, Metrics, PolicyCounter, Present,
    ProxyFault, SeriesDoc, TransparentFault, TunnelEnd, UpstreamFailure, UpstreamSeries,
};
