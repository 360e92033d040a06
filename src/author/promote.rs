//! What is to be comes to where it serves, and what served is kept to be brought back.
//!
//! Everything is read and validated before a file is touched. What is validated is what is written, not what
//! the files say by then. Each folder, or file, changes in one step of the file system (`site`).

mod site;
mod slot;

pub use site::{Failed, Site};

use crate::config::{self, Compare, Resolved, SHADOW_ACCOUNTS as ACCOUNTS};
use crate::decision::ShadowSettings;
use crate::fault::Fault;
use crate::policy::{self, OverlaySource, Source, Store};
use crate::tenant::AccountId;
use site::{Form, Locked, hex};
use slot::Slot;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file's name and text.
pub type Named = (String, Arc<str>);

/// Why nothing is done.
#[derive(Debug)]
pub enum Refused {
    /// It would not load.
    Faults(Vec<Fault>),
    /// It cannot be done, or is not what was asked for.
    Failed(Failed),
}

impl From<Failed> for Refused {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// One folder or file that is to say something else.
#[derive(Debug)]
pub struct Step {
    /// Where.
    pub site: Site,
    /// What its policies are now.
    pub before: Vec<Named>,
    /// What they are to be.
    pub after: Vec<Named>,
    from: Option<[u8; 32]>,
}

/// What is to be done, all of it or nothing.
#[derive(Debug)]
pub struct Plan {
    /// What says the same already is not among them.
    pub steps: Vec<Step>,
    _locked: Vec<Locked>,
}

/// Which policies.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// The platform's.
    Platform,
    /// Those of these accounts.
    Accounts(&'a [AccountId]),
}

/// What a promotion would do.
pub fn promotion(config: &Path, whose: Whose<'_>) -> Result<Plan, Refused> {
    let mut resolved = config::load(config).map_err(Refused::Faults)?;
    let Some(shadow) = resolved.shadow.take() else {
        return Err(Failed::said("the configuration has no `shadow`: nothing is to be").into());
    };
    let sites = sites(&shadow, &resolved, whose)?;
    let locked = lock(&sites)?;
    let mut steps = Vec::new();
    for (site, after) in sites {
        site.keeps_clear_of(config)?;
        let (from, before) = (site.digest()?, site.policies()?);
        steps.push(Step {
            site,
            before,
            after,
            from,
        });
    }
    validate(shadow.policy, whose, &shadow.faults)?;
    settled(resolved)?;
    steps.retain(|step| step.before != step.after);
    Ok(Plan {
        steps,
        _locked: locked,
    })
}

/// Files that are being written may have lost their forbids (RULES 27).
fn settled(resolved: Resolved) -> Result<(), Failed> {
    std::thread::sleep(resolved.reload.debounce);
    let mut seen = resolved.origin.seen;
    if seen.holds(Compare::Contents) {
        Ok(())
    } else {
        Err(Failed::said("the files change while they are read"))
    }
}

fn lock(sites: &[(Site, Vec<Named>)]) -> Result<Vec<Locked>, Failed> {
    // All of them lie side by side.
    let first = sites.first().map(|(site, _)| site.lock());
    first.into_iter().collect()
}

/// Where the policies go, and what they are.
fn sites(
    shadow: &ShadowSettings,
    resolved: &Resolved,
    whose: Whose<'_>,
) -> Result<Vec<(Site, Vec<Named>)>, Refused> {
    let folder = shadow.folder.display();
    let accounts = match whose {
        Whose::Platform if !shadow.own_platform && shadow.faults.is_empty() => {
            let why = format!("`{folder}` holds no policies of the platform; name an account");
            return Err(Failed::said(why).into());
        }
        Whose::Platform => {
            let site = Site::of(&resolved.kept.policies(), Form::Policies)?;
            return Ok(vec![(site, named(&shadow.policy.platform))]);
        }
        Whose::Accounts(accounts) => accounts,
    };
    let overlays = &shadow.policy.overlays;
    let mut sites = Vec::new();
    for account in accounts {
        let own = overlays.iter().find(|one| one.account() == account);
        let Some(own) = own.filter(|_| shadow.accounts.contains(account)) else {
            let why = format!("`{folder}` holds no policies of the account `{account}`");
            return Err(Failed::said(why).into());
        };
        if !own.faults().is_empty() {
            return Err(Refused::Faults(own.faults().to_vec()));
        }
        let site = site_of(account, is_single(own, &shadow.folder), resolved)?;
        sites.push((site, named(own.files())));
    }
    Ok(sites)
}

/// The account's file or folder, which keeps its form: one cannot take the place of the other in one step.
fn site_of(account: &AccountId, single: bool, resolved: &Resolved) -> Result<Site, Failed> {
    let folder = overlays(resolved)?;
    let (file, many) = forms(&folder, account);
    let (own, other, form) = if single {
        (file, many, Form::File)
    } else {
        (many, file, Form::Overlay)
    };
    if other.symlink_metadata().is_ok() {
        let why = format!(
            "`{}` is there: give the account's policies the same form in the shadow, one file or one folder",
            other.display()
        );
        return Err(Failed::said(why));
    }
    Site::of(&own, form)
}

fn overlays(resolved: &Resolved) -> Result<PathBuf, Failed> {
    let folder = resolved.kept.overlays();
    folder.ok_or_else(|| Failed::said("`tenants` names no folder of accounts' policies"))
}

fn forms(folder: &Path, account: &AccountId) -> (PathBuf, PathBuf) {
    let file = folder.join(format!("{account}.cedar"));
    (file, folder.join(account.as_str()))
}

/// Whether the shadow has the account's policies in one file.
fn is_single(overlay: &OverlaySource, folder: &Path) -> bool {
    let first = overlay.files().first();
    let parent = first.and_then(|source| Path::new(&source.file).parent());
    parent == Some(&folder.join(ACCOUNTS))
}

fn named(sources: &[Source]) -> Vec<Named> {
    let name = |source: &Source| {
        let name = Path::new(&source.file).file_name().unwrap_or_default();
        (
            name.to_string_lossy().into_owned(),
            Arc::clone(&source.text),
        )
    };
    sources.iter().map(name).collect()
}

/// By the code that `palisade check` uses.
fn validate(settings: policy::Settings, whose: Whose<'_>, faults: &[Fault]) -> Result<(), Refused> {
    let overlays = settings.overlays.iter();
    let asked = |one: &&Arc<OverlaySource>| match whose {
        Whose::Platform => false,
        Whose::Accounts(accounts) => accounts.contains(one.account()),
    };
    let own = overlays.filter(asked).cloned().collect();
    if matches!(whose, Whose::Platform) && !faults.is_empty() {
        return Err(Refused::Faults(faults.to_vec()));
    }
    match Store::build(policy::Settings {
        overlays: own,
        ..settings
    }) {
        Ok((store, _)) if store.quarantined().is_empty() => Ok(()),
        Ok((_, found)) | Err(found) => Err(Refused::Faults(found)),
    }
}

impl Plan {
    /// What it is about, in a word: another one, where anything of it is another.
    pub fn word(&self) -> String {
        let mut parts = Vec::new();
        for step in &self.steps {
            let path = step.site.path().display().to_string();
            parts.push(path.into_bytes());
            parts.push(step.from.map(Vec::from).unwrap_or_default());
            for (name, text) in &step.after {
                parts.push(name.clone().into_bytes());
                parts.push(text.as_bytes().to_vec());
            }
        }
        let digest = site::digest_of(parts.iter().map(Vec::as_slice));
        hex(&digest).chars().take(16).collect()
    }

    /// Does all of it. `Err`: all is as it was, where the machine lets it be.
    pub fn carry_out(&self, now: &str) -> Result<(), Failed> {
        let mut staged = Vec::new();
        for step in &self.steps {
            staged.push((
                step,
                Slot::stage(&step.site, (step.from, &step.after), now)?,
            ));
        }
        let mut done: Vec<(&Step, &Slot)> = Vec::new();
        for (step, slot) in &staged {
            if let Err(failed) = slot.enter(&step.site) {
                for (step, slot) in done.iter().rev() {
                    slot.leave(&step.site)?;
                }
                for (_, slot) in &staged {
                    slot.forget();
                }
                return Err(failed);
            }
            done.push((step, slot));
        }
        for (step, _) in &staged {
            Slot::prune(&step.site);
        }
        Ok(())
    }
}

/// What served before the latest promotion.
#[derive(Debug)]
pub struct Return {
    /// Where.
    pub site: Site,
    /// What its policies are now.
    pub before: Vec<Named>,
    /// What they are to be again.
    pub after: Vec<Named>,
    slot: Slot,
    /// What serves is what was promoted.
    untouched: bool,
}

/// What a rollback would do.
#[derive(Debug)]
pub struct Rollback {
    /// One for each.
    pub returns: Vec<Return>,
    _locked: Vec<Locked>,
}

/// What a rollback would do. What serves and is not what was promoted is replaced with `force` only.
pub fn rollback(config: &Path, whose: Whose<'_>, force: bool) -> Result<Rollback, Refused> {
    let resolved = config::load(config).map_err(Refused::Faults)?;
    let mut sites = Vec::new();
    match whose {
        Whose::Platform => sites.push(Site::of(&resolved.kept.policies(), Form::Policies)?),
        Whose::Accounts(accounts) => {
            let folder = overlays(&resolved)?;
            for account in accounts {
                let (file, many) = forms(&folder, account);
                let file = Site::of(&file, Form::File)?;
                let there = |path: &Path| path.symlink_metadata().is_ok();
                let is_file = match (there(file.path()), there(&many)) {
                    (true, true) => {
                        let (one, other) = (file.path().display(), many.display());
                        let why = format!("both `{one}` and `{other}` are there: remove one");
                        return Err(Failed::said(why).into());
                    }
                    (false, false) => Slot::any(&file),
                    (is_file, _) => is_file,
                };
                sites.push(if is_file {
                    file
                } else {
                    Site::of(&many, Form::Overlay)?
                });
            }
        }
    }
    let locked = sites.first().map(Site::lock);
    let locked = locked
        .into_iter()
        .collect::<Result<Vec<Locked>, Failed>>()?;
    let mut returns = Vec::new();
    for site in sites {
        let Some((slot, untouched)) = Slot::latest(&site)? else {
            let why = format!("nothing was promoted to `{}`", site.path().display());
            return Err(Failed::said(why).into());
        };
        if !untouched && !force {
            let why = format!(
                "`{}` is not what was promoted any more; `--force` replaces it, and keeps it beside",
                site.path().display()
            );
            return Err(Failed::said(why).into());
        }
        returns.push(Return {
            before: site.policies()?,
            after: slot.policies(&site)?,
            site,
            slot,
            untouched,
        });
    }
    if !force {
        loads_again(&resolved, whose, &returns)?;
    }
    Ok(Rollback {
        returns,
        _locked: locked,
    })
}

/// It served once; schema and routes may be others by now.
fn loads_again(resolved: &Resolved, whose: Whose<'_>, returns: &[Return]) -> Result<(), Refused> {
    let sources = |one: &Return| -> Vec<Source> {
        let each = one.after.iter();
        each.map(|(name, text)| {
            let file = one.slot.held().join(name).display().to_string();
            Source::new(file, Arc::clone(text))
        })
        .collect()
    };
    let mut settings = resolved.policy.clone();
    match whose {
        Whose::Platform => {
            settings.platform = returns.iter().flat_map(sources).collect();
            if settings.platform.is_empty() {
                return Err(Failed::said("what is kept holds no policies").into());
            }
        }
        Whose::Accounts(accounts) => {
            let each = accounts.iter().zip(returns);
            let overlay = |(account, one): (&AccountId, &Return)| {
                let mode = resolved.directory.account(account)?.overlay;
                let overlay = OverlaySource::new(account.clone(), mode, sources(one), Vec::new());
                Some(Arc::new(overlay))
            };
            settings.overlays = each.filter_map(overlay).collect();
        }
    }
    validate(settings, whose, &[])
}

impl Rollback {
    /// Does all of it. `Err`: all is as it was, where the machine lets it be.
    pub fn carry_out(&self) -> Result<(), Failed> {
        let mut done: Vec<&Return> = Vec::new();
        for one in &self.returns {
            if let Err(failed) = one.slot.leave_again(&one.site, one.untouched) {
                for one in done.iter().rev() {
                    one.slot.enter_again(&one.site)?;
                }
                return Err(failed);
            }
            done.push(one);
        }
        for one in done {
            if one.untouched {
                one.slot.forget();
            } else {
                one.slot.set_aside();
            }
        }
        Ok(())
    }
}
