//! A tenant that every query asks for: what a service behind Palisade makes of its headers.

#![expect(clippy::print_stdout, reason = "it shows what it finds")]

use http::HeaderMap;

/// The tenant of one request. There is no other way to one than through the gate's headers.
pub struct Tenant {
    workspace: String,
}

impl Tenant {
    /// `None`: the request did not come through the gate.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let workspace = headers.get("x-palisade-workspace")?.to_str().ok()?;
        Some(Self {
            workspace: workspace.to_owned(),
        })
    }
}

/// Something of one workspace.
pub struct Mission {
    workspace: &'static str,
    id: &'static str,
    title: &'static str,
}

/// Missions of all workspaces, as a database has them.
pub struct Missions {
    all: Vec<Mission>,
}

impl Missions {
    /// An id alone finds nothing.
    pub fn find(&self, tenant: &Tenant, id: &str) -> Option<&Mission> {
        let own = |mission: &&Mission| mission.workspace == tenant.workspace && mission.id == id;
        self.all.iter().find(own)
    }
}

fn main() {
    let mission = |workspace, id, title| Mission {
        workspace,
        id,
        title,
    };
    let all = vec![
        mission("acme-prod", "m-1", "Plant a tree"),
        mission("globex-prod", "m-2", "Skip the lift"),
    ];
    let missions = Missions { all };
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-palisade-workspace",
        http::HeaderValue::from_static("acme-prod"),
    );
    let tenant = Tenant::of(&headers);
    for id in ["m-1", "m-2"] {
        let found = tenant.as_ref().and_then(|own| missions.find(own, id));
        let title = found.map_or("no such mission", |mission| mission.title);
        println!("{id}: {title}");
    }
}
