//! What a decision costs among 1, 10,000 and 100,000 accounts, each with ten policies of its own.
//!
//! The same callers ask for the same things; only how many accounts they are spread over differs. All
//! sizes take turns within one run, and what counts is the median of short stretches, so that what else
//! the machine does falls on all of them or on few.

#![expect(clippy::print_stdout, reason = "it prints a table")]

#[path = "../tests/it/support/random.rs"]
#[expect(dead_code, reason = "tests ask more of it")]
mod random;
mod support;

use http::Method;
use palisade::decision::{Pdp, Settings};
use palisade::operation::ApiContext;
use palisade::policy::Store;
use palisade::tenant::{Account, Directory, Workspace, WorkspaceRole};
use random::Random;
use std::hint::black_box;
use std::time::{Duration, Instant};
use support::{Api, Asked, NOW, account, head, overlay, pdp, user};

const SIZES: [usize; 3] = [1, 10_000, 100_000];
/// Each in an account of its own, where there are as many; as many as the gate keeps built.
const CALLERS: u32 = 4_000;
const ROUNDS: usize = 40;
/// Decisions that are timed together: fewer than the system lets run without a pause.
const STRETCH: usize = 50;

/// The ways to ask.
const WAYS: [&str; 4] = [
    "remembered, one caller",
    "remembered, 4,000 callers",
    "asked, one caller",
    "asked, 4,000 callers",
];

/// Accounts, and questions to them.
struct Accounts {
    store: Store,
    asked: Vec<Asked>,
    remembering: Pdp,
    forgetting: Pdp,
    /// Nanoseconds of a decision, of each way and stretch.
    took: [Vec<f64>; WAYS.len()],
}

impl Accounts {
    fn build(api: &Api, size: usize) -> Self {
        let named = |number: usize| {
            let name = format!("a-{number}");
            account(&name, [format!("{name}-prod")])
        };
        let accounts: Vec<Account> = (0..size).map(named).collect();
        let store = api.store(accounts.iter().map(overlay).collect());
        let homes: Vec<_> = accounts
            .iter()
            .flat_map(|one| one.workspaces.clone())
            .collect();
        let (directory, _) = Directory::build(accounts);
        let mut asked: Vec<Asked> = (0..CALLERS)
            .filter_map(|number| {
                let home = homes.get(number as usize * size / CALLERS as usize)?;
                Some(ask(api, &directory, number, home))
            })
            .collect();
        // Not in the order in which they lie in memory.
        let mut random = Random(1);
        for at in (1..asked.len()).rev() {
            asked.swap(at, random.below(at + 1));
        }
        let forgetful = Settings {
            ttl: Duration::ZERO,
            ..Settings::default()
        };
        Self {
            remembering: pdp(&store, Settings::default()),
            forgetting: pdp(&store, forgetful),
            store,
            asked,
            took: Default::default(),
        }
    }

    /// Each way once, with as many decisions.
    fn round(&mut self) {
        let first: Vec<&Asked> = vec![self.asked.first(); self.asked.len()]
            .into_iter()
            .flatten()
            .collect();
        let all: Vec<&Asked> = self.asked.iter().collect();
        let ways = [
            (&self.remembering, &first),
            (&self.remembering, &all),
            (&self.forgetting, &first),
            (&self.forgetting, &all),
        ];
        for (took, (pdp, asked)) in self.took.iter_mut().zip(ways) {
            let stretches = asked.chunks(STRETCH);
            took.extend(stretches.map(|stretch| timed(&self.store, pdp, stretch)));
        }
    }

    /// Microseconds of a decision of that way.
    fn median(&mut self, way: usize) -> Option<f64> {
        let figures = self.took.get_mut(way)?;
        figures.sort_by(f64::total_cmp);
        Some(figures.get(figures.len() / 2)? / 1e3)
    }
}

/// What the caller of that number asks: viewers look and take part, editors change, admins publish.
fn ask(api: &Api, directory: &Directory, number: u32, home: &Workspace) -> Asked {
    let (role, method, path) = match number % 4 {
        0 => (WorkspaceRole::Viewer, Method::GET, "/app/v1/missions"),
        1 => (WorkspaceRole::Viewer, Method::POST, "/app/v1/missions"),
        2 => (
            WorkspaceRole::Editor,
            Method::PUT,
            "/dashboard/v1/missions/m-7",
        ),
        _ => (
            WorkspaceRole::Admin,
            Method::POST,
            "/dashboard/v1/missions/m-7/publish",
        ),
    };
    let context = if path.starts_with("/app/") {
        ApiContext::App
    } else {
        ApiContext::Dashboard
    };
    let caller = user(number, home, role, context);
    let head = head(&method, path, [198, 51, 100, 7].into(), NOW);
    Asked::new(api, directory, &caller, head)
}

/// Nanoseconds that one of these decisions takes.
fn timed(store: &Store, pdp: &Pdp, stretch: &[&Asked]) -> f64 {
    let mut count = 0_u32;
    let started = Instant::now();
    for asked in stretch {
        let permit = pdp.decide(store, asked.question());
        let _ = black_box(permit.expect("everybody may do what they ask"));
        count += 1;
    }
    started.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}

fn main() {
    let api = Api::example();
    let mut sizes = SIZES.map(|size| Accounts::build(&api, size));
    // In the first round policies are parsed and answers remembered.
    sizes.iter_mut().for_each(Accounts::round);
    for accounts in &mut sizes {
        accounts.took.iter_mut().for_each(Vec::clear);
    }
    for _ in 0..ROUNDS {
        sizes.iter_mut().for_each(Accounts::round);
    }
    println!(
        "{:27}{:>12} {:>21} {:>21}   (us)",
        "decision, accounts:", SIZES[0], SIZES[1], SIZES[2]
    );
    for (at, way) in WAYS.iter().enumerate() {
        let figures = sizes.iter_mut().filter_map(|size| size.median(at));
        let figures: Vec<f64> = figures.collect();
        let [one, more, most] = figures[..] else {
            return;
        };
        println!(
            "{way:27}{one:12.2} {more:12.2} {:+7.1} % {most:12.2} {:+7.1} %",
            (more / one - 1.0) * 100.0,
            (most / one - 1.0) * 100.0
        );
    }
    for (size, accounts) in SIZES.iter().zip(&sizes) {
        let overlays = accounts.store.overlay_counts();
        let kept = accounts.remembering.kept();
        println!(
            "{size} accounts: policies of {} parsed in {} MiB, {} answers remembered",
            overlays.parsed,
            overlays.parsed_bytes >> 20,
            kept.entries
        );
    }
}
