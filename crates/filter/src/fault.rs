//! Where libseccomp failed, small enough to be told through a pipe.
#![forbid(unsafe_code)]

use crate::error::{CompileError, Refusal};
use crate::plan::Plan;

/// One call of a plan's that failed, and what libseccomp said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    /// An errno; 0 for none.
    pub(crate) errno: i32,
}

/// Which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Start,
    Native,
    /// One of [`Plan::others`].
    Other(usize),
    /// One of [`Plan::steps`].
    Step(usize),
    Export,
    Memory,
}

impl Fault {
    /// What libseccomp's `error` at `place` is.
    pub(crate) fn at(place: Place) -> impl Fn(libseccomp::error::SeccompError) -> Self {
        move |error| Self {
            place,
            errno: error.sysrawrc().unwrap_or_default().saturating_neg(),
        }
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let (kind, at) = match self.place {
            Place::Start => (0, 0),
            Place::Native => (1, 0),
            Place::Other(at) => (2, at),
            Place::Step(at) => (3, at),
            Place::Export => (4, 0),
            Place::Memory => (5, 0),
        };
        let mut bytes = vec![kind];
        bytes.extend(self.errno.to_le_bytes());
        bytes.extend(at.to_le_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (errno, at) = rest.split_first_chunk()?;
        let at = usize::from_le_bytes(at.try_into().ok()?);
        let place = match kind {
            0 => Place::Start,
            1 => Place::Native,
            2 => Place::Other(at),
            3 => Place::Step(at),
            4 => Place::Export,
            5 => Place::Memory,
            _ => return None,
        };
        Some(Self {
            place,
            errno: i32::from_le_bytes(*errno),
        })
    }
}

impl Plan {
    /// Says a fault of this plan in the profile's terms.
    pub(crate) fn explain(&self, fault: Fault) -> CompileError {
        let source = Refusal::from_errno(fault.errno);
        let export = CompileError::Export { source };
        let arch = |arch| CompileError::Arch { arch, source };
        match fault.place {
            Place::Start => CompileError::Default {
                action: self.default.action,
                data: self.default.data,
            },
            Place::Native => arch(self.native.0),
            Place::Other(at) => self.others.get(at).map_or(export, |other| arch(other.0)),
            Place::Step(at) => self
                .steps
                .get(at)
                .map_or(export, |step| CompileError::Rule {
                    rule: step.rule,
                    name: step.name.clone(),
                    source,
                }),
            Place::Export => export,
            Place::Memory => CompileError::Memory { errno: fault.errno },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_its_bytes() {
        for place in [
            Place::Start,
            Place::Native,
            Place::Other(3),
            Place::Step(1 << 20),
            Place::Export,
            Place::Memory,
        ] {
            let fault = Fault { place, errno: 17 };
            assert_eq!(Fault::from_bytes(&fault.to_bytes()), Some(fault));
        }
        assert_eq!(Fault::from_bytes(&[]), None);
        assert_eq!(Fault::from_bytes(&[9; 13]), None);
        assert_eq!(Fault::from_bytes(&[3; 6]), None);
    }
}
