//! The facts of a question as policies can look at them: what the decision cache's key is made of.
//!
//! Of every path it says what the Cedar question of `question` says there; tests hold both against each
//! other. Nothing is built: a look-up makes no entity and allocates nothing.

mod attributes;
mod parents;
mod seen;
mod short;
mod uid;

use super::facts::Facts;
use crate::policy::{Attribute, Bit, Of, Path, Read, Root, Step, Term, View, Word};
use seen::{Seen, Set, encode};
use short::Short;
use uid::Uid;

/// Where a path has led to.
#[derive(Clone, Copy, Debug)]
enum Here<'a> {
    /// The caller, or whom it acts for.
    Principal,
    /// What is asked for.
    Resource,
    /// The machine client that acts for the principal.
    Actor,
    /// Under which circumstances.
    Context,
    /// A value, or the name of an entity that may be one of those above.
    Value(Seen<'a>),
}

/// Every attribute that a principal, a resource or a context can have, but the time.
pub(super) const ATTRIBUTES: [Attribute; 23] = [
    Attribute::Account,
    Attribute::AccountRole,
    Attribute::Actor,
    Attribute::Bearer,
    Attribute::Catalogs,
    Attribute::Certificate,
    Attribute::Contexts,
    Attribute::Email,
    Attribute::Grant,
    Attribute::Http,
    Attribute::Id,
    Attribute::Ip,
    Attribute::Kind,
    Attribute::Mfa,
    Attribute::Owner,
    Attribute::PrincipalId,
    Attribute::Reason,
    Attribute::Role,
    Attribute::Scopeless,
    Attribute::Scopes,
    Attribute::Tenant,
    Attribute::Workspace,
    Attribute::Workspaces,
];

impl View for Facts<'_> {
    fn bit(&self, bit: &Bit) -> Option<bool> {
        match self.short(bit) {
            Short::Found(found) => {
                debug_assert_eq!(
                    found,
                    self.look(bit),
                    "the short way leads elsewhere: {bit:?}"
                );
                found
            }
            Short::No => self.look(bit),
        }
    }

    fn value(&self, read: &Read, out: &mut Vec<u8>) {
        match read {
            Read::Value(path) => encode(self.seen(path), out),
            Read::Type(path) => {
                let entity = self.at(path).and_then(|here| self.name(here));
                encode(entity.map(|uid| Seen::Text(uid.entity_type())), out);
            }
            Read::Tags(path) => match self.at(path) {
                Some(here) => self.tags(here, out),
                None => encode(None, out),
            },
        }
    }

    fn everything(&self, out: &mut Vec<u8>) {
        for here in [Here::Principal, Here::Actor, Here::Resource, Here::Context] {
            encode(self.name(here).map(Seen::Entity), out);
            for name in ATTRIBUTES {
                encode(self.attribute(here, name), out);
            }
            self.any_parent(here, |parent| {
                encode(Some(Seen::Entity(parent)), out);
                false
            });
            self.tags(here, out);
        }
    }
}

impl Facts<'_> {
    /// The answer, whatever is asked.
    fn look(&self, bit: &Bit) -> Option<bool> {
        match bit {
            Bit::Has(path) => self.has(path),
            Bit::True(path) => match self.seen(path)? {
                Seen::Flag(flag) => Some(flag),
                _ => None,
            },
            Bit::Empty(path) => self.set(path).map(Set::is_empty),
            Bit::Same(one, other) => Some(self.term(one)?.same(self.term(other)?)),
            Bit::In(path, of) => self.is_in(self.at(path)?, of),
            Bit::Contains(path, element) => {
                let (set, element) = (self.set(path)?, self.term(element)?);
                Some(set.any(|one| one.same(element)))
            }
        }
    }

    /// `None`: the way there ends before.
    #[inline]
    fn at<'s>(&'s self, path: &'s Path) -> Option<Here<'s>> {
        self.along(&path.root, &path.steps)
    }

    #[inline]
    fn along<'s>(&'s self, root: &'s Root, steps: &'s [Step]) -> Option<Here<'s>> {
        let start = match root {
            Root::Principal => Here::Principal,
            Root::Resource => Here::Resource,
            Root::Context => Here::Context,
            Root::Entity(name) => Here::Value(Seen::Entity(Uid::Written(name))),
        };
        let mut here = start;
        for step in steps {
            here = Here::Value(self.step(here, step)?);
        }
        Some(here)
    }

    #[inline]
    fn step<'s>(&'s self, here: Here<'s>, step: &'s Step) -> Option<Seen<'s>> {
        match (self.resolve(here), step) {
            (Here::Value(Seen::Record(record)), Step::Attribute(Word::Known(name))) => {
                record.field(*name)
            }
            (Here::Value(_), _) | (_, Step::Attribute(Word::Other(_))) => None,
            (here, Step::Attribute(Word::Known(name))) => self.attribute(here, *name),
            (here, Step::Tag(key)) => self.tag(here, key).map(Seen::Text),
        }
    }

    /// Whether the last step leads to something. Of an entity that is only a name, there is nothing.
    fn has(&self, path: &Path) -> Option<bool> {
        let (last, before) = path.steps.split_last()?;
        let here = self.resolve(self.along(&path.root, before)?);
        match (here, last) {
            (Here::Value(Seen::Entity(_)), _) => Some(false),
            (Here::Principal | Here::Resource | Here::Actor, _)
            | (Here::Value(Seen::Record(_)) | Here::Context, Step::Attribute(_)) => {
                Some(self.step(here, last).is_some())
            }
            (Here::Value(_) | Here::Context, _) => None,
        }
    }

    #[inline]
    fn seen<'s>(&'s self, path: &'s Path) -> Option<Seen<'s>> {
        match self.at(path)? {
            Here::Value(seen) => Some(seen),
            here => self.name(here).map(Seen::Entity),
        }
    }

    fn set<'s>(&'s self, path: &'s Path) -> Option<Set<'s>> {
        match self.seen(path)? {
            Seen::Set(set) => Some(set),
            _ => None,
        }
    }

    #[inline]
    fn term<'s>(&'s self, term: &'s Term) -> Option<Seen<'s>> {
        match term {
            Term::Path(path) => self.seen(path),
            Term::Entity(name) => Some(Seen::Entity(Uid::Written(name))),
            Term::Text(text) => Some(Seen::Text(text)),
            Term::Number(number) => Some(Seen::Number(*number)),
            Term::Flag(flag) => Some(Seen::Flag(*flag)),
        }
    }

    /// The entity there, if it is one of the question's own.
    #[inline]
    fn resolve<'s>(&'s self, here: Here<'s>) -> Here<'s> {
        match here {
            Here::Value(Seen::Entity(uid)) => self.own(uid).unwrap_or(here),
            _ => here,
        }
    }

    fn own<'s>(&'s self, uid: Uid<'_>) -> Option<Here<'s>> {
        if !uid.may_be_asked_about() {
            return None;
        }
        let own = [Here::Principal, Here::Resource, Here::Actor];
        let is = |own: &Here<'_>| self.name(*own).is_some_and(|name| name.same(uid));
        own.into_iter().find(is)
    }

    #[inline]
    fn name<'s>(&'s self, here: Here<'s>) -> Option<Uid<'s>> {
        match here {
            Here::Principal => self.principal(),
            Here::Resource => Some(Uid::Resource(self)),
            Here::Actor => self.actor(),
            Here::Value(Seen::Entity(uid)) => Some(uid),
            Here::Context | Here::Value(_) => None,
        }
    }

    fn is_in<'s>(&'s self, left: Here<'s>, of: &'s Of) -> Option<bool> {
        let uid = self.name(left)?;
        let here = self.resolve(left);
        let below =
            |right: Uid<'_>| uid.same(right) || self.any_parent(here, |parent| parent.same(right));
        match of {
            Of::One(one) => match self.term(one)? {
                Seen::Entity(right) => Some(below(right)),
                Seen::Set(set) if set.is_of_entities() || set.is_empty() => {
                    Some(set.any(|one| match one {
                        Seen::Entity(right) => below(right),
                        _ => false,
                    }))
                }
                _ => None,
            },
            Of::Each(each) => each
                .iter()
                .try_fold(false, |found, one| match self.term(one)? {
                    Seen::Entity(right) => Some(found || below(right)),
                    _ => None,
                }),
        }
    }

    fn tag<'s>(&'s self, here: Here<'s>, key: &str) -> Option<&'s str> {
        let Here::Resource = here else { return None };
        let mut captures = self.captures.iter();
        let found = captures.find(|(name, _)| **name == *key);
        found.map(|(_, value)| value.as_str())
    }

    fn tags(&self, here: Here<'_>, out: &mut Vec<u8>) {
        match self.resolve(here) {
            Here::Resource => {
                for (name, value) in self.captures {
                    encode(Some(Seen::Text(name)), out);
                    encode(Some(Seen::Text(value)), out);
                }
                encode(Some(Seen::Flag(false)), out);
            }
            Here::Principal | Here::Actor => encode(Some(Seen::Flag(false)), out),
            Here::Context | Here::Value(_) => encode(None, out),
        }
    }
}
