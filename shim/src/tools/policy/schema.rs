//! `shim policy schema`: the JSON Schema of policies, for editors.

use clap::Args;

use crate::tools::print;

/// Print the JSON Schema of policy.toml, by which editors complete and check it
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// That of the files in policy.d
    #[arg(long)]
    drop_in: bool,
}

impl Schema {
    pub(super) fn run(&self) -> i32 {
        print(if self.drop_in { DROP_IN } else { POLICY });
        0
    }
}

// A test of the crate `policy` makes them from the types, and fails where they differ.
const POLICY: &str = include_str!("../../../../docs/schema/policy.json");
const DROP_IN: &str = include_str!("../../../../docs/schema/drop-in.json");
