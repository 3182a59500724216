//! Failures that help.

#![allow(clippy::unwrap_used)]

mod scripted;

use portcullis_bitbucket::Settings;
use portcullis_kit::api::{Request, TransportError};
use portcullis_kit::bindings::portcullis::connector::output::{CoverageStatus, Failure};
use portcullis_kit::script::{Script, html, json};
use scripted::*;

#[test]
fn a_wrong_workspace_id_is_not_found() {
    let mut world = World::new(1);
    world.settings.workspace = "nosuch".into();
    let Failure::NotFound(text) = world.failure() else {
        panic!()
    };
    assert!(text.contains("\"nosuch\""));
}

#[test]
fn credentials_that_are_refused_everywhere_are_explained() {
    let world = World::new(1).refuse(
        None,
        "",
        error(
            401,
            "Token is invalid, expired, or not supported for this endpoint.",
        ),
    );
    let Failure::Unauthorised(text) = world.failure() else {
        panic!()
    };
    for hint in [
        "e-mail",
        "nickname",
        "app passwords were removed",
        "2026-07-28",
        "workspace token",
        "expired",
    ] {
        assert!(text.contains(hint), "{hint}: {text}");
    }
}

#[test]
fn a_missing_scope_is_named() {
    let Failure::Unauthorised(text) = World::new(1)
        .refuse(None, "", missing_scope("read:workspace:bitbucket"))
        .failure()
    else {
        panic!()
    };
    assert!(text.contains("lacks the scope read:workspace:bitbucket"));
}

#[test]
fn one_refused_credential_is_no_failure() {
    let out = World::new(4)
        .refuse(Some(TOKEN), "", error(401, "expired"))
        .extract();
    assert_eq!(out.family("workspace").slot.as_deref(), Some(ACCOUNT));
    assert_eq!(out.status("workspace"), CoverageStatus::Complete);
    assert!(out.reason("workspace").contains("expired"));
    assert_eq!(out.edges(), World::new(4).extract().edges());
}

#[test]
fn a_deactivated_workspace_is_called_so() {
    let text = "Error: This workspace and its content have been deactivated due to inactivity.";
    let Failure::ApiFailure(text) = World::new(1).refuse(None, "", error(403, text)).failure()
    else {
        panic!()
    };
    assert!(text.contains("is deactivated"));
}

#[test]
fn without_credentials_nothing_is_asked() {
    let mut world = World::new(1);
    world.settings.slots.clear();
    let script = world.script();
    assert!(matches!(
        world.extract_by(script),
        Err(Failure::Unauthorised(_))
    ));
}

#[test]
fn a_data_center_is_recognised_without_any_credential_and_only_after_the_workspace_call() {
    let mut world = World::new(1);
    world.settings = Settings {
        slots: world.settings.slots.clone(),
        ..Settings::new("https://git.example.com", "acme").unwrap()
    };
    let script = Script::new(|request: &Request| {
        Ok(if request.path == "/rest/api/1.0/application-properties" {
            assert_eq!(request.slot, None);
            json(
                200,
                r#"{"version":"9.2.0","buildNumber":"9002000","displayName":"Bitbucket"}"#,
            )
        } else {
            html(404)
        })
    });
    let Err(Failure::BadSetting(bad)) = world.extract_by(script) else {
        panic!()
    };
    assert_eq!(bad.name, "api_url");
    assert!(bad.message.contains("Data Center"));
    // Never asked where it can't be one, nor where all is well.
    let out = World::new(1).extract();
    assert_eq!(out.count("/rest/"), 0);
}

#[test]
fn a_page_for_browsers_is_an_api_failure() {
    let Failure::ApiFailure(text) = World::new(1).refuse(None, "", html(200)).failure() else {
        panic!()
    };
    assert!(
        text.contains("api_url")
            && text.contains("https://api.bitbucket.org")
            && text.contains("text/html")
    );
}

#[test]
fn a_refusal_by_the_host_and_a_lost_network_are_told_apart() {
    let world = World::new(1);
    let refused = Script::new(|_: &Request| Err(TransportError::Refused("not allowed".into())));
    assert!(matches!(
        world.extract_by(refused),
        Err(Failure::HostRefused(_))
    ));
    let lost =
        Script::new(|_: &Request| Err(TransportError::Unreachable("ConnectionRefused".into())));
    assert!(matches!(
        world.extract_by(lost),
        Err(Failure::Unreachable(_))
    ));
}

#[test]
fn a_workspace_call_that_was_withdrawn_does_not_end_the_run() {
    let mut world = World::new(2);
    for project in world
        .lists
        .get_mut("/2.0/workspaces/acme/projects")
        .unwrap()
    {
        project["workspace"] = serde_json::json!({"uuid": "{w}", "slug": "acme", "name": "Acme"});
    }
    world.objects.remove(WORKSPACE);
    let withdrawn = error(410, "CHANGE-2770 - Functionality has been deprecated");
    let script = Script::new(|request: &Request| {
        Ok(if request.path == WORKSPACE {
            withdrawn.clone()
        } else {
            world.answer(request)
        })
    });
    let out = world.extract_by(script).unwrap();
    assert_eq!(out.entity("{w}").name, "Acme");
    assert_eq!(out.status("workspace"), CoverageStatus::Partial);
}
