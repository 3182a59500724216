//! Tables for a person.

use crate::collect::{Format, printable};
use crate::inspect::Inspection;
use crate::report::{ImportedFile, RECORDS, Report, Way};
use crate::run::Checked;
use crate::sandbox::CoverageStatus;
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;

/// The most rows of coverage, of types and of warnings of a connector that the summary shows; `run.json` has more, `run.db` all.
const MOST_ROWS: usize = 20;

/// How wide a table is, in characters, where there is no terminal to ask.
const PAGE_WIDTH: u16 = 160;

/// The table of a check.
pub(super) fn findings(checked: &Checked) -> String {
    let mut table = table(["family", "readable", "credential", "what to do"]);
    for finding in &checked.findings {
        table.add_row([
            &finding.family,
            status(finding.status),
            finding.slot.as_deref().unwrap_or("-"),
            &finding.advice,
        ]);
    }
    let mut text = format!("what the connector says:\n{table}");
    if checked.more > 0 {
        let _ = write!(text, "\n{} more findings are not shown", checked.more);
    }
    text
}

fn status(status: CoverageStatus) -> &'static str {
    match status {
        CoverageStatus::Complete => "yes",
        CoverageStatus::Partial => "in part",
        CoverageStatus::Unreadable => "NO",
        CoverageStatus::Unavailable => "not offered by the API",
        CoverageStatus::LeftOut => "left out",
    }
}

/// What is known of a component.
pub(super) fn inspection(inspection: &Inspection) -> String {
    let list = |names: &mut dyn Iterator<Item = &String>| {
        let names: Vec<String> = names.map(|name| printable(name, 200)).collect();
        names.join("\n")
    };
    let mut table = table(["component", ""]);
    table.add_row(["sha256".to_owned(), inspection.sha256.to_string()]);
    table.add_row(["bytes".to_owned(), inspection.bytes.to_string()]);
    let contract = inspection.contract.as_deref().unwrap_or("none");
    table.add_row(["contract".to_owned(), printable(contract, 200)]);
    table.add_row(["imports".to_owned(), list(&mut inspection.imports.iter())]);
    table.add_row(["exports".to_owned(), list(&mut inspection.exports.iter())]);
    for (field, tools) in &inspection.producers {
        table.add_row([printable(field, 200), list(&mut tools.iter())]);
    }
    if let Some(pinned) = inspection.pinned {
        let word = if pinned { "yes" } else { "no" };
        table.add_row(["pinned by the manifest".to_owned(), word.to_owned()]);
    }
    let verdict = match &inspection.problem {
        None => "it may run here".to_owned(),
        Some(problem) => printable(problem, 4000),
    };
    format!("{table}\n{verdict}")
}

/// How each imported file was read.
fn files(files: &[ImportedFile]) -> String {
    let mut text = String::new();
    for file in files {
        let separator = match file.separator {
            ',' => "commas",
            ';' => "semicolons",
            _ => "tabs",
        };
        let packed = if file.gzip { ", packed with gzip" } else { "" };
        let _ = writeln!(
            text,
            "{}: {} rows, {} of them with problems; {}, separated by {separator}{packed}",
            file.name, file.rows, file.bad_rows, file.encoding
        );
    }
    text
}

/// The tables of a run or an import.
pub(super) fn report(report: &Report, out: &Path, formats: &[Format]) -> String {
    let mut text = String::new();
    let mut counts = table(["what", "number"]);
    let mut entities: Vec<(&String, &u64)> = report.entities.iter().collect();
    if entities.len() > MOST_ROWS {
        // A connector chooses the types.
        entities.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let rest: u64 = entities.split_off(MOST_ROWS).iter().map(|row| *row.1).sum();
        counts.add_row(["entities of more types".to_owned(), rest.to_string()]);
    }
    for (name, count) in entities {
        // Told from the host's own rows, whatever its name is.
        let what = format!("entities: {}", printable(name, 60));
        counts.add_row([what, count.to_string()]);
    }
    for (name, count) in &report.relations {
        counts.add_row([format!("{name} relations"), count.to_string()]);
    }
    if report.way == Way::Connector {
        counts.add_row(["requests".to_owned(), report.requests_sent.to_string()]);
    }
    let kept = report
        .requests
        .iter()
        .filter(|row| row.verdict == "journal");
    let kept: u64 = kept.map(|row| row.count).sum();
    if kept > 0 {
        let what = "requests answered by the journal".to_owned();
        counts.add_row([what, kept.to_string()]);
    }
    counts.add_row([
        "seconds".to_owned(),
        format!("{:.1}", report.duration_seconds),
    ]);
    let _ = writeln!(text, "{counts}");
    let _ = write!(text, "{}", files(&report.files));

    let mut limits = table(["limit", "allowed", "used"]);
    for row in &report.limits {
        limits.add_row([
            row.limit.to_string(),
            row.allowed.to_string(),
            row.used.to_string(),
        ]);
    }
    let _ = writeln!(text, "{limits}");

    let mut coverage = table(["said by", "family", "object", "read", "credential", "why"]);
    let (shown, rest) = report
        .coverage
        .split_at(report.coverage.len().min(MOST_ROWS));
    for row in shown {
        coverage.add_row([
            row.source.word().to_owned(),
            printable(&row.family, 60),
            printable(row.scope.as_deref().unwrap_or("all"), 120),
            row.status.clone(),
            printable(row.slot.as_deref().unwrap_or("-"), 60),
            printable(row.reason.as_deref().unwrap_or(""), 600),
        ]);
    }
    if !shown.is_empty() {
        let _ = writeln!(text, "{coverage}");
    }
    if !rest.is_empty() {
        let more = report.coverage_rows - shown.len() as u64;
        let _ = writeln!(text, "{more} more rows of coverage are in run.db");
    }
    // The host's are few, and never cut.
    for warning in &report.host_warnings {
        let _ = writeln!(text, "warning: {}", printable(warning, usize::MAX));
    }
    connector_warnings(&mut text, report);
    if report.outcome.finished() {
        let _ = writeln!(text, "{}", report.message);
        let files = formats
            .iter()
            .flat_map(|format| format.files())
            .chain(report.records());
        let _ = write!(
            text,
            "{}: {}",
            out.display(),
            files.collect::<Vec<_>>().join(", ")
        );
    } else {
        let _ = write!(
            text,
            "{}: {}; an earlier run's files are untouched",
            out.display(),
            RECORDS.map(|name| format!("failed-{name}")).join(", ")
        );
    }
    text
}

/// What the connector warns of, in a table of its own: no line of it can be taken for the host's, however it is wrapped.
fn connector_warnings(text: &mut String, report: &Report) {
    let shown = report.connector_warnings.iter().take(MOST_ROWS);
    if shown.len() == 0 {
        return;
    }
    let is_cut = report.connector_warnings.len() > shown.len();
    let rest = report
        .connector_warning_rows
        .saturating_sub(shown.len() as u64);
    let mut table = table(["said by", "warning"]);
    if !std::io::stdout().is_terminal() {
        table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    }
    for warning in shown {
        table.add_row(["connector".to_owned(), printable(warning, 1000)]);
    }
    let _ = writeln!(text, "{table}");
    if is_cut {
        let _ = writeln!(text, "{rest} more warnings of the connector are in run.db");
    }
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    if !std::io::stdout().is_terminal() {
        table.set_width(PAGE_WIDTH);
    }
    table
}
