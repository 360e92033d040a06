//! Settings that are less strict than Palisade is of itself: an operator sees all of them in one place
//! (RULES 52).

use super::certificates::Certificates;
use crate::gate::Generation;
use crate::limit::PeerSettings;
use crate::route::{Route, RouteSet};
use serde_json::{Value, json};
use std::sync::Arc;

/// Every relaxed setting of a generation: where it stands, and what it gives up.
pub(super) fn of(generation: &Generation, certificates: Option<&Certificates>) -> Vec<Value> {
    let rules = &generation.rules;
    let issuers = rules.issuers.status().into_iter().flat_map(|issuer| {
        let place = format!("issuer {}", issuer.name);
        let relaxed = issuer.relaxed.into_iter();
        relaxed.map(move |what| (place.clone(), what))
    });
    let upstreams = generation.forward.upstreams.iter();
    let upstreams = upstreams.filter(|one| one.forward_token).map(|one| {
        let place = format!("upstream {}", one.name);
        (place, "forward_token: it gets the caller's token")
    });
    let mut seen: Vec<*const RouteSet> = Vec::new();
    let mut routes = Vec::new();
    for route in rules.router.routes() {
        if !route.patterns.is_empty() {
            let what = "patterns: a parameter holds something else than an id";
            routes.push((shown(route), what));
        }
        if route.websocket {
            let what = "websocket: nobody looks into its frames";
            routes.push((shown(route), what));
        }
        // Once for each entry of `routes`: what follows, all its routes share.
        if !seen.contains(&Arc::as_ptr(&route.set)) {
            seen.push(Arc::as_ptr(&route.set));
            let of_set = of_set(&route.set).map(|what| (shown(route), what));
            routes.extend(of_set);
        }
    }
    of_peers(rules.peers)
        .map(|what| ("listen.peers".to_owned(), what))
        .chain(of_tls(certificates))
        .chain(issuers)
        .chain(upstreams)
        .chain(routes)
        .map(|(place, what)| json!({ "where": place, "what": what }))
        .collect()
}

fn of_tls(certificates: Option<&Certificates>) -> impl Iterator<Item = (String, &'static str)> {
    let what = "client_auth: clients that show no certificate are served";
    let relaxed = certificates.filter(|one| one.anybody());
    relaxed.map(|_| ("listen.tls".to_owned(), what)).into_iter()
}

fn shown(route: &Route) -> String {
    format!("route {} {}", route.method, route.template)
}

fn of_set(set: &RouteSet) -> impl Iterator<Item = &'static str> {
    let any_origin = set
        .cors
        .as_ref()
        .is_some_and(|cors| cors.origins.iter().any(|origin| origin == "*"));
    let public = "public: nobody asks who calls";
    let contexts = "also_accepts: tokens of another API";
    let origins = "cors: pages of any origin may read the answers";
    [
        set.public.then_some(public),
        (!set.also_accepts.is_empty()).then_some(contexts),
        any_origin.then_some(origins),
    ]
    .into_iter()
    .flatten()
}

fn of_peers(peers: PeerSettings) -> impl Iterator<Item = &'static str> {
    let requests = "requests: strangers have no rate of their own";
    let signatures = "signatures: strangers may have any number of tokens checked";
    [
        peers.requests.is_none().then_some(requests),
        peers.signatures.is_none().then_some(signatures),
    ]
    .into_iter()
    .flatten()
}
