//! The same seed gives the same bytes; another gives others.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

mod client;

use client::{SIZES, get};
use fake_bitbucket::{Config, Features, Server, Sizes, Visibility, World};

async fn bytes(seed: u64) -> String {
    let server = Server::start(World::generate(seed, SIZES), Config::default())
        .await
        .unwrap();
    let slug = server.world().repositories[0].slug.clone();
    let mut bytes = String::new();
    for target in [
        "/2.0/workspaces/acme".to_owned(),
        "/2.0/workspaces/acme/permissions?pagelen=100".to_owned(),
        "/2.0/workspaces/acme/projects".to_owned(),
        "/2.0/repositories/acme?pagelen=100&sort=created_on".to_owned(),
        format!("/2.0/repositories/acme/{slug}/permissions-config/users"),
        format!("/2.0/repositories/acme/{slug}/deploy-keys"),
        "/1.0/groups/acme".to_owned(),
        "/1.0/group-privileges/acme".to_owned(),
    ] {
        let reply = get(&server, &target).await;
        assert_eq!(reply.status, 200, "{target}");
        // Only the port differs.
        bytes.push_str(&reply.text().replace(server.origin(), "ORIGIN"));
    }
    bytes
}

#[tokio::test]
async fn a_seed_decides_every_byte() {
    let first = bytes(11).await;
    assert_eq!(first, bytes(11).await);
    assert_ne!(first, bytes(12).await);
}

#[test]
fn a_world_is_as_large_as_asked() {
    for (users, groups, projects, repositories) in [(1, 0, 0, 0), (1, 0, 1, 1), (40, 30, 20, 500)] {
        let world = World::generate(
            5,
            Sizes {
                users,
                groups,
                projects,
                repositories,
            },
        );
        assert_eq!(world.members().count(), users);
        assert_eq!(
            world.groups.iter().filter(|group| group.listed).count(),
            groups
        );
        assert_eq!(world.projects.len(), projects);
        assert_eq!(world.repositories.len(), repositories);
    }
}

/// What an extractor must cope with is there, whatever the seed.
#[test]
fn a_world_holds_what_is_awkward() {
    for seed in 0..20 {
        let world = World::generate(seed, SIZES);
        let names: Vec<&str> = world
            .users
            .iter()
            .map(|user| user.display_name.as_str())
            .collect();
        assert!(names.iter().any(|name| !name.is_ascii()));
        assert!(names.iter().any(|name| name.contains(',')));
        assert!(names.iter().any(|name| name.contains('"')));
        assert!(names.iter().any(|name| name.starts_with('=')));
        assert!(names.iter().all(|name| !name.contains(['\n', '\r', '\t'])));
        assert!(world.users.iter().any(|user| user.app));
        assert!(world.users.iter().any(|user| user.account_id.is_none()));
        assert!(
            world
                .groups
                .iter()
                .any(|group| group.listed && group.members.is_empty())
        );
        assert!(world.groups.iter().any(|group| group.permission.is_none()));
        let inhabited = |n: usize| world.repositories.iter().any(|r| r.project == n);
        assert!((0..world.projects.len()).any(|n| !inhabited(n)));
        assert!(
            world
                .repositories
                .iter()
                .any(|repository| !repository.is_private)
        );
        assert!(
            world
                .repositories
                .iter()
                .any(|repository| repository.mainbranch.is_none())
        );
        assert!(
            world
                .repositories
                .iter()
                .any(|repository| repository.parent.is_some())
        );
        assert!(
            world.repositories[0].access.deploy_keys.len()
                + world.projects[0].access.deploy_keys.len()
                > 1
        );
        let roles: Vec<&str> = world.members().map(|(_, m)| m.role.as_str()).collect();
        for role in ["owner", "member", "create-project", "collaborator"] {
            assert!(roles.contains(&role), "{role}");
        }
        let truth = world.truth(&Visibility::default());
        for source_type in ["user", "app", "group"] {
            let row = truth
                .entities
                .iter()
                .find(|row| row.dangling && row.source_type == source_type);
            assert!(
                row.is_some() || source_type == "app",
                "no dangling {source_type}"
            );
        }
    }
}

#[test]
fn a_personal_workspace_shares_its_uuid_with_its_owner() {
    let features = Features {
        personal: true,
        ..Features::default()
    };
    let world = World::generate_with(1, SIZES, &features);
    assert_eq!(world.workspace.uuid, world.users[0].uuid);
    assert_ne!(
        World::generate(1, SIZES).workspace.uuid,
        world.users[0].uuid
    );
}
