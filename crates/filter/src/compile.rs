//! From a profile to classic BPF, through libseccomp.
//!
//! libseccomp 2.5.4 can write a filter to a file alone, so it gets one in memory. Profiles are not
//! trusted: some make libseccomp run for minutes, see [`compile_guarded`](crate::compile_guarded).
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Read, Seek};

use libseccomp::{ScmpArch, ScmpFilterContext};
use profile::{Arch, Seccomp};
use rustix::fs::{MemfdFlags, memfd_create};

use crate::error::{CompileError, Refusal};
use crate::filter::Filter;
use crate::plan::Plan;
use crate::program::Program;
use crate::runtime::Runtime;

/// Compiles `profile` for a machine of `native` as `as_runtime` would.
///
/// # Errors
/// Where the runtime would refuse to start the container, with the rule that it stumbles over.
pub fn compile(
    profile: &Seccomp,
    native: Arch,
    as_runtime: Runtime,
) -> Result<Filter, CompileError> {
    let plan = Plan::new(profile, native, as_runtime)?;
    let bytes = plan.build()?;
    plan.finish(&bytes)
}

impl Plan {
    /// Takes the steps, and gives libseccomp's program in the native architecture's order of bytes.
    pub(crate) fn build(&self) -> Result<Vec<u8>, CompileError> {
        let mut context =
            ScmpFilterContext::new(self.default.scmp).map_err(|_| CompileError::Default {
                action: self.default.action,
                data: self.default.data,
            })?;
        self.add_architectures(&mut context)?;
        if self.tree {
            context
                .set_ctl_optimize(2)
                .map_err(|error| CompileError::Export {
                    source: error.into(),
                })?;
        }
        for step in &self.steps {
            context
                .add_rule_conditional(step.decision.scmp, step.syscall, &step.conditions)
                .map_err(|error| CompileError::Rule {
                    rule: step.rule,
                    name: step.name.clone(),
                    source: error.into(),
                })?;
        }
        export(&context)
    }

    fn add_architectures(&self, context: &mut ScmpFilterContext) -> Result<(), CompileError> {
        let refused = |arch| {
            move |error: libseccomp::error::SeccompError| CompileError::Arch {
                arch,
                source: Refusal::from(error),
            }
        };
        let (native, token) = self.native;
        // A new context has the host's architecture; for another machine it must go.
        if token != ScmpArch::native() {
            context
                .remove_arch(ScmpArch::native())
                .map_err(refused(native))?;
            context.add_arch(token).map_err(refused(native))?;
        }
        for (arch, token) in &self.others {
            context.add_arch(*token).map_err(refused(*arch))?;
        }
        Ok(())
    }

    /// Puts the stub before what [`Plan::build`] gave.
    pub(crate) fn finish(self, bytes: &[u8]) -> Result<Filter, CompileError> {
        let compiled = Program::from_bytes(bytes, self.endian)?;
        let mut instructions = self.stub;
        instructions.extend_from_slice(compiled.instructions());
        Ok(Filter {
            program: Program::new(instructions)?,
            unknown: self.unknown,
            flags: self.flags,
            endian: self.endian,
        })
    }
}

fn export(context: &ScmpFilterContext) -> Result<Vec<u8>, CompileError> {
    let memory = |error: io::Error| CompileError::Memory {
        errno: error.raw_os_error().unwrap_or_default(),
    };
    let fd = memfd_create("filter", MemfdFlags::CLOEXEC).map_err(|errno| memory(errno.into()))?;
    let mut file = File::from(fd);
    context
        .export_bpf(&file)
        .map_err(|error| CompileError::Export {
            source: error.into(),
        })?;
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .map_err(memory)?;
    Ok(bytes)
}
