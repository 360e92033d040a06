//! Atoms: the smallest things that a policy can learn of a question.

use super::known::{Attribute, Kind, Word};
use cedar_policy::pst;

/// Where a path starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// The caller.
    Principal,
    /// What is asked for.
    Resource,
    /// Under which circumstances.
    Context,
    /// An entity that the policy names.
    Entity(Name),
}

/// The name of an entity, as a policy writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// `Tenancy::User`.
    pub entity_type: Word<Kind>,
    /// `acme/ana`.
    pub id: Box<str>,
}

/// One step further.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// To an attribute, or to the field of a record.
    Attribute(Word<Attribute>),
    /// To a tag whose key the policy writes out.
    Tag(Box<str>),
}

/// Something that can be reached step by step: `context.grant.until`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    /// From here.
    pub root: Root,
    /// In this order.
    pub steps: Vec<Step>,
}

/// A path, or a literal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// Whatever stands there.
    Path(Path),
    /// An entity by its name.
    Entity(Name),
    /// A text.
    Text(Box<str>),
    /// A number.
    Number(i64),
    /// True or false.
    Flag(bool),
}

/// The right side of `in`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Of {
    /// An entity, or a set of them.
    One(Term),
    /// A set that the policy writes out; each is an entity.
    Each(Vec<Term>),
}

/// What is yes or no.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bit {
    /// Whether there is something: `has`, `hasTag`.
    Has(Path),
    /// Whether it is `true`.
    True(Path),
    /// Whether it is an empty set.
    Empty(Path),
    /// Whether both are the same: `==`.
    Same(Term, Term),
    /// Whether the entity there is one of those, or below one: `in`.
    In(Path, Of),
    /// Whether the set there holds it.
    Contains(Path, Term),
}

/// What is read as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Read {
    /// The value there; of an entity its name, of a set or record everything in it.
    Value(Path),
    /// The type of the entity there.
    Type(Path),
    /// All tags of the entity there.
    Tags(Path),
}

/// A question, as far as policies can look at it.
pub trait View {
    /// `None`: looking would err, because something on the way is absent or of another type.
    fn bit(&self, bit: &Bit) -> Option<bool>;

    /// Appends it, or that looking would err; no such text is the beginning of another.
    fn value(&self, read: &Read, out: &mut Vec<u8>);

    /// Appends all that any policy could read.
    fn everything(&self, out: &mut Vec<u8>);
}

impl Path {
    pub(in crate::policy) fn root(root: Root) -> Self {
        let steps = Vec::new();
        Self { root, steps }
    }

    pub(in crate::policy) fn attribute(mut self, name: &str) -> Self {
        self.steps.push(Step::Attribute(name.into()));
        self
    }

    pub(super) fn tag(mut self, key: &str) -> Self {
        self.steps.push(Step::Tag(key.into()));
        self
    }

    /// `context.now`: Cedar has no clock of its own.
    pub(super) fn is_now(&self) -> bool {
        self.is_context(&["now"])
    }

    /// Whether it is the name of an entity that the policy writes out: that says nothing of a question.
    pub(super) fn is_named(&self) -> bool {
        matches!(self.root, Root::Entity(_)) && self.steps.is_empty()
    }

    /// Whether it is `context.` and these attributes.
    pub(super) fn is_context(&self, attributes: &[&str]) -> bool {
        let steps = self.steps.iter().map(|step| match step {
            Step::Attribute(name) => Some(name.text()),
            Step::Tag(_) => None,
        });
        self.root == Root::Context && steps.eq(attributes.iter().map(|name| Some(*name)))
    }
}

impl Of {
    /// Whether the policy writes all of it out.
    pub(super) fn is_named(&self) -> bool {
        let named = |one: &Term| matches!(one, Term::Entity(_));
        match self {
            Self::One(one) => named(one),
            Self::Each(each) => each.iter().all(named),
        }
    }
}

impl Name {
    pub(in crate::policy) fn of(uid: &pst::EntityUID) -> Self {
        Self {
            entity_type: uid.ty.to_string().as_str().into(),
            id: uid.eid.as_str().into(),
        }
    }
}
