//! An upstream that nobody here wrote. Needs `nginx`.

mod killed;
mod large;

use crate::support::child::free_address;
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::gate::TestGate;
use crate::support::tools::program;
use serde_json::json;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

struct Nginx {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Nginx {
    fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let port = free_address().port();
        let path = folder.path().display();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {path}/pid;\nerror_log {path}/error.log;\nevents {{}}\n\
             http {{\n  access_log {path}/access.log;\n  client_body_temp_path {path}/body;\n\
             proxy_temp_path {path}/proxy;\n  fastcgi_temp_path {path}/fastcgi;\n\
             uwsgi_temp_path {path}/uwsgi;\n  scgi_temp_path {path}/scgi;\n\
             server {{\n    listen 127.0.0.1:{port};\n    root {path}/files;\n    client_max_body_size 0;\n\
             location = /dashboard/v1/missions/chunked {{\n      alias {path}/files/dashboard/v1/missions/m-1;\n\
             sub_filter_types *;\n      sub_filter not-in-any-body not-in-any-body;\n    }}\n\
             location /dashboard/ {{\n      dav_methods PUT;\n      create_full_put_path on;\n    }}\n\
             location / {{\n      default_type text/plain;\n\
             return 200 \"$http_x_palisade_account $http_x_palisade_workspace $request_uri\";\n    }}\n  }}\n}}\n"
        );
        fs::write(folder.path().join("nginx.conf"), config).expect("a file can be written");
        let child = Command::new(program("nginx"))
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .arg("-e")
            .arg(folder.path().join("start.log"))
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let nginx = Self {
            child,
            folder,
            port,
        };
        eventually("nginx listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        nginx
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn nginx_itself_answers_as_the_next_test_needs() {
    let nginx = Nginx::start();
    let address = SocketAddr::from(([127, 0, 0, 1], nginx.port));
    let reply = Request::new(address, "GET", "/a?b")
        .header("x-palisade-account", "acme")
        .send();
    assert_eq!((reply.status, reply.text().as_str()), (200, "acme  /a?b"));
}

#[test]
fn nginx_gets_the_annotation_and_its_answers_pass() {
    let nginx = Nginx::start();
    let gate = TestGate::builder()
        .set("/upstreams/api/url", json!(nginx.url()))
        .start();
    let token = gate.issuer.user("ana").sign();
    let mut connection = gate.connect();
    for at in 0..5 {
        let target = format!("/app/v1/missions?n={at}");
        let reply = gate.get(&target).bearer(&token).send_on(&mut connection);
        reply.allowed(200);
        assert_eq!(reply.text(), format!("acme acme-prod {target}"));
    }
    let log = nginx.folder.path().join("access.log");
    eventually("nginx saw five requests", || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        (text.lines().count() == 5).then_some(())
    });
}
