//! A request on its way: counted at its endpoint and its upstream until its reply has ended.

use super::endpoints::{Service, Taken};
use super::error::Error;
use super::member::Member;
use crate::telemetry::UpstreamFailure;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// Held by whoever still reads the reply.
pub(super) struct Flight {
    member: Rc<Member>,
    begun: Instant,
    _admitted: Taken,
}

impl Flight {
    /// The request goes to `member`.
    pub(super) fn new(member: Rc<Member>, admitted: Taken, now: Instant) -> Self {
        member.load.begin();
        Self {
            member,
            begun: now,
            _admitted: admitted,
        }
    }

    pub(super) fn member(&self) -> &Member {
        &self.member
    }

    /// When its latest attempt began.
    pub(super) fn begun(&self) -> Instant {
        self.begun
    }

    /// It goes to `member` now.
    pub(super) fn turn_to(&mut self, member: Rc<Member>, now: Instant) {
        member.load.begin();
        self.member.load.end();
        self.member = member;
        self.begun = now;
    }

    /// A reply has begun that says nothing against the endpoint.
    pub(super) fn answered(&self, now: Instant) {
        let member = &self.member;
        member.load.answered(self.took(now), now);
        Service::succeeded(&member.endpoint);
    }

    /// A reply has begun whose status is a failure.
    pub(super) fn failed_by_status(&self, service: &Service, now: Instant) {
        self.member.load.answered(self.took(now), now);
        service.series.failed(UpstreamFailure::Status);
        service.failed(&self.member.endpoint, now);
    }

    /// No reply came.
    pub(super) fn failed(&self, service: &Service, error: &Error, now: Instant) {
        let Some(cause) = error.failure() else {
            return;
        };
        self.member.load.failed(now);
        service.series.failed(cause);
        service.failed(&self.member.endpoint, now);
    }

    fn took(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.member.load.end();
    }
}
