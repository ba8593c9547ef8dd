//! `shim doctor`: what works, what does not, and how to mend it. Changes nothing.

mod engines;
mod finding;
mod kernel;
mod ours;
mod runtimes;

use std::path::PathBuf;

use clap::Args;
use policy::Directory;
use serde_json::{Value, json};

use self::finding::Finding;
use super::install::host::Host;
use super::paint::Paint;
use super::{Format, print};
use crate::argv::Own;
use crate::policy_directory;

/// Say what works here, what does not, and how to mend it; exit 1 if there is a problem
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// A host mounted elsewhere, whose engines' configuration is looked at
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The policy directory
    #[arg(long, alias = "shim-policy", value_name = "DIR")]
    policy: Option<PathBuf>,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Doctor {
    pub(super) fn run(&self, own: &Own) -> i32 {
        let found = self.findings(own);
        let problems = found.iter().filter(|finding| finding.is_problem()).count();
        match self.format {
            Format::Text => {
                let paint = Paint::of_stdout();
                let lines: String = found.iter().map(|finding| finding.text(paint)).collect();
                let closing = match problems {
                    0 => "no problem found".to_owned(),
                    1 => "1 problem found".to_owned(),
                    several => format!("{several} problems found"),
                };
                print(&format!("{lines}\n{closing}\n"));
            }
            Format::Json => {
                let all: Vec<Value> = found.iter().map(Finding::json).collect();
                print(&format!(
                    "{:#}\n",
                    json!({"problems": problems, "findings": all})
                ));
            }
        }
        i32::from(problems > 0)
    }

    fn findings(&self, own: &Own) -> Vec<Finding> {
        let folder = self
            .policy
            .as_deref()
            .unwrap_or_else(|| policy_directory(own));
        let host = Host::new(&self.root);
        let mut all = vec![ours::program()];
        all.extend(kernel::findings());
        let directory = Directory::open(folder).ok().flatten();
        all.extend(runtimes::findings(own, directory.as_ref()));
        let (health, policy) = ours::policy("policy", folder);
        all.push(health);
        all.extend(policy.as_ref().map(ours::decisions));
        all.extend(ours::state());
        let annotations = policy.is_some_and(|policy| policy.honours_annotations());
        all.extend(engines::findings(&host, annotations));
        all
    }
}
