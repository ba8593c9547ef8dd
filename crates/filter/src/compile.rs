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

use crate::error::CompileError;
use crate::fault::{Fault, Place};
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
    let bytes = plan.build().map_err(|fault| plan.explain(fault))?;
    plan.finish(&bytes)
}

impl Plan {
    /// Takes the steps, and gives libseccomp's program in the native architecture's order of bytes.
    pub(crate) fn build(&self) -> Result<Vec<u8>, Fault> {
        let mut context =
            ScmpFilterContext::new(self.default.scmp).map_err(Fault::at(Place::Start))?;
        self.add_architectures(&mut context)?;
        if self.tree {
            context
                .set_ctl_optimize(2)
                .map_err(Fault::at(Place::Export))?;
        }
        for (at, step) in self.steps.iter().enumerate() {
            context
                .add_rule_conditional(step.decision.scmp, step.syscall, &step.conditions)
                .map_err(Fault::at(Place::Step(at)))?;
        }
        export(&context)
    }

    fn add_architectures(&self, context: &mut ScmpFilterContext) -> Result<(), Fault> {
        let (_, native) = self.native;
        // A new context has the host's architecture; for another machine it must go.
        if native != ScmpArch::native() {
            context
                .remove_arch(ScmpArch::native())
                .and_then(|context| context.add_arch(native))
                .map_err(Fault::at(Place::Native))?;
        }
        for (at, (_, arch)) in self.others.iter().enumerate() {
            context
                .add_arch(*arch)
                .map_err(Fault::at(Place::Other(at)))?;
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

fn export(context: &ScmpFilterContext) -> Result<Vec<u8>, Fault> {
    let memory = |error: io::Error| Fault {
        place: Place::Memory,
        errno: error.raw_os_error().unwrap_or_default(),
    };
    let fd = memfd_create("filter", MemfdFlags::CLOEXEC).map_err(|errno| memory(errno.into()))?;
    let mut file = File::from(fd);
    context
        .export_bpf(&file)
        .map_err(Fault::at(Place::Export))?;
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .map_err(memory)?;
    Ok(bytes)
}
