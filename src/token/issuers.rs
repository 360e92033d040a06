//! All configured issuers: a token goes in, what it proves comes out.

use super::bind;
use super::caller::Caller;
use super::check;
use super::compact::{Compact, Header, TOKEN_BYTES_MAX, cut};
use super::error::Error;
use super::issuer::Issuer;
use super::jwks::{Jwks, Key, sha256};
use super::settings::IssuerSettings;
use super::store::Asked;
use super::store::millis;
use super::verified::{Claims, Verified};
use super::verify;
use crate::clock::{Clock, Timestamp};
use crate::fault::Fault;
use crate::telemetry::Metrics;
use crate::tenant::Directory;
use arc_swap::ArcSwapOption;
use moka::notification::RemovalCause;
use moka::sync::Cache;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Notify;

/// How many proved tokens are remembered, unless the configuration says otherwise.
pub const TOKEN_ENTRIES: u64 = 100_000;

/// The configured issuers, their keys, and the tokens that were proved lately.
pub struct Issuers {
    /// By exact `iss`.
    by_iss: HashMap<String, Arc<Issuer>>,
    /// In the order of the configuration.
    pub(super) all: Vec<Arc<Issuer>>,
    /// By the SHA-256 of the whole token: one by signature would take a changed payload for the
    /// one that was signed. Shared with the issuers before and after these: an entry counts only
    /// while its issuer is one of them, unchanged. Refusals are not remembered: strangers could
    /// fill it.
    proved: Cache<[u8; 32], Arc<Verified>>,
    /// Rouses the task that fetches keys; one for all generations.
    pub(super) wanted: Arc<Notify>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
}

/// A token taken apart, and the issuer it names.
struct Presented<'a> {
    compact: Compact<'a>,
    header: Header,
    claims: Claims,
    issuer: &'a Arc<Issuer>,
}

impl Issuers {
    /// Issuers of these settings, remembering [`TOKEN_ENTRIES`] tokens.
    pub fn new(
        settings: Vec<IssuerSettings>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, Vec<Fault>> {
        Self::with_cache(settings, TOKEN_ENTRIES, clock, metrics)
    }

    /// Issuers of these settings, remembering `token_entries` tokens of ordinary size. All faults at once, with the
    /// key `issuers[i]…`.
    pub fn with_cache(
        settings: Vec<IssuerSettings>,
        token_entries: u64,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, Vec<Fault>> {
        let all = check::open(settings, &HashMap::new())?;
        let evicted = Arc::clone(&metrics);
        let proved = Cache::builder()
            .max_capacity(token_entries)
            .weigher(|_, verified: &Arc<Verified>| verified.weight())
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    evicted.token_cache_evictions(1);
                }
            })
            .build();
        let issuers = Self {
            by_iss: by_iss(&all),
            all,
            proved,
            wanted: Arc::default(),
            clock,
            metrics,
        };
        issuers.register();
        Ok(Arc::new(issuers))
    }

    /// The issuers after these. Whose settings are the same stays as it is, with its keys and with the
    /// tokens that were proved; whose keys come from the same place keeps its keys; one that is not
    /// there any more, or other than before, has no remembered tokens.
    pub fn succeed(&self, settings: Vec<IssuerSettings>) -> Result<Arc<Self>, Vec<Fault>> {
        let all = check::open(settings, &self.by_iss)?;
        Ok(Arc::new(Self {
            by_iss: by_iss(&all),
            all,
            proved: self.proved.clone(),
            wanted: Arc::clone(&self.wanted),
            clock: self.clock.clone(),
            metrics: Arc::clone(&self.metrics),
        }))
    }

    /// Gives these issuers series of their own, and takes those of others away.
    pub fn register(&self) {
        let names = self.all.iter().map(|issuer| &*issuer.name);
        self.metrics.register_issuers(names);
    }

    /// What `token` proves at `now`. May wait a short while for keys that are just being fetched.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Verified>, Error> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Error::TooLong(token.len()));
        }
        let digest = sha256(token.as_bytes());
        if let Some(known) = self.known(&digest, now) {
            return known;
        }
        self.metrics.token_cache_miss();
        let presented = self.present(token)?;
        let key = self.key_of(&presented, now).await?;
        let verified = Arc::new(presented.prove(&key, now)?);
        self.proved.insert(digest, Arc::clone(&verified));
        Ok(verified)
    }

    /// The same with the keys that are held, for somebody who only wants to know: nothing is fetched,
    /// remembered or counted.
    pub fn inspect(&self, token: &str, now: Timestamp) -> Result<Arc<Verified>, Error> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Error::TooLong(token.len()));
        }
        let presented = self.present(token)?;
        let key = presented.find(presented.issuer.store.keys(now))?;
        presented.prove(&key, now).map(Arc::new)
    }

    /// The same, for a token that was proved before. `None`: it was not, or its key is gone; ask
    /// [`Issuers::verify`].
    pub fn cached(&self, token: &str, now: Timestamp) -> Option<Result<Arc<Verified>, Error>> {
        if token.len() > TOKEN_BYTES_MAX {
            return Some(Err(Error::TooLong(token.len())));
        }
        self.known(&sha256(token.as_bytes()), now)
    }

    /// Binds what was proved to account and workspace (RULES 3-10). What the directory can change is
    /// looked at on every call.
    pub fn bind(
        &self,
        verified: &Arc<Verified>,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Error> {
        verified
            .times
            .check(now, millis(verified.issuer.settings.leeway))?;
        bind::caller(verified, directory)
    }

    /// How many tokens are remembered.
    pub fn remembered(&self) -> u64 {
        self.proved.entry_count()
    }

    /// Whether a token that was proved holds at `now`: its issuer is one of these, unchanged, its key is
    /// still published, and it has not expired. `None`: it has to be proved again.
    pub fn holds(&self, verified: &Verified, now: Timestamp) -> Option<Result<(), Error>> {
        let issuer = &verified.issuer;
        let own = self.by_iss.get(&issuer.settings.issuer);
        if !own.is_some_and(|own| Arc::ptr_eq(own, issuer)) {
            // Proved under settings that hold no more.
            return None;
        }
        match issuer.store.holds(&verified.key, now) {
            Ok(true) => Some(verified.times.check(now, millis(issuer.settings.leeway))),
            // The key is published no more: the token is as unknown as if it had never been seen.
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn known(&self, digest: &[u8; 32], now: Timestamp) -> Option<Result<Arc<Verified>, Error>> {
        let verified = self.proved.get(digest)?;
        let Some(held) = self.holds(&verified, now) else {
            self.proved.invalidate(digest);
            return None;
        };
        self.metrics.token_cache_hit();
        Some(held.map(|()| verified))
    }

    /// Takes a token apart. Its `iss` chooses the issuer to be asked; nothing else is taken from
    /// claims that are not verified yet.
    fn present<'a>(&'a self, token: &'a str) -> Result<Presented<'a>, Error> {
        let compact = Compact::split(token)?;
        let header = compact.header()?;
        let claims = compact.claims()?;
        let issuer = self.named_by(&claims)?;
        if !issuer.settings.algorithms.contains(&header.algorithm) {
            return Err(Error::Algorithm(header.algorithm.label().to_owned()));
        }
        Ok(Presented {
            compact,
            header,
            claims: Claims(Value::Object(claims)),
            issuer,
        })
    }

    /// The issuer that claims name, by their exact `iss`.
    pub(super) fn named_by(&self, claims: &Map<String, Value>) -> Result<&Arc<Issuer>, Error> {
        let iss = match claims.get("iss") {
            Some(Value::String(iss)) => iss,
            Some(_) => return Err(Error::ClaimType("iss")),
            None => return Err(Error::IssuerUnknown(String::new())),
        };
        self.by_iss
            .get(iss)
            .ok_or_else(|| Error::IssuerUnknown(cut(iss)))
    }

    async fn key_of(&self, presented: &Presented<'_>, now: Timestamp) -> Result<Arc<Key>, Error> {
        let store = &presented.issuer.store;
        let first = presented.find(store.keys(now));
        let Err(refusal) = first else { return first };
        match store.ask(now, || self.wanted.notify_one()).await {
            Asked::Ended | Asked::TooSoon => {}
            Asked::GaveUp => {
                return Err(Error::KeysUnavailable(presented.issuer.name.to_string()));
            }
        }
        // While the issuer does not answer, nobody can say that the key does not exist.
        match presented.find(store.keys(now)) {
            Err(Error::KeyUnknown { .. }) if store.held().error.is_some() => {
                Err(Error::KeysUnavailable(presented.issuer.name.to_string()))
            }
            Err(_) if matches!(refusal, Error::KeysUnavailable(_)) && store.keys(now).is_err() => {
                Err(refusal)
            }
            again => again,
        }
    }
}

fn by_iss(all: &[Arc<Issuer>]) -> HashMap<String, Arc<Issuer>> {
    all.iter()
        .map(|issuer| (issuer.settings.issuer.clone(), Arc::clone(issuer)))
        .collect()
}

impl Presented<'_> {
    fn find(&self, keys: Result<Arc<Jwks>, Error>) -> Result<Arc<Key>, Error> {
        let kid = self.header.kid.as_deref();
        keys?.find(kid).cloned().ok_or_else(|| Error::KeyUnknown {
            issuer: self.issuer.name.to_string(),
            kid: kid.map(cut),
        })
    }

    /// The signature, then everything that the claims must be.
    fn prove(self, key: &Key, now: Timestamp) -> Result<Verified, Error> {
        let algorithm = self.header.algorithm;
        if !key.fits(algorithm) {
            return Err(Error::KeyAlgorithm(algorithm.label()));
        }
        if !key.verifies(&self.compact, algorithm) {
            return Err(Error::Signature);
        }
        let times = verify::check(self.issuer, &self.header, &self.claims, now)?;
        Ok(Verified {
            issuer: Arc::clone(self.issuer),
            claims: self.claims,
            times,
            key: key.thumbprint(),
            bound: ArcSwapOption::empty(),
        })
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.all.iter().map(|issuer| &issuer.name);
        f.debug_list().entries(names).finish()
    }
}
