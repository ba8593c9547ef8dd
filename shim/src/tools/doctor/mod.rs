//! `shim doctor`: stub.
use clap::Args;
/// Say what works
#[derive(Debug, Args)]
pub(super) struct Doctor {}
impl Doctor {
    pub(super) fn run(&self, _own: &crate::argv::Own) -> i32 {
        0
    }
}
