//! Which agents load what their folder brings.

use std::path::Path;

use runner_core::ids::TenantId;
use runner_core::setup::trust::{Granted, Trust};
use runner_core::time::Timestamp;

use super::replay::Heard;
use super::samples::{Server, done, opening, prompt_of, provenance, run, session};
use crate::TrustedFolders;

fn ada() -> Granted {
    Granted { by: "ada".into(), at: Timestamp::from_micros(1) }
}

async fn trust(folders: &TrustedFolders, tenant: &TenantId) {
    let working_dir = opening(session(1)).working_dir;
    folders.trust((tenant, &working_dir), ada(), provenance()).await.unwrap();
}

#[test]
fn agent_is_replaced_before_the_next_turn_when_its_folder_becomes_trusted_or_is_no_longer() {
    run(async {
        let server = Server::start();
        let mut before = server.open_and_run(session(1)).await;
        before.says([done()]).await;
        assert_eq!(before.launch.setup.trust, Trust::Untrusted);

        trust(&server.trust, &TenantId::first()).await;
        server.prompt(session(1), 2).await.unwrap();
        assert_eq!(before.hears().await, Heard::Stop);
        let mut trusted = server.runner.agent().await;
        assert_eq!((trusted.launch.setup.trust, trusted.hears().await), (Trust::Trusted, prompt_of(2)));
        trusted.says([done()]).await;

        let working_dir = opening(session(1)).working_dir;
        server.trust.revoke((&TenantId::first(), &working_dir), ada(), provenance()).await.unwrap();
        assert_eq!(trusted.hears().await, Heard::Kill, "it does not wait for the next turn");
        server.prompt(session(1), 3).await.unwrap();
        let after = server.runner.agent().await;
        assert_eq!(after.launch.setup.trust, Trust::Untrusted);
    });
}

#[test]
fn what_another_tenant_trusts_counts_for_nothing() {
    run(async {
        let server = Server::start();
        trust(&server.trust, &TenantId("others".into())).await;

        let agent = server.open(session(1)).await;

        assert_eq!(agent.launch.setup.trust, Trust::Untrusted);
        assert_eq!(server.trust.list(&TenantId::first()).await.unwrap(), []);
    });
}

#[test]
fn folders_are_trusted_together_only_if_each_of_them_is() {
    run(async {
        let server = Server::start();
        let tenant = TenantId::first();
        let told = async |folders: &[&str]| {
            let folders: Vec<&Path> = folders.iter().map(Path::new).collect();
            server.trust.of_all(&tenant, &folders).await.unwrap()
        };
        for folder in ["/srv/one", "/srv/two"] {
            server.trust.trust((&tenant, folder), ada(), provenance()).await.unwrap();
        }

        assert_eq!(told(&["/srv/one", "/srv/two/below"]).await, Trust::Trusted);
        assert_eq!(told(&["/srv/one", "/srv/three"]).await, Trust::Untrusted);
        assert_eq!(told(&["/srv", "/srv/one"]).await, Trust::Untrusted);
    });
}
