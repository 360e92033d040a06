//! Policies by chance, with every kind of expression there is and every place where a read can hide.
//!
//! They are text, so that they come to the walk on the product's own way. Most are well typed; no schema
//! holds them to it, and now and then something stands where nothing of its kind belongs.

use super::super::bare::ELSEWHERE;
use super::world::{ENTITIES, Kind, literal, named};
use crate::random::Random;

/// Groups and actions, of which the first ones hold what is asked about now and then, and the last ones
/// never, or nobody knows.
const GROUPS: [&str; 5] = [
    r#"Action::"all""#,
    r#"Action::"read""#,
    r#"Action::"write""#,
    ELSEWHERE,
    r#"Action::"unheard""#,
];

/// Writes policies.
pub(super) struct Author<'a> {
    pub(super) random: &'a mut Random,
    /// What a policy says after its head is at most that deep.
    pub(super) depth_max: usize,
}

impl Author<'_> {
    /// One policy. Slots make it a template.
    pub(super) fn policy(&mut self, slots: bool) -> String {
        let effect = *self.random.one(&["permit", "forbid"]);
        let principal = self.head("principal", "User", slots);
        let resource = self.head("resource", "Doc", slots);
        let action = *self.random.one(&[
            "action",
            "action",
            r#"action == Action::"read""#,
            r#"action in Action::"all""#,
            r#"action in [Action::"write", Action::"read"]"#,
        ]);
        let clauses: Vec<String> = (0..=self.random.below(2)).map(|_| self.clause()).collect();
        let clauses = clauses.join(" ");
        format!("{effect} ({principal}, {action}, {resource}) {clauses};")
    }

    /// Mostly open: a head that does not match hides the rest.
    fn head(&mut self, variable: &str, kind: &str, slots: bool) -> String {
        let which = if slots {
            format!("?{variable}")
        } else {
            named(self.random)
        };
        match self.random.below(if slots { 3 } else { 12 }) {
            0 => format!("{variable} == {which}"),
            1 => format!("{variable} in {which}"),
            2 => format!("{variable} is {kind} in {which}"),
            3 => format!("{variable} is {kind}"),
            _ => variable.to_owned(),
        }
    }

    fn clause(&mut self) -> String {
        let keyword = *self.random.one(&["when", "unless"]);
        let depth = 1 + self.random.below(self.depth_max);
        format!("{keyword} {{ {} }}", self.expression(Kind::Flag, depth))
    }

    fn any(&mut self) -> Kind {
        *self.random.one(&Kind::ALL)
    }

    /// An expression that is mostly of that kind.
    fn expression(&mut self, kind: Kind, depth: usize) -> String {
        let kind = if self.random.once_in(25) {
            self.any()
        } else {
            kind
        };
        let Some(below) = depth.checked_sub(1) else {
            return self.leaf(kind);
        };
        match self.random.below(14) {
            0 | 1 => self.leaf(kind),
            2 => {
                let condition = self.expression(Kind::Flag, below);
                let (yes, no) = (self.expression(kind, below), self.expression(kind, below));
                format!("(if {condition} then {yes} else {no})")
            }
            3 if self.random.once_in(4) => {
                let (value, other) = (self.expression(kind, below), self.any());
                let other = self.expression(other, below);
                format!("{{\"x\": {value}, \"y\": {other}}}[\"x\"]")
            }
            _ => self.made(kind, below),
        }
    }

    fn leaf(&mut self, kind: Kind) -> String {
        match self.random.below(4) {
            0 => literal(self.random, kind, 1),
            _ => self.path(kind),
        }
    }

    /// Attributes and tags that are mostly of that kind.
    fn path(&mut self, kind: Kind) -> String {
        if kind == Kind::Entity && self.random.once_in(2) {
            return (*self.random.one(&["principal", "resource"])).to_owned();
        }
        let name = self.name(kind);
        let entity = self.entity();
        match self.random.below(8) {
            0 | 1 => format!("context[\"{name}\"]"),
            2 => format!("{entity}.getTag(\"{name}\")"),
            3 => format!("{entity}[\"record\"][\"{name}\"]"),
            4 => format!("{entity}[\"entity\"][\"{name}\"]"),
            _ => format!("{entity}[\"{name}\"]"),
        }
    }

    fn name(&mut self, kind: Kind) -> &'static str {
        if kind == Kind::Flag && self.random.once_in(6) {
            ""
        } else {
            kind.name()
        }
    }

    /// A short expression that is an entity.
    fn entity(&mut self) -> String {
        match self.random.below(12) {
            0 => named(self.random),
            1 => "context.entity".to_owned(),
            2 => "(if context.flag then principal else resource)".to_owned(),
            3 => "principal.entity".to_owned(),
            4 => "resource.getTag(\"entity\")".to_owned(),
            5 if self.random.once_in(3) => "principal.getTag(resource.text)".to_owned(),
            6 if self.random.once_in(3) => "{\"x\": principal, \"y\": resource}.y".to_owned(),
            7 if self.random.once_in(3) => "action".to_owned(),
            8 | 9 => "resource".to_owned(),
            _ => "principal".to_owned(),
        }
    }

    /// An expression that says how it comes about.
    fn made(&mut self, kind: Kind, depth: usize) -> String {
        match kind {
            Kind::Flag => self.flag(depth),
            Kind::Number => self.number(depth),
            Kind::Text => self.leaf(Kind::Text),
            Kind::Entity => self.entity(),
            Kind::Set => self.set(depth),
            Kind::Record if self.random.once_in(6) => "context".to_owned(),
            Kind::Record => {
                let (one, other) = (self.any(), self.any());
                let (one, other) = (self.expression(one, depth), self.expression(other, depth));
                format!("{{\"x\": {one}, \"y\": {other}}}")
            }
            Kind::Ip | Kind::Decimal if self.random.once_in(6) => {
                let text = self.expression(Kind::Text, depth);
                format!("{}({text})", kind.name())
            }
            Kind::Ip | Kind::Decimal => self.leaf(kind),
            Kind::Moment => {
                let moment = self.moment(depth);
                match self.random.below(3) {
                    0 => format!("{moment}.toDate()"),
                    1 => format!("{moment}.offset({})", self.expression(Kind::Span, depth)),
                    _ => moment,
                }
            }
            Kind::Span => match self.random.below(3) {
                0 => format!("{}.toTime()", self.moment(depth)),
                1 => {
                    let (one, other) = (self.moment(depth), self.moment(depth));
                    format!("{one}.durationSince({other})")
                }
                _ => self.leaf(Kind::Span),
            },
        }
    }

    fn moment(&mut self, depth: usize) -> String {
        match self.random.below(20) {
            0 => "context.now".to_owned(),
            _ => format!("({})", self.expression(Kind::Moment, depth)),
        }
    }

    fn set(&mut self, depth: usize) -> String {
        let elements = (0..self.random.below(3)).map(|_| {
            let kind = *self.random.one(&[Kind::Entity, Kind::Entity, Kind::Text]);
            self.expression(kind, depth)
        });
        format!("[{}]", elements.collect::<Vec<_>>().join(", "))
    }

    fn number(&mut self, depth: usize) -> String {
        let span = [
            "toMilliseconds",
            "toSeconds",
            "toMinutes",
            "toHours",
            "toDays",
        ];
        match self.random.below(3) {
            0 => format!("(-({}))", self.expression(Kind::Number, depth)),
            1 => {
                let unit = *self.random.one(&span);
                format!("({}).{unit}()", self.expression(Kind::Span, depth))
            }
            _ => {
                let operator = *self.random.one(&["+", "-", "*"]);
                self.infix(Kind::Number, operator, Kind::Number, depth)
            }
        }
    }

    fn infix(&mut self, left: Kind, operator: &str, right: Kind, depth: usize) -> String {
        let (left, right) = (self.expression(left, depth), self.expression(right, depth));
        format!("({left} {operator} {right})")
    }

    fn method(&mut self, left: Kind, name: &str, right: Option<Kind>, depth: usize) -> String {
        let left = self.expression(left, depth);
        let right = right.map_or_else(String::new, |kind| self.expression(kind, depth));
        format!("({left}).{name}({right})")
    }

    fn flag(&mut self, depth: usize) -> String {
        let compare = ["<", "<=", ">", ">="];
        match self.random.below(16) {
            0 => format!("!({})", self.expression(Kind::Flag, depth)),
            1 => self.infix(Kind::Flag, "&&", Kind::Flag, depth),
            2 => self.infix(Kind::Flag, "||", Kind::Flag, depth),
            3 => {
                let kind =
                    *self
                        .random
                        .one(&[Kind::Number, Kind::Number, Kind::Moment, Kind::Span]);
                let operator = *self.random.one(&compare);
                self.infix(kind, operator, kind, depth)
            }
            4 | 5 => {
                let kind = self.any();
                let operator = *self.random.one(&["==", "!="]);
                self.infix(kind, operator, kind, depth)
            }
            6 => self.membership(depth),
            7 => {
                let kind = *self.random.one(&[Kind::Entity, Kind::Text]);
                self.method(Kind::Set, "contains", Some(kind), depth)
            }
            8 => {
                let name = *self.random.one(&["containsAll", "containsAny"]);
                self.method(Kind::Set, name, Some(Kind::Set), depth)
            }
            9 => self.method(Kind::Set, "isEmpty", None, depth),
            10 => self.typed(depth),
            11 => self.has(depth),
            12 => self.tag(),
            13 => {
                let pattern = *self.random.one(&["*", "a*", "*\\**", ""]);
                format!(
                    "({} like \"{pattern}\")",
                    self.expression(Kind::Text, depth)
                )
            }
            14 => self.extension(depth),
            _ => self.time(),
        }
    }

    fn membership(&mut self, depth: usize) -> String {
        let right = *self.random.one(&[Kind::Entity, Kind::Entity, Kind::Set]);
        match self.random.below(16) {
            0 | 1 => return format!("(action in {})", self.expression(right, depth)),
            2 | 3 => return self.group(),
            _ => {}
        }
        self.infix(Kind::Entity, "in", right, depth)
    }

    /// Whether the action is in a group, which is known before anything is asked.
    fn group(&mut self) -> String {
        let mut one = || *self.random.one(&GROUPS);
        let (first, second, third) = (one(), one(), one());
        match self.random.below(3) {
            0 => format!("(action in [{second}, {third}])"),
            1 => format!("(action in [{second}, {first}, {third}])"),
            _ => format!("(action in {first})"),
        }
    }

    fn typed(&mut self, depth: usize) -> String {
        let (kind, _) = *self.random.one(&ENTITIES);
        let expression = self.expression(Kind::Entity, depth);
        if self.random.once_in(2) {
            return format!("({expression} is {kind})");
        }
        let above = self.expression(Kind::Entity, depth);
        format!("({expression} is {kind} in {above})")
    }

    fn has(&mut self, depth: usize) -> String {
        let kind = self.any();
        let (base, name) = match self.random.below(4) {
            0 => ("context".to_owned(), self.name(kind)),
            1 => (self.expression(Kind::Record, depth), kind.name()),
            _ => (self.entity(), self.name(kind)),
        };
        match self.random.below(4) {
            0 => format!("({base} has record.{})", kind.name()),
            1 => format!("({base} has entity.{}.text)", kind.name()),
            // As people write it: first a look, then the reading.
            2 if kind == Kind::Flag => format!("({base} has \"{name}\" && {base}[\"{name}\"])"),
            _ => format!("({base} has \"{name}\")"),
        }
    }

    fn tag(&mut self) -> String {
        let entity = self.entity();
        match self.random.below(3) {
            0 => format!("{entity}.hasTag({})", self.leaf(Kind::Text)),
            1 => format!("({entity}.hasTag(\"flag\") && {entity}.getTag(\"flag\"))"),
            _ => {
                let kind = self.any();
                let name = self.name(kind);
                format!("{entity}.hasTag(\"{name}\")")
            }
        }
    }

    fn extension(&mut self, depth: usize) -> String {
        let of_ip = ["isIpv4", "isIpv6", "isLoopback", "isMulticast"];
        let of_decimal = [
            "lessThan",
            "lessThanOrEqual",
            "greaterThan",
            "greaterThanOrEqual",
        ];
        match self.random.below(3) {
            0 => {
                let name = *self.random.one(&of_ip);
                self.method(Kind::Ip, name, None, depth)
            }
            1 => self.method(Kind::Ip, "isInRange", Some(Kind::Ip), depth),
            _ => {
                let name = *self.random.one(&of_decimal);
                self.method(Kind::Decimal, name, Some(Kind::Decimal), depth)
            }
        }
    }

    /// The time, in the forms that leave it out of the key.
    fn time(&mut self) -> String {
        let operator = *self.random.one(&["<", "<=", ">", ">=", "==", "!="]);
        let span = literal(self.random, Kind::Span, 0);
        let moment = literal(self.random, Kind::Moment, 0);
        match self.random.below(5) {
            0 => format!("(context.now.toTime() {operator} {span})"),
            1 => format!("({span} {operator} context.now.toTime())"),
            2 => format!("({moment} {operator} context.now)"),
            3 => format!("(context has grant.until && context.now {operator} context.grant.until)"),
            _ => format!("(context.now {operator} {moment})"),
        }
    }
}
