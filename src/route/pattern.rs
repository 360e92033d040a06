//! Routes written by hand: `match: "GET /x/{y}"`, `action: accounts/read`.

use super::meaning::Declared;
use super::{BodyRule, ReferenceRule, ReferenceTable, Route, RouteSet, Timeouts, ValuePattern};
use crate::fault::{Fault, Place};
use crate::operation::Access;
use http::Method;
use std::sync::Arc;

/// A route as `routes:` of `palisade.yaml` has it.
#[derive(Clone, Debug)]
pub struct Pattern<'a> {
    /// `GET /portal/v1/accounts/{account}`.
    pub matches: &'a str,
    /// `accounts/read`: the action without its context.
    pub action: &'a str,
    /// What it does, where the method does not say it.
    pub access: Option<Access>,
    /// Why its bodies are not read for references (RULES 13); `None`: a POST, PUT or PATCH takes JSON,
    /// and the others nothing.
    pub body_unchecked: Option<&'a str>,
    /// Path parameters that hold something else than an id, and where each is given.
    pub parameters: Vec<(String, ValuePattern, Place)>,
    /// Portal only: it acts on the platform itself (RULES 16).
    pub platform: bool,
    /// It may become a WebSocket (RULES 20), and where that stands.
    pub websocket: Option<Place>,
    /// Where `match` stands.
    pub match_place: Place,
    /// Where `action` stands.
    pub action_place: Place,
    /// For messages: `palisade.yaml:12`.
    pub declared_at: String,
}

/// Reads one route.
pub fn read(
    pattern: &Pattern<'_>,
    set: &Arc<RouteSet>,
    references: &[ReferenceRule],
) -> Result<Route, Vec<Fault>> {
    let fault = |message: &str| {
        let place = pattern.match_place.clone();
        let fault = Fault::error("route_match", place, message);
        vec![fault.help("write a method and a template: `GET /portal/v1/accounts/{account}`")]
    };
    let mut words = pattern.matches.split_ascii_whitespace();
    let (Some(method), Some(template), None) = (words.next(), words.next(), words.next()) else {
        return Err(fault("not a method and a template"));
    };
    // Methods are case-sensitive: `get` is another method than `GET`, and never meant.
    let upper = method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    let method = Method::from_bytes(method.as_bytes()).ok().filter(|_| upper);
    let Some(method) = method else {
        return Err(fault("the method is not one in capital letters"));
    };
    let takes_json = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
    let declared = Declared {
        body: match pattern.body_unchecked {
            Some(why) => BodyRule::Unchecked(why.into()),
            None if takes_json => BodyRule::Json,
            None => BodyRule::None,
        },
        method,
        template: template.to_owned(),
        action: pattern.action,
        access: pattern.access,
        platform: pattern.platform,
        websocket: pattern.websocket.clone(),
        timeouts: Timeouts::default(),
        parameters: Vec::new(),
        patterns: pattern.parameters.clone(),
        path_place: pattern.match_place.clone(),
        action_place: pattern.action_place.clone(),
        line: pattern.declared_at.clone(),
    };
    declared.route(set, &ReferenceTable::new(references))
}
