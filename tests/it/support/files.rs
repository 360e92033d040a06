//! The configuration folder of a gate, to be rewritten while it runs.

use super::eventually;
use super::gate::{CONTROL_TOKEN, TestGate};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The folder, with what its generated files say.
pub(crate) struct Files {
    pub(super) folder: TempDir,
    /// What `palisade.yaml` says; [`Files::set`] writes it.
    pub(crate) config: Value,
    pub(super) tenants: BTreeMap<String, Value>,
}

impl Files {
    /// Where all of them lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where a file lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file in the place of the former one, in one step, as careful editors do.
    pub(crate) fn put(&self, name: &str, text: &str) {
        let (path, new) = (self.path(name), self.path(".new"));
        fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("a folder can be made");
        fs::write(&new, text).expect("a file can be written");
        fs::rename(new, path).expect("a file can be renamed");
    }

    /// Writes over a file in place, as careless ones do: a reader may see half of it.
    pub(crate) fn overwrite(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file can be written");
    }

    /// Deletes a file.
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("the file is there");
    }

    /// Sets one value of `palisade.yaml` by its JSON pointer; `-` appends to a list.
    pub(crate) fn set(&mut self, pointer: &str, value: Value) {
        set(&mut self.config, pointer, value);
        self.put("palisade.yaml", &self.config.to_string());
    }

    /// Sets one value of a tenant's file.
    pub(crate) fn tenant(&mut self, account: &str, pointer: &str, value: Value) {
        let tenant = self.tenants.get_mut(account).expect("the tenant exists");
        set(tenant, pointer, value);
        let text = tenant.to_string();
        self.put(&format!("tenants/{account}.yaml"), &text);
    }
}

impl TestGate {
    /// Changes files, and returns when the gate has read them and followed, or refused to.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Files)) {
        let before = self.loads();
        change(&mut self.files);
        eventually("the change is followed", || {
            (self.loads() > before).then_some(())
        });
    }

    /// How often the files were loaded, with or without success.
    pub(crate) fn loads(&self) -> f64 {
        self.metrics().sum("palisade_ruleset_loads_total", &[])
    }

    /// `/status`.
    pub(crate) fn status(&self) -> Value {
        let reply = self.control_port("/status").bearer(CONTROL_TOKEN).send();
        assert_eq!(reply.status, 200);
        reply.json()
    }

    /// Fails unless the latest load failed with a fault of that code in that file.
    #[track_caller]
    pub(crate) fn has_fault(&self, code: &str, file: &str) {
        let reload = &self.status()["reload"];
        assert_eq!(reload["ok"], false, "{reload}");
        assert!(told(&reload["faults"], code, file), "{reload}");
    }

    /// Fails unless the latest load succeeded, and warns of that code in that file.
    #[track_caller]
    pub(crate) fn has_warning(&self, code: &str, file: &str) {
        let reload = &self.status()["reload"];
        assert_eq!(reload["ok"], true, "{reload}");
        assert!(told(&reload["warnings"], code, file), "{reload}");
    }

    /// Fails unless the latest load succeeded.
    #[track_caller]
    pub(crate) fn loads_well(&self) {
        let reload = &self.status()["reload"];
        assert_eq!(reload["ok"], true, "{reload}");
    }
}

fn told(faults: &Value, code: &str, file: &str) -> bool {
    let faults = faults.as_array().expect("faults are a list");
    faults.iter().any(|fault| {
        let place = fault["file"].as_str().unwrap_or_default();
        fault["code"] == code && place.ends_with(file)
    })
}

/// Sets a value by its pointer; parents must exist.
pub(super) fn set(whole: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer starts with `/`");
    match whole.pointer_mut(parent).expect("the parent exists") {
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
}
