//! Names and numbers of syscalls, as questions give them.

use std::collections::BTreeSet;

use filter::X32_BIT;
use profile::Arch;

/// The number by which `arch` has `name`.
///
/// Of calls that 32-bit x86 and others can also make through `socketcall` or `ipc`, libseccomp
/// tells a number of its own; the kernel's is found by asking for the name of each number.
pub(super) fn nr(name: &str, arch: Arch) -> Option<u32> {
    filter::nr(name, arch).or_else(|| {
        profile::meaning::multiplexer(arch, name)?;
        numbers(arch).find(|nr| filter::name(*nr, arch).as_deref() == Some(name))
    })
}

/// The names of all syscalls of an architecture.
pub(super) fn names(arch: Arch) -> BTreeSet<String> {
    let names = numbers(arch).filter_map(|nr| filter::name(nr, arch));
    names.collect()
}

/// The syscall of `arch` that `word` was probably meant to be.
pub(super) fn near(word: &str, arch: Arch) -> Option<String> {
    let names = names(arch).into_iter();
    names
        .map(|name| (strsim::damerau_levenshtein(&name, word), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .map(|(_, name)| name)
}

/// All numbers that an architecture may have a syscall for.
fn numbers(arch: Arch) -> impl Iterator<Item = u32> {
    let x32 = if arch == Arch::ScmpArchX32 {
        X32_BIT
    } else {
        0
    };
    let all = BASES
        .into_iter()
        .flat_map(|base| base..base.saturating_add(COUNT));
    all.map(move |nr| nr | x32)
}

/// Where numbers of syscalls begin (MIPS has one range for each ABI).
const BASES: [u32; 4] = [0, 4000, 5000, 6000];

/// How many numbers there may be from a beginning.
const COUNT: u32 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_behind_a_multiplexer_have_their_own_numbers_too() {
        assert_eq!(nr("socket", Arch::ScmpArchX86), Some(359));
        assert_eq!(nr("socket", Arch::ScmpArchX86_64), Some(41));
        assert_eq!(nr("no_such_call", Arch::ScmpArchX86), None);
    }

    #[test]
    fn a_mistyped_name_is_guessed() {
        assert_eq!(
            near("opeant", Arch::ScmpArchX86_64).as_deref(),
            Some("openat")
        );
        assert_eq!(near("opeant", Arch::ScmpArchX32).as_deref(), Some("openat"));
        assert_eq!(near("frobnicate", Arch::ScmpArchX86_64), None);
        assert!(names(Arch::ScmpArchMips64).contains("read"));
    }
}
