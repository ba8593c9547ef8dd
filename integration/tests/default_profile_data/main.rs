//! The default profile against the engines' own: never looser than Docker's and containerd's, and
//! stricter only where the documentation says so.

#[cfg(test)] // which tells clippy that these are tests
mod evaluate;
#[cfg(test)]
mod reference;

use std::collections::BTreeSet;

use evaluate::{Table, boundaries, strictness};
use integration::shared_data;
use profile::Seccomp;
use reference::{Reference, derived, every_single_capability, rows};

const DOCUMENT: &str = include_str!("../../../docs/default-profile.md");

/// What differs between our profile and one engine's.
#[derive(Debug, Default)]
struct Differences {
    /// Calls that we let through and the engine does not.
    looser: BTreeSet<String>,
    /// Calls that the engine lets through and we do not.
    stricter: BTreeSet<String>,
    /// How many calls were compared, counting every set of arguments.
    compared: usize,
}

impl Differences {
    fn between_ours_and(&mut self, reference: &Reference) {
        let ours = default_profile::resolve(&reference.target);
        self.between(&ours, reference);
    }

    fn between(&mut self, ours: &Seccomp, reference: &Reference) {
        let (ours, theirs) = (Table::new(ours), Table::new(&reference.seccomp));
        let native = reference.target.arch;
        for (one, other, differences) in [
            (&ours, &theirs, &mut self.looser),
            (&theirs, &ours, &mut self.stricter),
        ] {
            let more = &one.architectures(native) - &other.architectures(native);
            differences.extend(more);
        }
        let names: BTreeSet<_> = ours
            .names()
            .chain(theirs.names())
            .chain(["listns"])
            .collect();
        for name in names {
            for arguments in boundaries(name, [&ours, &theirs]) {
                self.compared += 1;
                let our = strictness(ours.action(name, &arguments));
                let their = strictness(theirs.action(name, &arguments));
                if our < their {
                    self.looser.insert(name.to_owned());
                }
                if our > their {
                    self.stricter.insert(name.to_owned());
                }
            }
        }
    }
}

/// The differences to `engine` in all of `references`.
#[expect(clippy::print_stdout, reason = "a test's own words")]
fn differences(engine: &str, references: &[Reference]) -> Differences {
    let mut all = Differences::default();
    let mut count = 0;
    for reference in references.iter().filter(|one| one.engine == engine) {
        all.between_ours_and(reference);
        count += 1;
    }
    assert_ne!(count, 0, "no rows for {engine}");
    println!("{engine}: {count} targets, {} calls compared", all.compared);
    all
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const STRICTER_THAN_DOCKER: &[&str] = &[
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64N32",
    "riscv_hwprobe",
    "socket",
];
const STRICTER_THAN_CONTAINERD: &[&str] = &[
    "lsm_get_self_attr",
    "lsm_list_modules",
    "lsm_set_self_attr",
    "socket",
];

#[test]
fn the_default_is_never_looser_than_dockers_or_containerds() {
    let Some(data) = shared_data("the_default_is_never_looser_than_dockers_or_containerds") else {
        return;
    };
    for reference in rows(&data) {
        if ["moby", "containerd"].contains(&reference.engine.as_str()) {
            let mut found = Differences::default();
            found.between_ours_and(&reference);
            assert_eq!(found.looser, set(&[]), "{}", reference.title());
        }
    }
}

#[test]
fn the_default_is_stricter_than_dockers_and_containerds_only_where_it_says_so() {
    let test = "the_default_is_stricter_than_dockers_and_containerds_only_where_it_says_so";
    let Some(data) = shared_data(test) else {
        return;
    };
    let rows = rows(&data);
    assert_eq!(
        differences("moby", &rows).stricter,
        set(STRICTER_THAN_DOCKER)
    );
    assert_eq!(
        differences("containerd", &rows).stricter,
        set(STRICTER_THAN_CONTAINERD)
    );
}

#[test]
fn references_derived_from_dockers_file_are_what_the_engines_made() {
    let test = "references_derived_from_dockers_file_are_what_the_engines_made";
    let Some(data) = shared_data(test) else {
        return;
    };
    for row in rows(&data) {
        if ["moby", "containerd"].contains(&row.engine.as_str()) {
            let mut found = Differences::default();
            found.between(&derived(&data, &row.engine, &row.target), &row);
            let both: Vec<_> = found.looser.union(&found.stricter).collect();
            assert_eq!(both, [""; 0].iter().collect::<Vec<_>>(), "{}", row.title());
        }
    }
}

#[test]
fn the_same_holds_for_every_single_capability_architecture_and_kernel() {
    let test = "the_same_holds_for_every_single_capability_architecture_and_kernel";
    let Some(data) = shared_data(test) else {
        return;
    };
    let all = every_single_capability(&data);
    for (engine, stricter) in [
        ("moby", STRICTER_THAN_DOCKER),
        ("containerd", STRICTER_THAN_CONTAINERD),
    ] {
        let found = differences(engine, &all);
        assert_eq!(found.looser, set(&[]), "{engine}");
        assert_eq!(found.stricter, set(stricter), "{engine}");
    }
}

#[test]
fn the_document_names_every_difference() {
    let mut all = set(STRICTER_THAN_DOCKER);
    all.extend(set(STRICTER_THAN_CONTAINERD));
    if let Some(data) = shared_data("the_document_names_every_difference") {
        let rows = rows(&data);
        for engine in ["podman", "crio"] {
            let found = differences(engine, &rows);
            all.extend(found.looser);
            all.extend(found.stricter);
        }
    }
    all.retain(|name| !DOCUMENT.contains(&format!("`{name}`")));
    assert_eq!(all, set(&[]), "not in docs/default-profile.md");
}
