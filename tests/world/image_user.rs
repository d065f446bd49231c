//! The program as its container image runs it: a user of its own without a home, in a folder that
//! is its own or is not.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use ainfera_mock::MockSettings;

use crate::support::gateway::{GatewayPlan, message_of, routed, streamed};
use crate::support::postgres::is_root;
use crate::support::process::Site;
use crate::support::provider;

/// The user of the image; any number that has no entry in /etc/passwd serves.
const USER: &str = "10001";

async fn site() -> Site {
    let mock = provider::start(MockSettings::default()).await;
    let provider_url = mock.base_url();
    Site::around(&GatewayPlan::default(), None, mock, &provider_url)
}

/// Words that run the program as the image's user, with nothing of this user's environment.
fn as_image_user() -> Vec<String> {
    let mut words: Vec<String> = ["env", "-u", "HOME", "setpriv"].map(str::to_owned).to_vec();
    if is_root() {
        words.extend(["--reuid", USER, "--regid", USER, "--clear-groups"].map(str::to_owned));
    }
    words.push("--no-new-privs".to_owned());
    words.push("--".to_owned());
    words
}

fn give(folder: &Path, owner: &str) {
    if is_root() {
        assert!(Command::new("chown").args(["-R", owner]).arg(folder).status().unwrap().success());
    }
}

#[actix_rt::test]
async fn a_user_without_a_home_serves_from_its_own_folder() {
    let mut site = site().await;
    give(site.folder.path(), &format!("{USER}:{USER}"));
    site.words_before = as_image_user();
    let process = site.serve(&["--listen", "0.0.0.0:0"]);
    message_of(
        &site
            .call(([127, 0, 0, 1], process.address.port()).into(), &streamed(routed("hello")))
            .await,
    );
    let probe = site.command(&["doctor"]);
    assert!(probe.status.success(), "{}", String::from_utf8_lossy(&probe.stderr));
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_folder_that_cannot_be_written_is_named_at_the_start() {
    let mut site = site().await;
    give(site.folder.path(), &format!("{USER}:{USER}"));
    give(site.folder.path(), "root:root");
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(site.folder.path(), mode(0o555)).unwrap();
    site.words_before = as_image_user();
    let output = site.started(&["serve"]).stdin(Stdio::null()).output().unwrap();
    std::fs::set_permissions(site.folder.path(), mode(0o755)).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&site.folder.path().display().to_string()) || said.contains("a.db"),
        "it does not say which file: {said}"
    );
}
