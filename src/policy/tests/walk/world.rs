//! Small worlds by chance: stores, requests and moments that differ in a few things.

use crate::clock::Timestamp;
use crate::policy::oracle::Oracle;
use crate::random::Random;
use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr;

/// What an expression may be. Attributes and tags are named after the kind that they mostly are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Flag,
    Number,
    Text,
    Entity,
    Set,
    Record,
    Ip,
    Decimal,
    Moment,
    Span,
}

impl Kind {
    pub(super) const ALL: [Self; 10] = [
        Self::Flag,
        Self::Number,
        Self::Text,
        Self::Entity,
        Self::Set,
        Self::Record,
        Self::Ip,
        Self::Decimal,
        Self::Moment,
        Self::Span,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Number => "number",
            Self::Text => "text",
            Self::Entity => "entity",
            Self::Set => "set",
            Self::Record => "record",
            Self::Ip => "ip",
            Self::Decimal => "decimal",
            Self::Moment => "moment",
            Self::Span => "span",
        }
    }
}

/// Groups last, because an entity is only below those that follow it.
pub(super) const ENTITIES: [(&str, &str); 8] = [
    ("User", "a"),
    ("User", "b"),
    ("Doc", "x"),
    ("Doc", "y"),
    ("Group", "g"),
    ("Group", "h"),
    ("Group", "i"),
    ("Folder", ""),
];

/// 2026-11-25T08:00:00Z, which policies name too, and its neighbours.
pub(super) const EIGHT: i64 = 1_795_593_600_000;
const HOUR: i64 = 3_600_000;
const MOMENTS: [i64; 9] = [
    EIGHT - HOUR,
    EIGHT - 1,
    EIGHT,
    EIGHT + 1,
    EIGHT + HOUR,
    EIGHT + 16 * HOUR - 1,
    EIGHT + 16 * HOUR,
    EIGHT + 24 * HOUR - 1,
    EIGHT + 24 * HOUR,
];

pub(super) fn moment(at: i64) -> String {
    format!("datetime(\"{}\")", Timestamp(at).rfc3339())
}

pub(super) fn named(random: &mut Random) -> String {
    let (kind, id) = random.one(&ENTITIES);
    format!("{kind}::\"{id}\"")
}

/// Something that is of that kind, written out.
pub(super) fn literal(random: &mut Random, kind: Kind, depth: usize) -> String {
    let one = |random: &mut Random, of: &[&str]| (*random.one(of)).to_owned();
    match kind {
        Kind::Flag => one(random, &["true", "false"]),
        Kind::Number => one(random, &["0", "1", "(-1)", "9223372036854775807"]),
        Kind::Text => {
            let texts = ["", "flag", "text", "entity", "record", "a*b", "::1", "1.0"];
            format!("\"{}\"", random.one(&texts))
        }
        Kind::Entity => named(random),
        Kind::Ip => one(
            random,
            &[
                r#"ip("10.0.0.1")"#,
                r#"ip("10.0.0.0/8")"#,
                r#"ip("127.0.0.1")"#,
                r#"ip("::1")"#,
                r#"ip("224.0.0.1")"#,
            ],
        ),
        Kind::Decimal => one(random, &[r#"decimal("1.0")"#, r#"decimal("2.5")"#]),
        Kind::Moment => moment(*random.one(&MOMENTS)),
        Kind::Span => one(
            random,
            &[
                r#"duration("8h")"#,
                r#"duration("7h59m59s999ms")"#,
                r#"duration("23h59m59s999ms")"#,
                r#"duration("0ms")"#,
                r#"duration("24h")"#,
                r#"duration("-1d")"#,
            ],
        ),
        Kind::Set => {
            let elements = (0..random.below(3)).map(|_| {
                let kind = *random.one(&[Kind::Text, Kind::Entity, Kind::Entity, Kind::Number]);
                literal(random, kind, depth)
            });
            format!("[{}]", elements.collect::<Vec<_>>().join(", "))
        }
        Kind::Record => {
            let mut fields = Vec::new();
            for kind in Kind::ALL {
                if (depth > 0 || kind != Kind::Record) && random.once_in(3) {
                    let value = literal(random, kind, depth.saturating_sub(1));
                    fields.push(format!("\"{}\": {value}", kind.name()));
                }
            }
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// Values by name, as text.
type Fields = BTreeMap<&'static str, String>;

#[derive(Clone)]
struct Node {
    attributes: Fields,
    tags: Fields,
    parents: Vec<usize>,
}

#[derive(Clone)]
struct World {
    nodes: [Option<Node>; ENTITIES.len()],
    context: Fields,
    until: Option<i64>,
    now: i64,
    principal: usize,
    resource: usize,
    action: &'static str,
}

/// A question, ready to be asked.
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) entities: Entities,
    pub(super) now: Timestamp,
    pub(super) grant_end: Option<Timestamp>,
}

impl Question {
    pub(super) fn asked(&self) -> Oracle<'_> {
        Oracle {
            request: &self.request,
            entities: &self.entities,
        }
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut store = Vec::new();
        self.entities.write_to_json(&mut store).unwrap();
        let (request, now) = (&self.request, self.now.rfc3339());
        let context = request.context().unwrap();
        write!(
            f,
            "{now} {request} {context}\n{}",
            String::from_utf8_lossy(&store)
        )
    }
}

/// A question differs from its world in fewer things than these.
const CHANGES: usize = 10;

/// Questions about worlds: those next to each other have much in common.
pub(super) fn questions(random: &mut Random, worlds: usize, each: usize) -> Vec<Question> {
    let mut values = Values::default();
    let mut made = Vec::new();
    for _ in 0..worlds {
        let base = World::by_chance(random);
        for _ in 0..each {
            let mut world = base.clone();
            for _ in 0..random.below(CHANGES) {
                world.change(random);
            }
            made.push(world.question(&mut values));
        }
    }
    made
}

fn fields(random: &mut Random) -> Fields {
    let mut fields = Fields::new();
    for kind in Kind::ALL {
        set(&mut fields, random, kind);
    }
    if random.once_in(2) {
        fields.insert("", literal(random, Kind::Flag, 0));
    }
    fields
}

fn set(fields: &mut Fields, random: &mut Random, kind: Kind) {
    fields.remove(kind.name());
    if !random.once_in(6) {
        let odd = random.once_in(12);
        let value = if odd { *random.one(&Kind::ALL) } else { kind };
        fields.insert(kind.name(), literal(random, value, 1));
    }
}

impl Node {
    fn by_chance(random: &mut Random, index: usize) -> Self {
        Self {
            attributes: fields(random),
            tags: fields(random),
            parents: parents(random, index),
        }
    }
}

fn parents(random: &mut Random, index: usize) -> Vec<usize> {
    let above = (index + 1).max(2)..ENTITIES.len();
    above.filter(|_| random.once_in(4)).collect()
}

impl World {
    fn by_chance(random: &mut Random) -> Self {
        Self {
            nodes: std::array::from_fn(|index| {
                (!random.once_in(7)).then(|| Node::by_chance(random, index))
            }),
            context: fields(random),
            until: (!random.once_in(4)).then(|| *random.one(&MOMENTS)),
            now: *random.one(&MOMENTS),
            principal: random.below(2),
            resource: 2 + random.below(2),
            action: *random.one(&["read", "write"]),
        }
    }

    fn change(&mut self, random: &mut Random) {
        let index = random.below(ENTITIES.len());
        let kind = *random.one(&Kind::ALL);
        match random.below(12) {
            0 => self.now = *random.one(&MOMENTS),
            1 => self.until = (!random.once_in(4)).then(|| *random.one(&MOMENTS)),
            2 => self.principal = random.below(2),
            3 => self.resource = 2 + random.below(2),
            4 | 5 => set(&mut self.context, random, kind),
            6 => {
                self.nodes[index] = match self.nodes[index] {
                    Some(_) => None,
                    None => Some(Node::by_chance(random, index)),
                }
            }
            other => {
                // Mostly of those that are asked about.
                let asked = [
                    self.principal,
                    self.resource,
                    self.principal,
                    self.resource,
                    index,
                ];
                let index = *random.one(&asked);
                if let Some(node) = &mut self.nodes[index] {
                    match other {
                        7 => node.parents = parents(random, index),
                        8 => set(&mut node.tags, random, kind),
                        _ => set(&mut node.attributes, random, kind),
                    }
                }
            }
        }
    }

    fn question(&self, values: &mut Values) -> Question {
        let nodes = self.nodes.iter().enumerate();
        let entities = nodes.filter_map(|(index, node)| {
            let node = node.as_ref()?;
            let parents = node.parents.iter().map(|parent| uid(*parent));
            let made = Entity::new_with_tags(
                uid(index),
                values.all(&node.attributes),
                parents.collect::<HashSet<_>>(),
                values.all(&node.tags),
            );
            Some(made.unwrap())
        });
        let entities: Vec<Entity> = entities.chain(actions()).collect();
        let mut context = values.all(&self.context);
        context.push(("now".to_owned(), values.one(&moment(self.now))));
        if let Some(until) = self.until {
            let grant = format!("{{\"until\": {}}}", moment(until));
            context.push(("grant".to_owned(), values.one(&grant)));
        }
        let request = Request::new(
            uid(self.principal),
            named_uid("Action", self.action),
            uid(self.resource),
            Context::from_pairs(context).unwrap(),
            None,
        );
        Question {
            request: request.unwrap(),
            entities: Entities::from_entities(entities, None).unwrap(),
            now: Timestamp(self.now),
            grant_end: self.until.map(Timestamp),
        }
    }
}

fn actions() -> impl Iterator<Item = Entity> {
    let all = named_uid("Action", "all");
    let below = ["read", "write"].map(|id| {
        let parents = HashSet::from([all.clone()]);
        Entity::new_no_attrs(named_uid("Action", id), parents)
    });
    below.into_iter()
}

fn uid(index: usize) -> EntityUid {
    let (kind, id) = ENTITIES[index];
    named_uid(kind, id)
}

fn named_uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind).unwrap(), EntityId::new(id))
}

/// Values by their text, each parsed once.
#[derive(Default)]
struct Values(HashMap<String, RestrictedExpression>);

impl Values {
    fn one(&mut self, text: &str) -> RestrictedExpression {
        let parsed = self.0.entry(text.to_owned());
        let value = parsed.or_insert_with(|| RestrictedExpression::from_str(text).unwrap());
        value.clone()
    }

    fn all(&mut self, fields: &Fields) -> Vec<(String, RestrictedExpression)> {
        let fields = fields.iter();
        fields
            .map(|(name, text)| ((*name).to_owned(), self.one(text)))
            .collect()
    }
}
