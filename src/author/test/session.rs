//! All cases are run, and looked at together where somebody asks for it.

use super::coverage::{self, Coverage};
use super::mutate::{self, Mutation};
use super::trial::Trial;
use super::{Case, Ran, Report};
use crate::clock::Timestamp;
use crate::decision::Pdp;
use crate::gate::Generation;
use crate::policy::{self, Bench};
use crate::tenant::AccountId;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

/// What cases are run with.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// What decides.
    pub generation: &'a Generation,
    /// What remembers.
    pub pdp: &'a Pdp,
    /// The moment of requests that have none of their own.
    pub now: Timestamp,
    /// For commands that tell more.
    pub config: &'a Path,
    /// What is looked at beside the cases; `None`: nothing.
    pub looks: Option<Looks<'a>>,
}

/// What is looked at beside the cases.
#[derive(Clone, Copy)]
pub struct Looks<'a> {
    /// What the policies were made of.
    pub policies: &'a policy::Settings,
    /// Whether what the cases leave out.
    pub coverage: bool,
    /// Whether what the cases would not notice.
    pub mutation: bool,
}

impl Session<'_> {
    /// Whether what is put to the policies is kept.
    pub(super) fn keeps(&self) -> bool {
        self.looks.is_some()
    }

    /// Runs them all.
    pub fn run(&self, cases: &[Case]) -> Report {
        let started = Instant::now();
        let ran: Vec<Ran> = cases.iter().map(|case| case.run(self)).collect();
        let outcomes = cases.iter().zip(&ran);
        let outcomes = outcomes
            .map(|(case, ran)| case.outcome(self, ran))
            .collect();
        let report = Report::new(outcomes, started.elapsed());
        match &self.looks {
            Some(looks) => self.look(looks, (cases, &ran), report),
            None => report,
        }
    }

    /// Only cases that are as expected say something of the policies.
    fn look(&self, looks: &Looks<'_>, (cases, ran): (&[Case], &[Ran]), report: Report) -> Report {
        let rules = &self.generation.rules;
        let good = || {
            let all = cases.iter().zip(ran).zip(&report.cases);
            all.filter(|(_, outcome)| outcome.passed)
                .map(|((case, ran), _)| (case, ran))
        };
        let layers = good().flat_map(|(_, ran)| ran.puts.iter().flat_map(|put| &put.layers));
        let asked: BTreeSet<AccountId> = layers.filter_map(|layer| layer.account.clone()).collect();
        let asked: Vec<AccountId> = asked.into_iter().collect();
        let bench = Bench::new(&rules.store, looks.policies, &asked);
        let trials = good().filter(|(_, ran)| !ran.puts.is_empty());
        let trials: Vec<Trial<'_>> = trials
            .map(|(case, ran)| Trial::new(case, &ran.puts, bench.subjects()))
            .collect();
        let coverage = looks.coverage.then(|| {
            let determining = good().flat_map(|(_, ran)| ran.got.policies.iter().cloned());
            let routes = good().filter_map(|(_, ran)| ran.route.as_deref());
            let routes = routes.map(coverage::route_name).collect();
            let covered: Coverage = coverage::of(&bench, &trials, &determining.collect());
            covered.with_routes(&rules.router, &rules.store, &routes)
        });
        let mutation: Option<Mutation> = looks.mutation.then(|| mutate::run(&bench, &trials));
        Report {
            coverage,
            mutation,
            ..report
        }
    }
}
