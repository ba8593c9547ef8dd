//! What a runtime asks of libseccomp for a profile: everything that is decided before libseccomp
//! compiles. Profiles are not trusted; nothing here takes longer than the profile is long.
#![forbid(unsafe_code)]

use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpSyscall};
use profile::{Action, Arch, Condition, Operator, Rule, Seccomp};

use crate::arch::{endian, scmp};
use crate::error::CompileError;
use crate::flags::flags;
use crate::instruction::{Endian, Instruction};
use crate::runtime::Runtime;
use crate::stub::stub;

/// The calls to libseccomp, in order.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) default: Decision,
    pub(crate) native: (Arch, ScmpArch),
    pub(crate) others: Vec<(Arch, ScmpArch)>,
    /// Whether `SCMP_FLTATR_CTL_OPTIMIZE` is 2, the tree.
    pub(crate) tree: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) unknown: Vec<String>,
    pub(crate) flags: u32,
    pub(crate) stub: Vec<Instruction>,
    pub(crate) endian: Endian,
}

/// One `seccomp_rule_add_array`.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) rule: usize,
    pub(crate) name: String,
    pub(crate) syscall: ScmpSyscall,
    pub(crate) decision: Decision,
    pub(crate) conditions: Vec<ScmpArgCompare>,
}

/// An action with its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) action: Action,
    /// Errno or message: both runtimes keep the lower 16 bits.
    pub(crate) data: u16,
    pub(crate) scmp: ScmpAction,
}

impl Plan {
    pub(crate) fn new(
        profile: &Seccomp,
        native: Arch,
        runtime: Runtime,
    ) -> Result<Self, CompileError> {
        let default = Decision::new(profile.default_action, profile.default_errno);
        if runtime == Runtime::Runc && default.action == Action::ScmpActNotify {
            return Err(CompileError::DefaultNotify);
        }
        if runtime == Runtime::Crun && errno_without_use(default.action, profile.default_errno) {
            return Err(CompileError::DefaultErrno {
                action: default.action,
            });
        }
        let mut others = Vec::new();
        for arch in &profile.architectures {
            others.push((*arch, taken(*arch, runtime)?));
        }
        let mut plan = Self {
            default,
            native: (native, taken(native, runtime)?),
            others,
            tree: runtime == Runtime::Runc && names(profile).count() > TREE_ABOVE,
            steps: Vec::new(),
            unknown: Vec::new(),
            flags: flags(profile, runtime)?,
            stub: Vec::new(),
            endian: endian(native),
        };
        for (index, rule) in profile.rules.iter().enumerate() {
            plan.check_rule(index, rule, profile, runtime)?;
            for name in &rule.names {
                plan.add_name(index, rule, name, runtime)?;
            }
        }
        if runtime == Runtime::Runc && !passes(default.action) {
            plan.stub = stub(native, &profile.architectures, || names(profile));
        }
        Ok(plan)
    }

    fn check_rule(
        &self,
        index: usize,
        rule: &Rule,
        profile: &Seccomp,
        runtime: Runtime,
    ) -> Result<(), CompileError> {
        let notify = rule.action == Action::ScmpActNotify;
        match runtime {
            Runtime::Crun if errno_without_use(rule.action, rule.errno) => {
                Err(CompileError::RuleErrno {
                    rule: index,
                    action: rule.action,
                })
            }
            Runtime::Runc if rule.names.iter().any(|name| name.is_empty()) => {
                Err(CompileError::EmptyName { rule: index })
            }
            Runtime::Runc if notify && rule.names.iter().any(|name| name == "write") => {
                Err(CompileError::NotifyWrite { rule: index })
            }
            Runtime::Runc if notify && profile.listener_path.is_none() => {
                Err(CompileError::NoListener { rule: index })
            }
            _ => Ok(()),
        }
    }

    fn add_name(
        &mut self,
        index: usize,
        rule: &Rule,
        name: &str,
        runtime: Runtime,
    ) -> Result<(), CompileError> {
        let Ok(syscall) = ScmpSyscall::from_name(name) else {
            if !self.unknown.iter().any(|known| known == name) {
                self.unknown.push(name.to_owned());
            }
            return Ok(());
        };
        let decision = Decision::new(rule.action, rule.errno);
        if decision.scmp == self.default.scmp {
            return Ok(());
        }
        let looked_at = match runtime {
            Runtime::Runc => rule.args.len(),
            // Seen of crun 1.8.1: a seventh condition has no effect.
            Runtime::Crun => ARGS,
        };
        let mut conditions = Vec::new();
        let mut seen = [false; ARGS];
        let mut repeated = false;
        for condition in rule.args.iter().take(looked_at) {
            let slot = usize::try_from(condition.index)
                .ok()
                .and_then(|arg| seen.get_mut(arg))
                .ok_or_else(|| CompileError::ArgIndex {
                    rule: index,
                    name: name.to_owned(),
                    index: condition.index,
                })?;
            repeated |= std::mem::replace(slot, true);
            conditions.push(compare(*condition));
        }
        let mut step = |conditions| {
            self.steps.push(Step {
                rule: index,
                name: name.to_owned(),
                syscall,
                decision,
                conditions,
            });
        };
        if repeated {
            // Not all must hold but any: the runtimes add each condition alone.
            for condition in conditions {
                step(vec![condition]);
            }
        } else {
            step(conditions);
        }
        Ok(())
    }
}

impl Decision {
    fn new(action: Action, errno: Option<u32>) -> Self {
        let data = u16::try_from(errno.unwrap_or(EPERM) & 0xffff).unwrap_or_default();
        let (data, scmp) = match action {
            Action::ScmpActErrno => (data, ScmpAction::Errno(data.into())),
            Action::ScmpActTrace => (data, ScmpAction::Trace(data)),
            Action::ScmpActKill | Action::ScmpActKillThread => (0, ScmpAction::KillThread),
            Action::ScmpActKillProcess => (0, ScmpAction::KillProcess),
            Action::ScmpActTrap => (0, ScmpAction::Trap),
            Action::ScmpActNotify => (0, ScmpAction::Notify),
            Action::ScmpActLog => (0, ScmpAction::Log),
            Action::ScmpActAllow => (0, ScmpAction::Allow),
        };
        Self { action, data, scmp }
    }
}

fn names(profile: &Seccomp) -> impl Iterator<Item = &str> {
    profile
        .rules
        .iter()
        .flat_map(|rule| rule.names.iter().map(AsRef::as_ref))
}

/// libseccomp's name of an architecture that `runtime` takes.
fn taken(arch: Arch, runtime: Runtime) -> Result<ScmpArch, CompileError> {
    let unheard = runtime == Runtime::Runc
        && matches!(
            arch,
            Arch::ScmpArchM68k
                | Arch::ScmpArchParisc
                | Arch::ScmpArchParisc64
                | Arch::ScmpArchSh
                | Arch::ScmpArchSheb
        );
    scmp(arch)
        .filter(|_| !unheard)
        .ok_or(CompileError::ArchUnknown { arch })
}

fn compare(condition: Condition) -> ScmpArgCompare {
    let Condition {
        index,
        value,
        value_two,
        op,
    } = condition;
    let (op, datum) = match op {
        Operator::ScmpCmpNe => (ScmpCompareOp::NotEqual, value),
        Operator::ScmpCmpLt => (ScmpCompareOp::Less, value),
        Operator::ScmpCmpLe => (ScmpCompareOp::LessOrEqual, value),
        Operator::ScmpCmpEq => (ScmpCompareOp::Equal, value),
        Operator::ScmpCmpGe => (ScmpCompareOp::GreaterEqual, value),
        Operator::ScmpCmpGt => (ScmpCompareOp::Greater, value),
        Operator::ScmpCmpMaskedEq => (ScmpCompareOp::MaskedEqual(value), value_two),
    };
    ScmpArgCompare::new(index, op, datum)
}

fn errno_without_use(action: Action, errno: Option<u32>) -> bool {
    errno.is_some() && !matches!(action, Action::ScmpActErrno | Action::ScmpActTrace)
}

/// Whether runc adds no stub to a filter with this default.
fn passes(default: Action) -> bool {
    matches!(
        default,
        Action::ScmpActAllow | Action::ScmpActLog | Action::ScmpActTrace
    )
}

/// runc asks for a tree where its rules, one for each name, are more than this.
const TREE_ABOVE: usize = 32;
/// How many arguments a syscall has.
const ARGS: usize = 6;
/// The errno where none is given.
const EPERM: u32 = 1;
