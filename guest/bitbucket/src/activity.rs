//! When members last came: known to Bitbucket alone as long as the workspace is administered there.

use crate::run::{PAGE_BYTES, Run};
use portcullis_kit::bindings::portcullis::connector::output::CoverageStatus;
use portcullis_kit::client::Miss;
use portcullis_kit::coverage::row;
use portcullis_kit::origin::segment;

/// Says why no member's activity was told. Workspaces that moved to admin.atlassian.com have lost it, and
/// their invitations are switched off (Atlassian, "workspace membership", 2026-04-23): that tells them.
pub(crate) async fn explain(run: &Run<'_>) {
    let path = format!("/1.0/users/{}/invitations", segment(&run.workspace.slug));
    let mut off = true;
    for slot in run.client.slots() {
        off = match run.client.get(&path, Some(slot), PAGE_BYTES).await {
            Ok(_) => false,
            Err(miss) => matches!(
                miss,
                Miss::ObjectRefused(_) | Miss::NotFound(_) | Miss::Withdrawn(_)
            ),
        };
        if !off {
            break;
        }
    }
    let why = if off {
        "the workspace is administered in admin.atlassian.com: when members joined and last came, and their e-mail \
         addresses, are known to the Atlassian Admin API alone"
    } else {
        "Bitbucket told of no member when they joined or last came, as is so where a workspace is administered in \
         admin.atlassian.com"
    };
    run.sink.emit(row(
        "activity",
        None,
        CoverageStatus::Unavailable,
        Some(why.to_owned()),
        None,
    ));
}
