//! The endpoints of upstreams: which there are, how they are, which one is next, and how much they take.
//!
//! What all workers share is read by one snapshot and counted by atomics. What one worker alone knows,
//! load and connections, stays with it (`forward::member`).

mod balance;
mod breaker;
mod check;
mod endpoint;
mod idle;
mod keeper;
mod outbound;
mod outlier;
mod resolve;
mod retry_budget;
mod service;
mod settings;

pub(super) use balance::{Choice, Dice, Load, pick};
pub use breaker::Limit;
pub(super) use breaker::{Room, Taken};
pub(super) use endpoint::Endpoint;
pub use endpoint::State;
pub(super) use idle::Rest;
pub use keeper::{Services, keep};
pub(super) use outbound::Open;
pub use resolve::Own;
pub(super) use service::Endpoints;
pub use service::{Service, ServiceStatus};
pub use settings::{Balance, Dns, Ejection, HealthCheck, Limits, Origin, Retries};
