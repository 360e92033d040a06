//! One request's record. Its drop writes what has not been written: a request that is cancelled or
//! that panics leaves exactly one record and one metric update too (RULES 41).

use super::decide::Learnt;
use super::generation::Generation;
use super::refusal::{Hint, Refusal};
use super::serve::Shared;
use crate::clock::Timestamp;
use crate::decision::{Answered, Permit, Question, Shadow, ShadowAsked};
use crate::head::{Head, Peer};
use crate::operation::{Access, ApiContext, Operation};
use crate::policy::Store;
use crate::reason::{Outcome, Reason};
use crate::route::RouteSet;
use crate::scope::Scope;
use crate::telemetry::audit::{Lane, Record, Reservation};
use crate::tenant::{AccountId, ClientId, Role, WorkspaceId};
use crate::token::Caller;
use http::Method;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a read waits for room in the audit queue before it goes unrecorded (RULES 42).
const AUDIT_WAIT: Duration = Duration::from_millis(50);

/// As many as there are of any kind of caller; none is held twice.
const ROLES_MAX: usize = Role::ALL.len();

/// How much of what was asked is recorded: what is longer (a caller in a thousand groups) is not, and cannot be asked
/// again.
const QUESTIONS_BYTES_MAX: usize = 64 * 1024;

/// How much of a reference is recorded.
const REFERENCE_CHARS_MAX: usize = 80;

/// The status of a request whose client went away, as nginx has it.
const CLIENT_CLOSED: u16 = 499;

/// What is to be told of one request.
pub(super) struct Journal<'a> {
    shared: &'a Shared,
    request_id: &'a str,
    revision: &'a str,
    /// What is to be recorded of the questions.
    recorded: Option<&'a Store>,
    shadow: Option<&'a Arc<Shadow>>,
    peer: &'a Peer,
    now: Timestamp,
    started: Instant,
    sent: Option<Instant>,
    upstream: Option<Duration>,
    method: Option<Method>,
    head: Option<Arc<Head>>,
    learnt: Learnt,
    slot: Slot,
    closed: bool,
}

/// Where the record goes.
enum Slot {
    /// Not settled yet: taken when the record is written, if there is room.
    Later,
    /// Reserved before forwarding.
    Reserved(Reservation),
    /// There was no room; counted as dropped already.
    Lost,
}

/// How a request ended.
struct End<'e> {
    outcome: Outcome,
    reason: Option<Reason>,
    status: u16,
    detail: &'e str,
    total: Duration,
    overhead: Duration,
}

impl<'a> Journal<'a> {
    /// Opens the record of a request that has just arrived.
    pub(super) fn open(
        shared: &'a Shared,
        request_id: &'a str,
        peer: &'a Peer,
        now: Timestamp,
        generation: &'a Generation,
    ) -> Self {
        Self {
            shared,
            request_id,
            revision: &generation.rules.revision,
            recorded: generation
                .record_questions
                .then_some(&*generation.rules.store),
            shadow: generation.shadow.as_ref(),
            peer,
            now,
            started: shared.clock.instant(),
            sent: None,
            upstream: None,
            method: None,
            head: None,
            learnt: Learnt::default(),
            slot: Slot::Later,
            closed: false,
        }
    }

    pub(super) fn request_id(&self) -> &'a str {
        self.request_id
    }

    /// Whether a credential was presented, good or bad.
    pub(super) fn token_sent(&self) -> bool {
        let head = self.head.as_ref();
        head.is_some_and(|head| !matches!(head.credential, crate::head::Credential::None))
    }

    pub(super) fn head(&mut self, method: &Method, head: Arc<Head>) {
        self.method = Some(method.clone());
        self.head = Some(head);
    }

    /// Where the steps put what they learn.
    pub(super) fn learnt(&mut self) -> &mut Learnt {
        &mut self.learnt
    }

    /// The set of the route that was found.
    pub(super) fn route_set(&self) -> Option<Arc<RouteSet>> {
        let target = self.learnt.target.as_ref()?;
        Some(Arc::clone(&target.route.set))
    }

    /// From here on the upstream has the request.
    pub(super) fn sent(&mut self) {
        self.sent = Some(self.shared.clock.instant());
    }

    /// The upstream answered, or failed to.
    pub(super) fn answered(&mut self) {
        let took = self.sent.map(|sent| sent.elapsed()).unwrap_or_default();
        self.shared.metrics.upstream(took);
        self.upstream = Some(took);
    }

    /// Takes the record's place in the queue before anything is forwarded. With the queue full, a plain
    /// read waits a moment, then goes unrecorded and is counted; everything else is refused.
    pub(super) async fn reserve(&mut self, permit: &Permit) -> Result<(), Refusal> {
        if let Ok(slot) = self.shared.audit.reserve(Lane::Known) {
            self.slot = Slot::Reserved(slot);
            return Ok(());
        }
        let operation = &permit.target().route.operation;
        let scope = permit.scope();
        let for_others = scope.acting().is_some() || scope.grant().is_some();
        if is_recorded_or_refused(operation, for_others) {
            return Err(Refusal::new(Reason::Overloaded, "the audit queue is full"));
        }
        let audit = &self.shared.audit;
        self.slot = if let Ok(slot) = audit.reserve_within(Lane::Known, AUDIT_WAIT).await {
            Slot::Reserved(slot)
        } else {
            audit.dropped();
            Slot::Lost
        };
        Ok(())
    }

    /// The upstream's reply goes to the client.
    pub(super) fn forwarded(mut self, status: u16) {
        self.close(Outcome::Allow, None, status, "");
    }

    /// The gate itself answered a preflight.
    pub(super) fn preflight(mut self, status: u16) {
        self.close(Outcome::Allow, None, status, "preflight");
    }

    /// The request was refused.
    pub(super) fn refused(mut self, refusal: &Refusal) {
        let reason = refusal.reason;
        if let Hint::RetryAfter {
            scope: Some(scope), ..
        } = refusal.hint
        {
            self.shared.metrics.rate_limited(scope);
        }
        self.close(
            reason.outcome(),
            Some(reason),
            reason.status(),
            &refusal.detail,
        );
    }

    fn close(&mut self, outcome: Outcome, reason: Option<Reason>, status: u16, detail: &str) {
        self.closed = true;
        let total = self.started.elapsed();
        let upstream = match (self.upstream, self.sent) {
            (Some(took), _) => took,
            // Given up while the upstream had it: that time is not ours either.
            (None, Some(sent)) => sent.elapsed(),
            (None, None) => Duration::ZERO,
        };
        let end = End {
            outcome,
            reason,
            status,
            detail,
            total,
            overhead: total.saturating_sub(upstream),
        };
        self.count(&end);
        if let Some(slot) = self.place() {
            let target = self.learnt.target.iter();
            let references: Vec<(&str, &str)> = target
                .flat_map(|target| &target.references)
                .map(|one| (&*one.place, shown(&one.value)))
                .chain(self.acts_in())
                .collect();
            let caller = self.learnt.caller.as_deref();
            let (roles, held) = caller.map(roles).unwrap_or_default();
            let original = self.peer.original.map(|to| to.to_string());
            let questions = self.questions();
            let record = Record {
                original_destination: original.as_deref(),
                questions: questions.as_deref(),
                roles: roles.get(..held).unwrap_or_default(),
                ..self.record(&end, &references)
            };
            slot.commit(&record);
        }
        self.compare();
    }

    /// Lets policies that are to be answer the same question later. What was learnt is told by now.
    fn compare(&mut self) {
        let (Some(shadow), Some(outcome)) = (self.shadow, self.learnt.said) else {
            return;
        };
        let (learnt, head) = (&mut self.learnt, self.head.as_ref());
        let request_id = self.request_id;
        self.shared.shadows.offer(shadow, || {
            Some(ShadowAsked {
                request_id: request_id.into(),
                caller: learnt.caller.take()?,
                target: learnt.target.take()?,
                scope: learnt.scope.take()?,
                head: Arc::clone(head?),
                answer: Answered {
                    outcome,
                    determining: std::mem::take(&mut learnt.determining),
                },
            })
        });
    }

    /// What was asked of the policies, as JSON, where that is to be recorded.
    fn questions(&self) -> Option<String> {
        let store = self.recorded?;
        // Nobody asked policies otherwise.
        self.learnt.cached?;
        let question = Question {
            caller: self.learnt.caller.as_ref()?,
            target: self.learnt.target.as_ref()?,
            scope: self.learnt.scope.clone()?,
            head: self.head.as_deref()?,
        };
        // A second panic would end the process, and the record is owed in any case.
        if std::thread::panicking() {
            return None;
        }
        let written = AssertUnwindSafe(|| {
            let asked = self.shared.pdp.recorded(store, &question)?;
            serde_json::to_string(&asked).ok()
        });
        let text = catch_unwind(written).ok()??;
        (text.len() <= QUESTIONS_BYTES_MAX).then_some(text)
    }

    /// The workspace that a Principal, or somebody else who may not, wants to act in.
    fn acts_in(&self) -> Option<(&str, &str)> {
        self.learnt.caller.as_deref().and_then(Caller::proof)?;
        let named = self.head.as_ref()?.act_in.as_deref()?;
        Some(("header x-palisade-act-in", shown(named)))
    }

    fn count(&self, end: &End<'_>) {
        let target = self.learnt.target.as_deref();
        let api_context = target.map(|target| target.route.operation.api_context);
        let metrics = &self.shared.metrics;
        metrics.request(
            api_context,
            end.outcome,
            end.status,
            end.total,
            end.overhead,
        );
        if let Some(reason) = end.reason {
            metrics.refusal(reason);
        }
        let caller = self.learnt.caller.as_deref();
        if let Some(account) = caller.and_then(Caller::account) {
            metrics.account_request(account.as_str(), end.outcome);
        }
    }

    /// The record's place in the queue; `None`: there is none, which has been counted.
    fn place(&mut self) -> Option<Reservation> {
        match std::mem::replace(&mut self.slot, Slot::Lost) {
            Slot::Reserved(slot) => Some(slot),
            Slot::Lost => None,
            Slot::Later => {
                let caller = self.learnt.caller.as_deref();
                let proven = caller.and_then(Caller::proof).is_some();
                let lane = if proven { Lane::Known } else { Lane::Strangers };
                let slot = self.shared.audit.reserve(lane).ok();
                if slot.is_none() {
                    self.shared.audit.dropped();
                }
                slot
            }
        }
    }

    fn record<'r>(&'r self, end: &End<'r>, references: &'r [(&'r str, &'r str)]) -> Record<'r> {
        let head = self.head.as_deref();
        let target = self.learnt.target.as_deref();
        let scope = self.learnt.scope.as_ref();
        let caller = self.learnt.caller.as_deref();
        let proof = caller.and_then(Caller::proof);
        Record {
            time: self.now,
            request_id: self.request_id,
            outcome: end.outcome,
            reason: end.reason,
            status: Some(end.status),
            method: self.method.as_ref().map(Method::as_str),
            authority: head.map(|head| &*head.authority),
            path: head.map(|head| head.path.as_str()),
            route: target.map(|target| &*target.route.template),
            action: target.map(|target| &*target.route.operation.name),
            api_context: target.map(|target| target.route.operation.api_context),
            caller: caller.map(Caller::kind),
            subject: proof.map(|proof| &*proof.subject),
            issuer: proof.map(|proof| &*proof.issuer),
            token_id: proof.and_then(|proof| proof.token_id.as_deref()),
            client: proof
                .and_then(|proof| proof.client.as_ref())
                .map(ClientId::as_str),
            user: match caller {
                Some(Caller::User(user)) => Some(user.user.as_str()),
                _ => scope
                    .and_then(Scope::acting)
                    .map(|acting| acting.user.as_str()),
            },
            stated_reason: match caller {
                Some(Caller::Principal(_)) => head.and_then(|head| head.reason.as_deref()),
                _ => None,
            },
            account: scope.and_then(Scope::account).map(AccountId::as_str),
            workspace: scope.and_then(Scope::workspace).map(WorkspaceId::as_str),
            catalog: scope.and_then(Scope::catalog).map(WorkspaceId::as_str),
            resource_kind: target.map(|target| &*target.route.kind),
            resource_id: target.and_then(|target| target.id.as_deref()),
            references,
            client_ip: Some(head.map_or(self.peer.address, |head| head.client)),
            certificate: head.and_then(Head::certificate_owner),
            policies: &self.learnt.determining,
            cached: self.learnt.cached,
            revision: Some(self.revision),
            detail: (!end.detail.is_empty()).then_some(end.detail),
            upstream: target.map(|target| &*target.route.set.upstream),
            duration_us: Some(micros(end.total)),
            overhead_us: Some(micros(end.overhead)),
            ..Record::default()
        }
    }
}

/// The roles that were proved of a caller, and how many they are; every request has them, so they lie in no
/// memory of their own.
fn roles(caller: &Caller) -> ([&'static str; ROLES_MAX], usize) {
    let mut names = [""; ROLES_MAX];
    let mut held = 0;
    let mut add = |name| {
        if let Some(free) = names.get_mut(held) {
            *free = name;
            held += 1;
        }
    };
    match caller {
        Caller::Anonymous => {}
        Caller::User(user) => user.roles.iter().for_each(|role| add(role.label())),
        Caller::Service(service) => service.role.iter().for_each(|role| add(role.label())),
        Caller::Principal(one) => one.roles.iter().for_each(|role| add(role.label())),
    }
    (names, held)
}

/// Enough of a reference to know it by. An id has 64 characters at most, but a body may say anything,
/// and whoever repeats it must not fill the queue.
fn shown(value: &str) -> &str {
    let end = value.char_indices().nth(REFERENCE_CHARS_MAX);
    end.and_then(|(end, _)| value.get(..end)).unwrap_or(value)
}

/// What changes something, crosses accounts or is done for somebody else, or in somebody else's
/// workspace, never goes unrecorded (RULES 42).
fn is_recorded_or_refused(operation: &Operation, for_others: bool) -> bool {
    operation.access != Access::Read || operation.api_context == ApiContext::Portal || for_others
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

impl Drop for Journal<'_> {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if std::thread::panicking() {
            self.close(
                Outcome::Error,
                Some(Reason::Internal),
                Reason::Internal.status(),
                "panic",
            );
        } else {
            self.close(
                Outcome::Aborted,
                None,
                CLIENT_CLOSED,
                "the client went away",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    //! What may go unrecorded.

    use super::is_recorded_or_refused;
    use crate::operation::{Access, ApiContext, Operation, ResourceType};

    #[test]
    fn only_a_read_in_ones_own_name_may_go_unrecorded() {
        let operation = |api_context, access| Operation {
            name: "app/missions/list".into(),
            api_context,
            access,
            catalog: false,
            resource: ResourceType::Resource,
        };
        let read = operation(ApiContext::App, Access::Read);
        assert!(!is_recorded_or_refused(&read, false));
        assert!(is_recorded_or_refused(&read, true));
        let write = operation(ApiContext::App, Access::Manage);
        assert!(is_recorded_or_refused(&write, false));
        let portal = operation(ApiContext::Portal, Access::Read);
        assert!(is_recorded_or_refused(&portal, false));
    }
}
