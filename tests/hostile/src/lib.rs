//! A connector that attacks its host. The setting `attack` chooses how, `lines` says with what.
//!
//! It does not use the kit's client, which is polite: it speaks `wasi:http` itself and says whatever it likes.
#![cfg(target_family = "wasm")]

mod ask;
mod bodies;
mod content;
mod resources;
mod timing;

use portcullis_kit::bindings::Guest;
use portcullis_kit::bindings::portcullis::connector::output::{
    self, Coverage, CoverageStatus, Failure, Finding, Item,
};
use portcullis_kit::bindings::portcullis::connector::settings::{self, Value};

struct Hostile;

impl Guest for Hostile {
    fn check() -> Result<Vec<Finding>, Failure> {
        match text("attack").as_str() {
            "spin" => resources::spin(),
            "many findings" => Ok(content::many_findings()),
            "fail" => Err(content::failure(&lines())),
            "large return" => Ok(resources::large_findings()),
            other => Err(Failure::Defect(format!("check knows no attack {other}"))),
        }
    }

    fn extract() -> Result<(), Failure> {
        let attack = text("attack");
        match attack.as_str() {
            "requests" => ask::all(&lines()),
            "requests at once" => ask::at_once(&lines()),
            "echo" => return ask::echo_everywhere(&lines()),
            "give up when refused" => {
                ask::all(&lines());
                return Err(Failure::HostRefused("it said no".to_owned()));
            }
            "nothing" => {}
            "guess" => timing::guess(&lines()),
            "near matches" => timing::near_matches(&lines()),
            "one long call" => timing::one_long_call(),
            "spin" => resources::spin(),
            "memory" => resources::memory(),
            "recursion" => resources::recursion(),
            "request handles" => resources::request_handles(),
            "pollable handles" => resources::pollable_handles(),
            "requests in flight" => resources::requests_in_flight(&lines()),
            "leave requests" => resources::leave_requests(&lines()),
            "unread answer" => resources::unread_answer(&lines()),
            "endless items" => resources::endless_items(),
            "fat requests" => resources::fat_requests(),
            "hoard" => resources::hoard(&lines()),
            "hoard at once" => resources::hoard_at_once(&lines()),
            "hoard first bytes" => resources::hoard_first_bytes(&lines()),
            "read in order" => resources::read_in_order(&lines()),
            "steady items" => resources::steady_items(),
            "fat fields" => resources::fat_fields(),
            "open bodies" => resources::open_bodies(&lines()),
            "keep heads" => resources::keep_heads(&lines()),
            "empty writes" => bodies::empty_writes(&lines(), 100_000),
            "empty writes without end" => bodies::empty_writes(&lines(), u32::MAX),
            "empty writes to nobody" => bodies::empty_writes_to_nobody(),
            "trailers" => bodies::trailers(&lines()),
            "trailers that are never sent" => bodies::trailers_that_are_never_sent(),
            "answers of its own" => bodies::answers_of_its_own(),
            "no time" => bodies::no_time(&lines()),
            "many fields" => bodies::many_fields(),
            "many values" => bodies::many_values(),
            "many warnings" => resources::many_warnings(),
            "many types" => resources::many_types(),
            "deep containment" => resources::deep_containment(),
            "large items" => resources::large_items(),
            "large item" => resources::large_item(),
            "wide metadata" => resources::wide_metadata(),
            "large log" => resources::large_log(),
            "flood of logs" => resources::flood_of_logs(),
            "shared buffer" => resources::shared_buffer(),
            "large failure" => return Err(Failure::Defect("x".repeat(20 << 20))),
            "sleep" => resources::sleep(),
            "fail" => return Err(content::failure(&lines())),
            "nasty failure" => return Err(Failure::Defect(content::NASTY.to_owned())),
            other => content::emit(other, &lines()),
        }
        complete();
        Ok(())
    }
}

/// Claims that all went well.
fn complete() {
    output::emit(&[Item::Coverage(Coverage {
        family: "everything".to_owned(),
        scope: None,
        status: CoverageStatus::Complete,
        reason: None,
        slot: None,
    })]);
}

fn text(name: &str) -> String {
    match settings::get(name) {
        Some(Value::Text(text)) => text,
        _ => String::new(),
    }
}

fn lines() -> Vec<String> {
    match settings::get("lines") {
        Some(Value::Texts(lines)) => lines,
        _ => Vec::new(),
    }
}

portcullis_kit::bindings::export!(Hostile with_types_in portcullis_kit::bindings);
