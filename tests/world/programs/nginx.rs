//! nginx, with a folder of its own and whatever servers a test writes.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tempfile::TempDir;

use super::{Program, free_port, tied};
use crate::support::authority;
use crate::support::postgres::is_root;

pub struct Nginx {
    folder: TempDir,
    program: Program,
    pub ports: Vec<u16>,
}

impl Nginx {
    /// `servers` gets ports for as many servers as it asks for with `PORT0`, `PORT1` …, and `TLS`
    /// for what a server over TLS needs.
    pub async fn start(servers: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let leaf = authority::leaf(&["localhost", "127.0.0.1"]);
        std::fs::write(folder.path().join("server.pem"), leaf.certificate).unwrap();
        std::fs::write(folder.path().join("server.key"), leaf.key).unwrap();
        let mut ports = Vec::new();
        let mut servers =
            servers.replace("TLS", "ssl_certificate server.pem; ssl_certificate_key server.key;");
        while servers.contains(&format!("PORT{}", ports.len())) {
            let port = free_port();
            servers =
                servers.replace(&format!("PORT{}", ports.len()), &format!("127.0.0.1:{port}"));
            ports.push(port);
        }
        std::fs::write(folder.path().join("nginx.conf"), configuration(&servers)).unwrap();
        let log = folder.path().join("output.log");
        let mut command = tied("/usr/sbin/nginx");
        command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
        let mut program = Program::start(&mut command, &log);
        for port in &ports {
            program.listens(*port, &folder.path().join("error.log")).await;
        }
        Self { folder, program, ports }
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[0]))
    }

    pub fn https(&self) -> String {
        format!("https://localhost:{}", self.ports[0])
    }

    /// New workers take over; the old ones finish what they have and close idle connections.
    pub fn reload(&self) {
        self.program.signal("HUP");
    }

    /// Requests that it has answered and logged.
    pub fn served(&self) -> usize {
        std::fs::read_to_string(self.access_log()).unwrap_or_default().lines().count()
    }

    fn access_log(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }
}

fn configuration(servers: &str) -> String {
    let user = if is_root() { "user root;\n" } else { "" };
    format!(
        "daemon off;\n{user}worker_processes 2;\npid nginx.pid;\nerror_log error.log;\nevents {{ worker_connections 1024; }}\n\
         http {{\naccess_log access.log;\nclient_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n{servers}\n}}\n"
    )
}
