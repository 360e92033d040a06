//! What became of requests: one dense table of counters, so that counting hashes nothing.

use super::family::{Builder, stable};
use super::{DURATION_BUCKETS, SHORT_BUCKETS};
use crate::operation::ApiContext;
use crate::reason::{Outcome, Reason};
use prometheus::{Histogram, IntCounter, IntCounterVec};
use std::sync::OnceLock;
use std::time::Duration;

/// Statuses that have a series of their own; everything else is `other` (RULES 49).
const STATUS_MIN: u16 = 100;
const STATUS_MAX: u16 = 599;
const STATUSES: usize = (STATUS_MAX - STATUS_MIN + 1) as usize;

/// What a request is counted under whose client went away before the reply, as nginx has it.
const CLIENT_CLOSED: u16 = 499;

/// The three contexts, and none.
const CONTEXTS: usize = ApiContext::ALL.len() + 1;

/// One row per context and outcome, one column per status and one for `other`. Columns are made
/// when they are first counted: what an upstream answers is not known at start.
#[derive(Debug)]
pub(super) struct Requests {
    family: IntCounterVec,
    cells: Box<[OnceLock<IntCounter>]>,
    refusals: Vec<IntCounter>,
    total: Histogram,
    overhead: Histogram,
    upstream: Histogram,
}

impl Requests {
    pub(super) fn new(build: &mut Builder) -> Self {
        let family = build.counters(stable(
            "palisade_requests_total",
            &["api_context", "outcome", "code"],
            "Requests answered, by API context of the route (`none`: no route was found), outcome and HTTP status (`other`: no reply, or not 100-599).",
        ));
        let refused = build.counters(stable(
            "palisade_refusals_total",
            &["reason"],
            "Requests refused, by the reason code of the reply.",
        ));
        let requests = Self {
            family,
            cells: (0..CONTEXTS * Outcome::ALL.len() * (STATUSES + 1))
                .map(|_| OnceLock::new())
                .collect(),
            refusals: Reason::ALL
                .iter()
                .map(|reason| refused.with_label_values(&[reason.code()]))
                .collect(),
            total: build.histogram(
                stable(
                    "palisade_request_duration_seconds",
                    &[],
                    "Time from the end of a request's head to the head of its reply.",
                ),
                DURATION_BUCKETS,
            ),
            overhead: build.histogram(
                stable(
                    "palisade_overhead_duration_seconds",
                    &[],
                    "The part of the request's time that Palisade itself took: all but waiting for the upstream.",
                ),
                SHORT_BUCKETS,
            ),
            upstream: build.histogram(
                stable(
                    "palisade_upstream_duration_seconds",
                    &[],
                    "Time from forwarding a request to the head of the upstream's response.",
                ),
                DURATION_BUCKETS,
            ),
        };
        requests.create_known();
        requests
    }

    /// The series that every gate has, whatever its upstreams answer: a rate over a series that
    /// appears with its first count misses that count.
    fn create_known(&self) {
        let contexts = ApiContext::ALL.into_iter().map(Some).chain([None]);
        for context in contexts {
            for reason in Reason::ALL {
                self.cell(context, reason.outcome(), reason.status());
            }
            self.cell(context, Outcome::Aborted, CLIENT_CLOSED);
            if context.is_some() {
                self.cell(context, Outcome::Allow, 200);
            }
        }
    }

    pub(super) fn count(
        &self,
        context: Option<ApiContext>,
        outcome: Outcome,
        status: u16,
        took: (Duration, Duration),
    ) {
        if let Some(cell) = self.cell(context, outcome, status) {
            cell.inc();
        }
        self.total.observe(took.0.as_secs_f64());
        self.overhead.observe(took.1.as_secs_f64());
    }

    pub(super) fn refusal(&self, reason: Reason) {
        if let Some(counter) = self.refusals.get(reason as usize) {
            counter.inc();
        }
    }

    pub(super) fn upstream(&self, took: Duration) {
        self.upstream.observe(took.as_secs_f64());
    }

    fn cell(
        &self,
        context: Option<ApiContext>,
        outcome: Outcome,
        status: u16,
    ) -> Option<&IntCounter> {
        let known = (STATUS_MIN..=STATUS_MAX).contains(&status);
        let column = if known {
            usize::from(status - STATUS_MIN)
        } else {
            STATUSES
        };
        let row = context.map_or(ApiContext::ALL.len(), |context| context as usize)
            * Outcome::ALL.len()
            + outcome as usize;
        let cell = self.cells.get(row * (STATUSES + 1) + column)?;
        Some(cell.get_or_init(|| {
            let context = context.map_or("none", ApiContext::label);
            let code = if known {
                status.to_string()
            } else {
                "other".to_owned()
            };
            self.family
                .with_label_values(&[context, outcome.label(), &code])
        }))
    }
}
