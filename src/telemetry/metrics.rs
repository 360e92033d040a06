//! Every series that Palisade exposes, in one value.
//!
//! Label sets are closed, and created at start where they are known (RULES 49). What a request
//! counts is reached by array index: nothing is hashed, formatted or allocated.
//!
//! Conservation: `requests_total` = audit records written + dropped; decision cache hits + misses =
//! the count of `decision_duration_seconds`.

mod accounts;
mod counts;
mod cuts;
mod doors;
mod family;
mod names;
mod process;
mod requests;
mod shadow;
mod streams;
mod tls;
mod told;
mod tunnels;
mod upstreams;

pub use accounts::{ACCOUNTS_MAX, Requests};
pub use cuts::{Crowded, Cut};
pub use doors::TransparentFault;
pub use family::{SeriesDoc, Stability};
pub use names::PolicyCounter;
pub use shadow::Compared;
pub use tls::CertificateEnd;
pub use told::CacheCounts;
pub use tunnels::TunnelEnd;
pub use upstreams::{UpstreamFailure, UpstreamSeries};

use crate::clock::Timestamp;
use crate::lease::Ended;
use crate::operation::ApiContext;
use crate::reason::{Outcome, Reason};
use crate::tls::Failure;
use counts::{Decisions, Records, Rules, Tokens, Traffic};
use cuts::Cuts;
use family::{Builder, stable};
use prometheus::proto::MetricType;
use prometheus::{IntGauge, Registry, TextEncoder};
use std::sync::Arc;
use std::time::Duration;

/// The Content-Type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// From what a proxied request on loopback takes, to what nobody waits for.
const DURATION_BUCKETS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// What Palisade itself takes.
const SHORT_BUCKETS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.5,
];

/// A cached decision takes about a microsecond.
const DECISION_BUCKETS: &[f64] = &[
    0.000_001,
    0.000_002_5,
    0.000_005,
    0.000_01,
    0.000_025,
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.002_5,
    0.005,
    0.01,
    0.1,
];

/// Where a decision came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecisionSource {
    /// Remembered.
    Cache,
    /// Policies were evaluated.
    Evaluated,
}

/// What a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitScope {
    /// All requests of one network address.
    Peer,
    /// Signature checks for one network address.
    Signatures,
    /// One account.
    Account,
    /// One workspace.
    Workspace,
    /// One user or machine client.
    Caller,
    /// One Principal, who has no account.
    Principal,
}

/// Why a connection was closed that had to begin with a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyFault {
    /// The peer is not one that may say who the client is.
    Untrusted,
    /// Something else came.
    Missing,
    /// It says nothing that can be read.
    Malformed,
    /// It did not come in time.
    Late,
}

/// What is left out of a head that is larger than its upstream takes, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// `baggage`.
    Baggage,
    /// `tracestate`.
    Tracestate,
    /// `sec-ch-*`.
    ClientHints,
    /// `dnt`, `priority` and their like.
    Preferences,
    /// `user-agent`.
    UserAgent,
    /// `cookie`.
    Cookie,
}

/// Something that is there until this is dropped, counted in a gauge.
#[derive(Debug)]
#[must_use = "dropping it ends the count"]
pub struct Present(IntGauge);

/// All series. One per process, shared; tests make their own.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    docs: Vec<SeriesDoc>,
    requests: requests::Requests,
    accounts: accounts::Accounts,
    policies: names::Policies,
    keys: names::Keys,
    tokens: Tokens,
    decisions: Decisions,
    rules: Rules,
    shadow: shadow::Shadow,
    records: Records,
    traffic: Traffic,
    doors: doors::Doors,
    streams: streams::Streams,
    tls: tls::Tls,
    tunnels: tunnels::Tunnels,
    upstreams: upstreams::Upstreams,
    cuts: Cuts,
    process: process::Process,
}

impl Metrics {
    /// Makes every family and every series whose labels are known.
    pub fn new() -> Arc<Self> {
        let mut build = Builder::default();
        build
            .gauges(stable(
                "palisade_build_info",
                &["version"],
                "Always 1; the label is Palisade's version.",
            ))
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Arc::new(Self {
            requests: requests::Requests::new(&mut build),
            accounts: accounts::Accounts::new(&mut build),
            policies: names::Policies::new(&mut build),
            keys: names::Keys::new(&mut build),
            tokens: Tokens::new(&mut build),
            decisions: Decisions::new(&mut build),
            rules: Rules::new(&mut build),
            shadow: shadow::Shadow::new(&mut build),
            records: Records::new(&mut build),
            traffic: Traffic::new(&mut build),
            doors: doors::Doors::new(&mut build),
            streams: streams::Streams::new(&mut build),
            tls: tls::Tls::new(&mut build),
            tunnels: tunnels::Tunnels::new(&mut build),
            upstreams: upstreams::Upstreams::new(&mut build),
            cuts: Cuts::new(&mut build),
            process: process::Process::new(&mut build),
            registry: build.registry,
            docs: build.docs,
        })
    }

    /// What the reference page lists, by name.
    pub fn reference() -> Vec<SeriesDoc> {
        let mut docs = Self::new().docs.clone();
        docs.sort_unstable_by_key(|doc| doc.name);
        docs
    }

    /// A request ended: once for each, whatever became of it. `status` 499: the client
    /// went away before the reply.
    /// `overhead` is `total` without the wait for the upstream.
    #[expect(
        clippy::too_many_arguments,
        reason = "three labels and two durations, of types that cannot be mixed up"
    )]
    pub fn request(
        &self,
        context: Option<ApiContext>,
        outcome: Outcome,
        status: u16,
        total: Duration,
        overhead: Duration,
    ) {
        self.requests
            .count(context, outcome, status, (total, overhead));
    }

    /// A request was refused; beside [`Metrics::request`].
    pub fn refusal(&self, reason: Reason) {
        self.requests.refusal(reason);
    }

    /// An upstream sent the head of its response.
    pub fn upstream(&self, took: Duration) {
        self.requests.upstream(took);
    }

    /// A request of a caller that is bound to `account` ended. Never for a claim that nothing holds
    /// true: strangers could take the places of the accounts that have series of their own.
    pub fn account_request(&self, account: &str, outcome: Outcome) {
        self.accounts.count(account, outcome);
    }

    /// A question was decided: counts the hit or miss of the decision cache too, so that hits and
    /// misses always add up to the decisions. What may not be cached is a miss.
    pub fn decision(&self, source: DecisionSource, took: Duration) {
        match source {
            DecisionSource::Cache => self.decisions.hits.inc(),
            DecisionSource::Evaluated => self.decisions.misses.inc(),
        }
        if let Some(durations) = self.decisions.durations.get(source as usize) {
            durations.observe(took.as_secs_f64());
        }
    }

    /// `count` decisions left the cache.
    pub fn decision_cache_evictions(&self, count: u64) {
        self.decisions.evictions.inc_by(count);
    }

    /// How many decisions are in the cache.
    pub fn decision_cache_entries(&self, count: u64) {
        self.decisions.entries.set(signed(count));
    }

    /// A remembered decision was asked for afresh.
    pub fn decision_cache_audit(&self) {
        self.decisions.audits.inc();
    }

    /// It was not what the policies say.
    pub fn decision_cache_mismatch(&self) {
        self.decisions.mismatches.inc();
    }

    /// A decision was not remembered: its account has filled its share.
    pub fn decision_cache_share_exceeded(&self) {
        self.decisions.shares_exceeded.inc();
    }

    /// An `@isolation` guard forbade what the isolation rules had passed (RULES 38).
    pub fn isolation_disagreement(&self) {
        self.decisions.disagreements.inc();
    }

    /// Names the platform policies; those named before and not now lose their series.
    pub fn register_policies<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        self.policies.register(names);
    }

    /// The counter of a registered platform policy, to keep beside the policy.
    pub fn policy_counter(&self, policy: &str) -> Option<PolicyCounter> {
        self.policies.get(policy)
    }

    /// Verified claims were found in the cache.
    pub fn token_cache_hit(&self) {
        self.tokens.hits.inc();
    }

    /// A token had to be verified.
    pub fn token_cache_miss(&self) {
        self.tokens.misses.inc();
    }

    /// `count` tokens left the cache.
    pub fn token_cache_evictions(&self, count: u64) {
        self.tokens.evictions.inc_by(count);
    }

    /// How many tokens are in the cache.
    pub fn token_cache_entries(&self, count: u64) {
        self.tokens.entries.set(signed(count));
    }

    /// Names the configured issuers; those named before and not now lose their series.
    pub fn register_issuers<'a>(&self, issuers: impl IntoIterator<Item = &'a str>) {
        self.keys.register(issuers);
    }

    /// An attempt to fetch a registered issuer's keys ended.
    pub fn jwks_refresh(&self, issuer: &str, ok: bool, at: Timestamp) {
        self.keys.refreshed(issuer, ok, at);
    }

    /// An attempt to load the rules ended. Not `ok`: `revision` is the one that still serves.
    pub fn ruleset(&self, revision: &str, ok: bool, at: Timestamp) {
        let ended = if ok {
            &self.rules.loaded
        } else {
            &self.rules.failed
        };
        ended.inc();
        self.rules.successful.set(i64::from(ok));
        self.rules.at.set(at.millis().div_euclid(1000));
        self.rules.info.reset();
        self.rules.info.with_label_values(&[revision]).set(1);
    }

    /// How many accounts' own policies are set aside.
    pub fn overlays_quarantined(&self, count: u64) {
        self.rules.quarantined.set(signed(count));
    }

    /// An account's own policies took too long.
    pub fn overlay_slow(&self) {
        self.rules.slow.inc();
    }

    /// Whether policies that are to be are asked, and how many errors are in their files.
    pub fn shadow(&self, loaded: bool, faults: u64) {
        self.shadow.loaded.set(i64::from(loaded));
        self.shadow.faults.set(signed(faults));
    }

    /// A decision was put to policies that are to be.
    pub fn shadow_compared(&self, what: Compared) {
        self.shadow.count(what);
    }

    /// A decision was not put to them: too many wait.
    pub fn shadow_dropped(&self) {
        self.shadow.dropped.inc();
    }

    /// A limit refused a request.
    pub fn rate_limited(&self, scope: LimitScope) {
        if let Some(counter) = self.traffic.limited.get(scope as usize) {
            counter.inc();
        }
    }

    /// A connection was closed because of its PROXY header, or for want of one.
    pub fn proxy_refused(&self, fault: ProxyFault) {
        if let Some(counter) = self.traffic.proxy_refused.get(fault as usize) {
            counter.inc();
        }
    }

    /// A TLS handshake of a client ended well; `resumed`: from an earlier connection of it.
    pub fn tls_handshake(&self, resumed: bool) {
        self.tls.handshake(resumed);
    }

    /// A client got no connection.
    pub fn tls_failed(&self, failure: Failure) {
        self.tls.failed(failure);
    }

    /// Changed certificates were looked at. Not `ok`: former ones serve on.
    pub fn tls_loaded(&self, ok: bool) {
        self.tls.loaded(ok);
    }

    /// When certificates of `kinds` end; those named before and not now lose their series.
    pub fn certificates_end<'a>(
        &self,
        kinds: &[&'static str],
        ends: impl IntoIterator<Item = CertificateEnd<'a>>,
    ) {
        self.tls.ends(kinds, ends);
    }

    /// A client's connection was cut.
    pub fn cut(&self, cut: Cut) {
        self.cuts.count(cut);
    }

    /// A client got no connection.
    pub fn connection_refused(&self, crowded: Crowded) {
        self.cuts.refused(crowded);
    }

    /// A client connected.
    pub fn connection(&self) -> Present {
        Present::new(&self.traffic.connections)
    }

    /// A request began.
    pub fn in_flight(&self) -> Present {
        Present::new(&self.traffic.in_flight)
    }

    /// How many requests have begun and not ended.
    pub fn in_flight_now(&self) -> u64 {
        u64::try_from(self.traffic.in_flight.get()).unwrap_or_default()
    }

    /// A head was refused before it became a request (RULES 41).
    pub fn malformed_head(&self) {
        self.traffic.malformed.inc();
    }

    /// The series of a configured upstream, to keep beside it.
    pub fn upstream_series(&self, name: &str) -> UpstreamSeries {
        self.upstreams.series(name)
    }

    /// Names the upstreams that serve; those named before and not now lose their series.
    pub fn keep_upstreams<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        self.upstreams.keep(names);
    }

    /// A connection to an upstream was opened.
    pub fn upstream_connection(&self) -> Present {
        self.traffic.upstream_opened.inc();
        Present::new(&self.traffic.upstream_connections)
    }

    /// A connection to an upstream could not be opened.
    pub fn upstream_connect_failed(&self) {
        self.traffic.upstream_failed.inc();
    }

    /// A stream opened: an upload, a reply that is passed on as it comes, a tunnel.
    pub fn stream(&self) -> Present {
        Present::new(&self.streams.open)
    }

    /// A stream ended.
    pub fn stream_ended(&self, how: Ended) {
        self.streams.ended(how);
    }

    /// A head went without that, so that its upstream takes it.
    pub fn upstream_header_dropped(&self, what: Dropped) {
        if let Some(counter) = self.traffic.upstream_dropped.get(what as usize) {
            counter.inc();
        }
    }

    /// `count` audit records are on disk, or wherever they go.
    pub(super) fn audit_written(&self, count: u64) {
        self.records.written.inc_by(count);
    }

    /// The end of a stream is recorded.
    pub fn audit_stream_end(&self) {
        self.records.stream_ends.inc();
    }

    /// `count` audit records are lost.
    pub(super) fn audit_dropped(&self, count: u64) {
        self.records.dropped.inc_by(count);
    }

    /// How many audit records have not been written yet.
    pub(super) fn audit_queued(&self, count: usize) {
        self.records
            .queued
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// An attempt to write audit records failed.
    pub(super) fn audit_write_error(&self) {
        self.records.write_errors.inc();
    }

    /// Everything, in the text exposition format 0.0.4.
    pub fn render(&self) -> String {
        self.process.refresh();
        let mut text = String::with_capacity(32 * 1024);
        if let Err(error) = TextEncoder.encode_utf8(&self.registry.gather(), &mut text) {
            // Half a page would look like series that vanished.
            tracing::error!(%error, "metrics cannot be encoded");
            text.clear();
        }
        text
    }

    /// The value of one series now: of a histogram, how often it was observed. `None`: no such
    /// series. For tests and diagnostics; it walks everything.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name)?;
        let metric = family.get_metric().iter().find(|metric| {
            metric.get_label().len() == labels.len()
                && labels.iter().all(|(name, value)| {
                    let mut own = metric.get_label().iter();
                    own.any(|label| label.name() == *name && label.value() == *value)
                })
        })?;
        Some(match family.get_field_type() {
            MetricType::COUNTER => metric.get_counter().get_value(),
            MetricType::GAUGE => metric.get_gauge().get_value(),
            MetricType::HISTOGRAM | MetricType::SUMMARY | MetricType::UNTYPED => {
                #[expect(clippy::cast_precision_loss, reason = "counts below 2^52 are exact")]
                let count = metric.get_histogram().get_sample_count() as f64;
                count
            }
        })
    }
}

impl DecisionSource {
    const ALL: [Self; 2] = [Self::Cache, Self::Evaluated];

    fn label(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Evaluated => "evaluated",
        }
    }
}

impl LimitScope {
    const ALL: [Self; 6] = [
        Self::Peer,
        Self::Signatures,
        Self::Account,
        Self::Workspace,
        Self::Caller,
        Self::Principal,
    ];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Signatures => "signatures",
            Self::Account => "account",
            Self::Workspace => "workspace",
            Self::Caller => "caller",
            Self::Principal => "principal",
        }
    }
}

impl ProxyFault {
    const ALL: [Self; 4] = [Self::Untrusted, Self::Missing, Self::Malformed, Self::Late];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Late => "late",
        }
    }
}

impl Dropped {
    /// In the order in which they go.
    pub const ALL: [Self; 6] = [
        Self::Baggage,
        Self::Tracestate,
        Self::ClientHints,
        Self::Preferences,
        Self::UserAgent,
        Self::Cookie,
    ];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Baggage => "baggage",
            Self::Tracestate => "tracestate",
            Self::ClientHints => "client_hints",
            Self::Preferences => "preferences",
            Self::UserAgent => "user_agent",
            Self::Cookie => "cookie",
        }
    }
}

impl Present {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
