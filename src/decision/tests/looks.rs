//! The key is made of what the facts look like, and the answer of what Cedar is asked: both are the same.

use super::history::{history, stores};
use crate::decision::facts::{self, Facts};
use crate::decision::layers::Layers;
use crate::decision::question::{self, Principals};
use crate::decision::view::ATTRIBUTES;
use crate::policy::oracle::Oracle;
use crate::policy::{Bit, Name, Names as _, Of, Path, Read, Root, Step, Term, View};
use std::collections::{HashMap, HashSet};

fn path(root: &Root, names: &[&str]) -> Path {
    let steps = names.iter().map(|name| Step::Attribute((*name).into()));
    Path {
        root: root.clone(),
        steps: steps.collect(),
    }
}

/// Everywhere that there could be something.
fn paths() -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    for root in &ROOTS {
        paths.extend(ATTRIBUTES.map(|name| path(root, &[name.text()])));
        paths.extend(ATTRIBUTES.map(|name| path(root, &["actor", name.text()])));
        for record in [
            "http",
            "tenant",
            "certificate",
            "grant",
            "role",
            "accountRole",
        ] {
            let fields = [
                "host", "method", "path", "active", "features", "kind", "plan", "dns", "spiffe",
            ];
            let further = [
                "account", "all", "until", "viewer", "editor", "admin", "member", "owner",
            ];
            let fields = fields.into_iter().chain(further);
            paths.extend(fields.map(|field| path(root, &[record, field])));
        }
        let tag = Step::Tag("missionId".into());
        paths.push(Path {
            root: root.clone(),
            steps: vec![tag],
        });
    }
    // A named entity that may be the caller, the resource, the actor, or nobody.
    let named = [
        ("User", "acme/ana"),
        ("Service", "acme/hr-sync"),
        ("Account", "acme"),
        ("Resource", "acme/acme-prod/missions/1"),
    ];
    for (kind, id) in named {
        let root = Root::Entity(Name {
            entity_type: format!("Tenancy::{kind}").as_str().into(),
            id: id.into(),
        });
        paths.extend(ATTRIBUTES.map(|name| path(&root, &[name.text()])));
    }
    paths
}

const ROOTS: [Root; 3] = [Root::Principal, Root::Resource, Root::Context];

/// Everything that could be looked at, whether the policies do so or not.
fn looks() -> (Vec<Bit>, Vec<Read>) {
    let paths = paths();
    let mut bits: Vec<Bit> = paths.iter().cloned().map(Bit::Has).collect();
    let on = |bit: fn(Path) -> Bit| paths.iter().cloned().map(bit).collect::<Vec<_>>();
    bits.extend(on(Bit::True));
    bits.extend(on(Bit::Empty));
    let mut reads: Vec<Read> = paths.iter().cloned().map(Read::Value).collect();
    reads.extend(paths.iter().cloned().map(Read::Type));
    for root in ROOTS.into_iter().take(2) {
        let whole = path(&root, &[]);
        let term = Term::Path(whole.clone());
        reads.extend([Read::Value(whole.clone()), Read::Tags(whole.clone())]);
        for other in &paths {
            let at = Term::Path(other.clone());
            bits.push(Bit::Same(term.clone(), at.clone()));
            bits.push(Bit::In(whole.clone(), Of::One(at.clone())));
            bits.push(Bit::In(whole.clone(), Of::Each(vec![at.clone()])));
            bits.push(Bit::Contains(other.clone(), term.clone()));
            bits.push(Bit::Contains(
                other.clone(),
                Term::Path(path(&Root::Resource, &["workspace"])),
            ));
        }
    }
    bits.extend(short());
    (bits, reads)
}

/// What the short ways lead to, and what only looks like it.
fn short() -> Vec<Bit> {
    let mut bits = same();
    bits.extend(contained());
    bits.extend(within());
    bits
}

fn named(kind: &str, id: &str) -> Term {
    Term::Entity(Name {
        entity_type: format!("Tenancy::{kind}").as_str().into(),
        id: id.into(),
    })
}

fn same() -> Vec<Bit> {
    let mut bits = Vec::new();
    let pairs = ROOTS
        .iter()
        .flat_map(|one| ROOTS.iter().map(move |other| (one, other)));
    for (one, other) in pairs {
        for name in ["account", "workspace"] {
            let (one, other) = (path(one, &[name]), path(other, &[name]));
            bits.push(Bit::Same(Term::Path(one), Term::Path(other)));
        }
    }
    let texts = [
        (Root::Resource, vec!["kind"], "missions"),
        (Root::Resource, vec!["id"], "1"),
        (Root::Context, vec!["reason"], ""),
        (Root::Context, vec!["tenant", "kind"], "custom"),
        (Root::Context, vec!["tenant", "plan"], "enterprise"),
    ];
    bits.extend(texts.map(|(root, names, text)| {
        let at = Term::Path(path(&root, &names));
        Bit::Same(at, Term::Text(text.into()))
    }));
    bits
}

fn contained() -> Vec<Bit> {
    let elements = [
        named("ApiContext", "app"),
        named("ApiContext", "dashboard"),
        named("Scope", "app/read"),
        named("Scope", "dashboard/write"),
        // Of the wrong type, with the right id.
        named("Scope", "app"),
        named("ApiContext", "app/read"),
        Term::Text("app/read".into()),
        Term::Text("beta".into()),
        Term::Path(path(&Root::Context, &["workspace"])),
        Term::Path(path(&Root::Context, &["account"])),
    ];
    let sets = [
        path(&Root::Principal, &["contexts"]),
        path(&Root::Principal, &["scopes"]),
        path(&Root::Principal, &["workspaces"]),
        path(&Root::Context, &["tenant", "features"]),
        path(&Root::Context, &["catalogs"]),
    ];
    let all = sets.iter().flat_map(|set| {
        let each = elements.iter();
        each.map(|one| Bit::Contains(set.clone(), one.clone()))
    });
    all.collect()
}

fn within() -> Vec<Bit> {
    let named = [
        named("Group", "acme/staff"),
        named("Group", "acme/contractors"),
        named("PlatformRole", "support"),
        named("PlatformRole", "operator"),
        named("PlatformRole", "acme/staff"),
        named("Role", "acme/acme-prod#viewer"),
    ];
    let caller = path(&Root::Principal, &[]);
    let mut bits = Vec::from(named.map(|one| Bit::In(caller.clone(), Of::One(one))));
    let role = |root: &Root, names: [&str; 2]| Term::Path(path(root, &names));
    for root in &ROOTS {
        let each = [
            [["role", "editor"], ["accountRole", "admin"]],
            [["role", "viewer"], ["role", "owner"]],
        ];
        bits.extend(each.map(|each| {
            let each = each.map(|names| role(root, names));
            Bit::In(caller.clone(), Of::Each(each.to_vec()))
        }));
    }
    bits
}

/// The key is made of what the facts look like, and the answer of what Cedar is asked: both are the same.
#[test]
fn facts_look_as_the_cedar_question_does() {
    let stores = stores();
    let principals = Principals::new();
    let (bits, reads) = looks();
    let mut spoken: HashMap<(Read, Vec<u8>), Vec<u8>> = HashMap::new();
    let mut yes: HashSet<&Bit> = HashSet::new();
    for step in history(3, 25) {
        let question = step.question();
        for about in facts::asked(&question) {
            let facts = Facts::read(&question, about).unwrap();
            let store = &stores[step.store];
            let layers = Layers::find(store, &facts).unwrap();
            let principal = principals.of(&facts).unwrap();
            let (request, entities) =
                question::build(store, layers.environment, &facts, &principal, true).unwrap();
            let oracle = Oracle {
                request: &request,
                entities: &entities,
            };
            let own = layers.reads().flat_map(|reads| &reads.bits);
            for bit in bits.iter().chain(own) {
                let answer = facts.bit(bit);
                assert_eq!(answer, oracle.bit(bit), "{bit:?} of {facts:?}");
                if answer == Some(true) {
                    yes.insert(bits.iter().find(|one| *one == bit).unwrap_or(&bits[0]));
                }
            }
            for read in &reads {
                let (mut mine, mut theirs) = (Vec::new(), Vec::new());
                facts.value(read, &mut mine);
                oracle.value(read, &mut theirs);
                for (one, other) in [(&mine, &theirs), (&theirs, &mine)] {
                    let known = spoken
                        .entry((read.clone(), one.clone()))
                        .or_insert_with(|| other.clone());
                    assert_eq!(known, other, "{read:?} of {facts:?}");
                }
            }
        }
    }
    assert!(yes.len() > 100, "{}", yes.len());
}
