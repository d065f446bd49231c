//! The gateway's program, with a provider for each vendor and a database of its own.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::recording::Form;
use crate::run;

pub struct Process {
    child: Child,
    folder: PathBuf,
    pub address: SocketAddr,
    pub key: String,
}

/// How callers call the model of this vendor that streams, or does not.
pub fn model(vendor: &str, form: Form) -> String {
    let suffix = if form == Form::Whole { "-whole" } else { "" };
    format!("{}{suffix}", vendor.replace('_', "-"))
}

impl Process {
    pub fn start(binary: &Path, provider: SocketAddr) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("ainfera-fidelity-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let database = format!("sqlite://{}", folder.join("gateway.db").display());
        let config = folder.join("gateway.toml");
        std::fs::write(&config, text(&database, provider))?;
        let key = Command::new(binary)
            .args(["keys", "create", "--agent", "fidelity", "--database", &database])
            .output()?;
        // files whose place is not configured lie where it is started
        let mut child = Command::new(binary.canonicalize()?)
            .current_dir(&folder)
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let address = address_in(BufReader::new(output))?;
        Ok(Self {
            child,
            folder,
            address,
            key: String::from_utf8_lossy(&key.stdout).trim().to_owned(),
        })
    }
}

/// The first line names the address; the rest is read, so that the program never waits for a
/// reader.
fn address_in(mut output: BufReader<std::process::ChildStdout>) -> io::Result<SocketAddr> {
    let mut line = String::new();
    loop {
        line.clear();
        if output.read_line(&mut line)? == 0 {
            return Err(io::Error::other("the gateway ended before it said its address"));
        }
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split([' ', '\n', '"']).next()?.parse().ok());
        if let Some(address) = address {
            std::thread::spawn(move || io::copy(&mut output, &mut io::sink()));
            return Ok(address);
        }
    }
}

fn text(database: &str, provider: SocketAddr) -> String {
    let mut text = format!(
        "listen = \"127.0.0.1:0\"\ndatabase = {database:?}\nmax_attempts = 1\n[breaker]\nenabled = false\n[retry]\nfloor_per_second = 1000000\n"
    );
    for (vendor, kind) in run::VENDORS {
        let kind = kind.as_str();
        text.push_str(&format!("[[providers]]\nid = \"{vendor}\"\nkind = \"{kind}\"\nbase_url = \"http://{provider}\"\n"));
        for (form, more) in [(Form::Streamed, ""), (Form::Whole, "streams = false\n")] {
            let slug = model(vendor, form);
            text.push_str(&format!(
                "[[models]]\nslug = \"{slug}\"\nprovider = \"{vendor}\"\nupstream_name = \"their-model\"\nprice = {{ input = \"1\", output = \"1\" }}\n{more}"
            ));
        }
    }
    text
}

impl Drop for Process {
    fn drop(&mut self) {
        // nothing is to be done about a program that has ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
