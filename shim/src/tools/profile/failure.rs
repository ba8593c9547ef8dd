//! Why a question has no answer, and the exit status that goes with it.

use crate::tools::complain;

/// A question without an answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was asked wrongly, or of a file that cannot be read: exit status 2.
    Asked(String),
    /// A profile has errors, already written out for people: exit status 1.
    Errors(String),
    /// The answer is no, for this reason: exit status 1.
    No(String),
}

impl Failure {
    /// Says so on standard error, and gives the exit status.
    pub(super) fn tell(self) -> i32 {
        match self {
            Self::Asked(text) => {
                complain(&text);
                2
            }
            Self::Errors(report) => {
                // There is nowhere else to say it.
                let _ = std::io::Write::write_all(&mut std::io::stderr(), report.as_bytes());
                1
            }
            Self::No(text) => {
                complain(&text);
                1
            }
        }
    }
}
