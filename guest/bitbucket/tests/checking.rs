//! What `check` finds.

#![allow(clippy::unwrap_used)]

mod scripted;

use futures::executor::block_on;
use portcullis_bitbucket::{check, family};
use portcullis_kit::bindings::portcullis::connector::output::{CoverageStatus, Finding};
use portcullis_kit::script::Heard;
use scripted::*;

fn found(world: &World) -> Vec<Finding> {
    block_on(check(&world.script(), &Heard::default(), &world.settings)).unwrap()
}

fn of<'a>(findings: &'a [Finding], family: &str) -> &'a Finding {
    findings
        .iter()
        .find(|finding| finding.family == family)
        .unwrap()
}

#[test]
fn there_is_one_finding_for_each_family_and_one_request() {
    let world = World::new(3);
    let script = world.script();
    let findings = block_on(check(&script, &Heard::default(), &world.settings)).unwrap();
    let mut families: Vec<&str> = findings
        .iter()
        .map(|finding| finding.family.as_str())
        .collect();
    families.sort_unstable();
    let mut all = family::ALL.to_vec();
    all.sort_unstable();
    assert_eq!(families, all);
    assert_eq!(script.asked().len(), all.len());
    assert!(
        findings
            .iter()
            .all(|finding| finding.status == CoverageStatus::Complete
                && finding.slot.as_deref() == Some(TOKEN))
    );
}

#[test]
fn a_credential_that_lacks_a_scope_is_named_with_the_scope_and_the_one_that_serves() {
    let findings = found(&World::new(3).refuse(
        Some(TOKEN),
        "permissions-config",
        missing_scope("project:admin"),
    ));
    let finding = of(&findings, family::PROJECT_USER_GRANTS);
    assert_eq!(
        (finding.status, finding.slot.as_deref()),
        (CoverageStatus::Complete, Some(ACCOUNT))
    );
    assert!(finding.advice.contains("workspace-token") && finding.advice.contains("project:admin"));
}

#[test]
fn what_nobody_may_read_comes_with_advice() {
    let findings = found(
        &World::new(3)
            .refuse(None, "/1.0/groups", not_admin())
            .refuse(None, "/workspaces/acme/permissions", not_admin()),
    );
    let groups = of(&findings, family::GROUPS);
    assert_eq!(groups.status, CoverageStatus::Unreadable);
    assert!(groups.advice.contains("read:permission:bitbucket"));
    assert_eq!(
        of(&findings, family::MEMBERS).status,
        CoverageStatus::Partial
    );
}

#[test]
fn deploy_keys_that_are_left_out_are_not_asked_for() {
    let mut world = World::new(1);
    world.settings.deploy_keys = false;
    assert_eq!(
        of(&found(&world), family::REPOSITORY_DEPLOY_KEYS).status,
        CoverageStatus::LeftOut
    );
}
