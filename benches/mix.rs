//! How often an answer is remembered: 1,000 users of 100 workspaces and a mix of requests as services
//! see it, few of them often and many of them rarely.
//!
//! Beside it, what a key would find that holds everything a policy could read of a request.

#![expect(clippy::print_stdout, reason = "it prints a table")]

#[path = "../tests/it/support/random.rs"]
#[expect(dead_code, reason = "tests ask more of it")]
mod random;
mod support;

use http::Method;
use palisade::clock::Timestamp;
use palisade::decision::{Pdp, Settings};
use palisade::head::Head;
use palisade::operation::ApiContext;
use palisade::policy::Store;
use palisade::route::Route;
use palisade::tenant::{Account, Directory, Workspace, WorkspaceRole};
use palisade::token::Caller;
use random::Random;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use support::{Api, Asked, NOW, account, head, overlay, pdp, user};

const ACCOUNTS: usize = 50;
const WORKSPACES_EACH: usize = 2;
const USERS: usize = 1_000;
/// Things of each kind in a workspace.
const THINGS: usize = 1_000;
/// One each millisecond.
const REQUESTS: u32 = 1_000_000;
const WARM_AFTER: u32 = 300_000;

/// Zipf's law, s = 1: the thing of rank n is drawn n times less often than the first.
struct Zipf {
    /// Up to and with each rank.
    sums: Vec<usize>,
}

impl Zipf {
    fn of(count: usize) -> Self {
        let weights = (1..=count).map(|rank| 1_000_000_000 / rank);
        let sums = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self {
            sums: sums.collect(),
        }
    }

    fn draw(&self, random: &mut Random) -> usize {
        let drawn = random.below(self.sums.last().copied().unwrap_or(1));
        self.sums.partition_point(|sum| *sum <= drawn)
    }
}

/// A person, with a token for each API.
struct Person {
    app: Arc<Caller>,
    dashboard: Arc<Caller>,
    number: usize,
    client: IpAddr,
}

/// Of ten users one administers, three edit and six look; the users of a workspace do not follow each
/// other in rank.
fn people(homes: &[Arc<Workspace>]) -> Vec<Person> {
    let person = |(number, home): (u32, &Arc<Workspace>)| {
        let role = match (number + number / 100) % 10 {
            0 => WorkspaceRole::Admin,
            1..4 => WorkspaceRole::Editor,
            _ => WorkspaceRole::Viewer,
        };
        Person {
            app: user(number, home, role, ApiContext::App),
            dashboard: user(number, home, role, ApiContext::Dashboard),
            number: number as usize,
            client: (0x0A00_0000 + number).to_be_bytes().into(),
        }
    };
    let homes = homes.iter().cycle();
    (0..).zip(homes).take(USERS).map(person).collect()
}

fn accounts() -> Vec<Account> {
    let named = |number: usize| {
        let name = format!("a-{number}");
        let mut account = account(&name, (0..WORKSPACES_EACH).map(|at| format!("{name}-{at}")));
        if number.is_multiple_of(3) {
            "standard".clone_into(&mut account.plan);
        }
        for workspace in account.workspaces.iter_mut().filter_map(Arc::get_mut) {
            if number.is_multiple_of(4) {
                workspace.features = vec!["editors-publish".to_owned()];
            }
        }
        account
    };
    (0..ACCOUNTS).map(named).collect()
}

/// Everything of a request that a policy could read, but the time.
#[derive(PartialEq, Eq, Hash)]
struct Everything {
    caller: [u8; 32],
    method: Method,
    path: Box<str>,
    client: IpAddr,
}

impl Everything {
    /// What else there is follows from these: the workspace from the caller, operation, kind, id and
    /// captures from method and path.
    fn of(asked: &Asked) -> Option<Self> {
        Some(Self {
            caller: asked.caller.proof()?.fingerprint,
            method: asked.head.method.clone(),
            path: asked.head.path.as_str().into(),
            client: asked.head.client,
        })
    }
}

/// What came of one run.
#[derive(Default)]
struct Found {
    asked: u32,
    denied: u32,
    remembered: u32,
    /// As the key that holds everything would have it.
    repeated: u32,
}

/// The routes that users ask for, the one asked most first.
struct Mix {
    routes: Vec<Arc<Route>>,
    by_route: Zipf,
    people: Vec<Person>,
    by_person: Zipf,
    by_thing: Zipf,
}

impl Mix {
    fn draw(&self, random: &mut Random, now: Timestamp) -> Option<(&Arc<Caller>, Head)> {
        let person = self.people.get(self.by_person.draw(random))?;
        let route = self.routes.get(self.by_route.draw(random))?;
        let thing = self.by_thing.draw(random);
        // Who looks at users looks at itself first.
        let id = match (&*route.kind, thing) {
            ("users", 0) => format!("u-{}", person.number),
            ("users", other) => format!("u-{other}"),
            (_, other) => format!("m-{other}"),
        };
        let path = match &route.id_parameter {
            Some(parameter) => route.template.replace(&format!("{{{parameter}}}"), &id),
            None => route.template.to_string(),
        };
        let caller = match route.operation.api_context {
            ApiContext::App => &person.app,
            ApiContext::Dashboard | ApiContext::Portal => &person.dashboard,
        };
        Some((caller, head(&route.method, &path, person.client, now)))
    }

    fn run(
        &self,
        api: &Api,
        directory: &Directory,
        (store, pdp): (&Store, &Pdp),
    ) -> (Found, usize) {
        let ttl_ms = i64::try_from(Settings::default().ttl.as_millis()).unwrap_or(i64::MAX);
        let mut random = Random(7);
        let mut until: HashMap<Everything, Timestamp> = HashMap::new();
        let mut found = Found::default();
        for number in 0..REQUESTS {
            let now = NOW.plus_millis(number.into());
            let Some((caller, head)) = self.draw(&mut random, now) else {
                continue;
            };
            let asked = Asked::new(api, directory, caller, head);
            let (cached, denied) = match pdp.decide(store, asked.question()) {
                Ok(permit) => (permit.cached(), false),
                Err(denied) => (denied.cached, true),
            };
            let ends = Everything::of(&asked).map(|all| until.entry(all).or_insert(now));
            let repeated = ends.is_some_and(|ends| {
                let holds = *ends > now;
                if !holds {
                    *ends = now.plus_millis(ttl_ms);
                }
                holds
            });
            if number >= WARM_AFTER {
                found.asked += 1;
                found.denied += u32::from(denied);
                found.remembered += u32::from(cached == Some(true));
                found.repeated += u32::from(repeated);
            }
        }
        (found, until.len())
    }
}

fn main() {
    let api = Api::example();
    let accounts = accounts();
    let homes: Vec<_> = accounts
        .iter()
        .flat_map(|one| one.workspaces.clone())
        .collect();
    let overlays: Vec<_> = accounts.iter().map(overlay).collect();
    let (directory, _) = Directory::build(accounts);
    let routes = api.router.routes().iter();
    let routes = routes
        .filter(|route| !route.set.public && route.operation.api_context != ApiContext::Portal);
    let routes: Vec<_> = routes.map(Arc::clone).collect();
    let mix = Mix {
        by_route: Zipf::of(routes.len()),
        routes,
        people: people(&homes),
        by_person: Zipf::of(USERS),
        by_thing: Zipf::of(THINGS),
    };
    println!(
        "{USERS} users of {} workspaces, {} routes, {THINGS} things of each kind; {} requests after {WARM_AFTER}, one each ms",
        homes.len(),
        mix.routes.len(),
        REQUESTS - WARM_AFTER
    );
    println!(
        "{:34}{:>9} {:>9} {:>9}   {:>20} {:>9}",
        "", "denied", "hits", "keys", "hits if all is in it", "keys"
    );
    for (name, overlays) in [
        ("shipped policies", Vec::new()),
        ("and ten of each account", overlays),
    ] {
        let store = api.store(overlays);
        let pdp = pdp(&store, Settings::default());
        let (found, keys) = mix.run(&api, &directory, (&store, &pdp));
        let share = |part: u32| f64::from(part) / f64::from(found.asked) * 100.0;
        println!(
            "{name:34}{:7.2} % {:7.3} % {:9}   {:18.3} % {keys:9}",
            share(found.denied),
            share(found.remembered),
            pdp.kept().entries,
            share(found.repeated)
        );
    }
}
