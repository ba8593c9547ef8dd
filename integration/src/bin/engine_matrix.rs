//! Renders what the engines' tests have recorded as the table of docs/engines.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use integration::engine::Cell;

#[expect(clippy::print_stdout, reason = "what this program is for")]
fn main() -> std::io::Result<()> {
    let text = fs::read_to_string(Cell::kept())?;
    // A later run of the same operation replaces an earlier one.
    let mut engines: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    for line in text.lines() {
        let cell: Cell = serde_json::from_str(line)?;
        let operations = engines.entry(cell.engine).or_default();
        let runtimes = operations.entry(cell.operation).or_default();
        runtimes.insert(cell.runtime, cell.came);
    }
    for (engine, operations) in engines {
        let runtimes: BTreeSet<&String> = operations.values().flat_map(BTreeMap::keys).collect();
        let heads: Vec<&str> = runtimes.iter().map(|name| name.as_str()).collect();
        println!("| {engine} | {} |", heads.join(" | "));
        println!("|---|{}", "---|".repeat(heads.len()));
        for (operation, came) in &operations {
            let cells = runtimes
                .iter()
                .map(|runtime| came.get(*runtime).map_or("not tried", |came| brief(came)));
            println!(
                "| {operation} | {} |",
                cells.collect::<Vec<_>>().join(" | ")
            );
        }
        println!();
    }
    Ok(())
}

/// The reasons are in the record; the table has room for their kind.
fn brief(came: &str) -> &str {
    came.split(':').next().unwrap_or(came)
}
