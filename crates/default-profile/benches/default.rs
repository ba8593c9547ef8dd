//! What the default costs a create: resolving it from the embedded data, and, for comparison with a
//! node's own file, reading and resolving it as JSON.

use std::collections::BTreeSet;

use criterion::{Criterion, criterion_group, criterion_main};
use default_profile::resolve;
use profile::{Arch, Kernel, Source, Target};

fn target() -> Target {
    Target {
        capabilities: BTreeSet::from(["CAP_CHOWN".to_owned(), "CAP_NET_RAW".to_owned()]),
        arch: Arch::ScmpArchX86_64,
        kernel: Kernel {
            major: 6,
            minor: 18,
        },
    }
}

fn benchmark(criterion: &mut Criterion) {
    let target = target();
    let json = resolve(&target).to_json();
    criterion.bench_function("resolve the embedded default", |bencher| {
        bencher.iter(|| resolve(&target));
    });
    criterion.bench_function("write it as JSON", |bencher| {
        let profile = resolve(&target);
        bencher.iter(|| profile.to_json());
    });
    criterion.bench_function("read and resolve it from JSON", |bencher| {
        bencher.iter(|| Source::read(json.as_bytes()).map(|source| source.resolve(&target)));
    });
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
