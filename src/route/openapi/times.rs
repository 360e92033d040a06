//! What an operation says of the time that its replies may take.

use super::super::Timeouts;
use super::Reader;
use crate::clock::{TIMEOUT_MAX, TIMEOUT_MIN, read_span};
use crate::document::child;
use serde_json::Value;
use std::time::Duration;

pub(super) const TIMEOUT: &str = "x-palisade-timeout";
pub(super) const IDLE_TIMEOUT: &str = "x-palisade-idle-timeout";

impl Reader<'_> {
    /// Its own times; where it gives none, those of its entry in `routes:` hold.
    pub(super) fn timeouts(&mut self, operation: &Value, at: &str) -> Timeouts {
        Timeouts {
            response: self.time(operation, at, TIMEOUT),
            idle: self.time(operation, at, IDLE_TIMEOUT),
        }
    }

    fn time(&mut self, operation: &Value, at: &str, name: &'static str) -> Option<Duration> {
        let value = operation.get(name)?;
        let read = value.as_str().and_then(read_span);
        let time = read.filter(|time| (TIMEOUT_MIN..=TIMEOUT_MAX).contains(time));
        if time.is_none() {
            let message = format!("`{name}` is not a time between 1ms and 1h");
            let fault = self.error("openapi_timeout", &child(at, name), message);
            let help = "write it like `500ms`, `5s` or `10m`";
            self.faults.push(fault.help(help));
        }
        time
    }
}
