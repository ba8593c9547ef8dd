//! The command lines: some by hand, thousands by chance from a fixed seed.

use std::ffi::OsString;

/// Lines of the tables in which parsers are known to differ. `_` inside a word is a space, `''` an
/// empty word.
pub(crate) const TABLE: &[&str] = &[
    "create --bundle A id1",
    "create --bundle=A id1",
    "create -b A id1",
    "create -b=A id1",
    "create -bA id1",
    "create -bundle A id1",
    "create --b A id1",
    "create --bund A id1",
    "create --bund=A id1",
    "create id1",
    "create id1 --bundle A",
    "create id1 -b A",
    "create id1 --bundle=A --no-pivot",
    "run id1 --bundle A",
    "run --bundle A id1",
    "run -db A id1",
    "run -dbA id1",
    "run -db=A id1",
    "restore --bundle A id1",
    "restore --image-path A --bundle B id1",
    "restore --image-path A --work-path A --detach --no-pivot -no-subreaper --bundle B id1",
    "restore id1 --bundle=A",
    "restore id1 create",
    "create --bundle A --bundle B id1",
    "create -b A --bundle B id1",
    "create --bundle A -b B id1",
    "create -b A -b B id1",
    "create --bundle= id1",
    "create -b '' id1",
    "create --bundle '' --bundle A id1",
    "create --root A --bundle B id1",
    "create --log L --bundle B id1",
    "create -l L --bundle B id1",
    "create --config F --bundle A id1",
    "create --config=F id1",
    "create -f F -b B id1",
    "create -fF -b B id1",
    "create -f=F -b B id1",
    "create --conf F -b B id1",
    "create --config config.json -b A id1",
    "create --config ./config.json -b A id1",
    "create --config A/F -b A id1",
    "create --config '' -b A id1",
    "restore --config F -b A id1",
    "-- create --bundle A id1",
    "create -- id1",
    "create --bundle A -- id1",
    "create -- --bundle A id1",
    "create -- --bundle",
    "create --bundle -- id1",
    "create --bundle --bundle A",
    "create --bundle -b id1",
    "create --bundle -x id1",
    "create --bundle - id1",
    "create - --bundle A",
    "create --bundle --no-pivot id1",
    "create --no-pivot id1 --bundle A",
    "create --no-pivot --bundle A id1",
    "create --no-pivot -- id1 --bundle A",
    "create --pid-file --keep id1 --bundle A",
    "create --pid-file --root id1 --bundle A",
    "create --pid-file --pidfd-socket id1 --bundle A",
    "create --pid-file --image-path id1 --bundle A",
    "run --pid-file --image-path id1 --bundle A",
    "create --no-pivot=false --bundle A id1",
    "create --no-pivot= --bundle A id1",
    "create --no-pivot=maybe --bundle A id1",
    "--debug create --bundle A id1",
    "--debug=true create --bundle A id1",
    "--systemd-cgroup=false create --bundle A id1",
    "--debug false create --bundle A id1",
    "--log create create --bundle A id1",
    "--log --debug create --bundle A id1",
    "--log-format create run --bundle A id1",
    "-log L create --bundle A id1",
    "--log=L --log-format=json create --bundle A id1",
    "--lo L create --bundle A id1",
    "--log-f json create --bundle A id1",
    "--debu create --bundle A id1",
    "--rootless true create --bundle A id1",
    "--rootless=false create --bundle A id1",
    "--new create --bundle A id1",
    "--new exec create --bundle A id1",
    "-debug create -bundle A id1",
    "create create",
    "create --bundle create run",
    "run --bundle run create",
    "create --help --bundle A id1",
    "create --help=false --bundle A id1",
    "create -h --bundle A id1",
    "create -? --bundle A id1",
    "create --bundle --help id1",
    "create --bundle A id1 --help",
    "create --usage --bundle A id1",
    "create help",
    "create h --bundle A",
    "create --preserve-fds 1 --bundle A id1",
    "create --preserve-fds x --bundle A id1",
    "create --pidfd-socket S --bundle A id1",
    "run --keep --bundle A id1",
    "create --keep --bundle A id1",
    "create -c S -p P --bundle A id1",
    "create _--bundle=A id1",
    "create --bundle _A id1",
    "create --bundle=A_ id1",
    "_create --bundle A id1",
    "create ---bundle A id1",
    "create --=A id1",
    "create -=A id1",
    "create -b",
    "create --bundle",
    "create --bundle A",
    "create --bundle A id1 more",
    "create A id1",
    "create",
    "exec id1 create --bundle A id1",
    "exec id1 --bundle A create",
    "state create",
    "start create --bundle A",
    "kill create 9",
];

/// Lines as engines write them; each makes a container and is neither refused nor passed.
pub(crate) const CALLERS: &[&str] = &[
    "--log L --log-format json create --bundle A --pid-file A/init.pid id1",
    "--log L --log-format json --systemd-cgroup create --bundle A --pid-file P --no-pivot \
     --no-new-keyring id1",
    "--log L --log-format json create --bundle A --pid-file P --console-socket S id1",
    "--log L --log-format json run --bundle A --no-pivot --keep id1",
    "--log L --log-format json run --bundle A --keep id1",
    "--log L --log-format json restore --image-path I --work-path W --detach --pid-file P \
     --no-pivot -no-subreaper --bundle A id1",
    "--systemd-cgroup --log-format=json --log L create --bundle A --pid-file P --no-pivot id1",
    "--log-format=json --log L restore --bundle A --pid-file P --detach --image-path I \
     --work-path B --lsm-profile=x id1",
    "--systemd-cgroup create --bundle A --pid-file P --console-socket=S id1",
    "create --bundle A --pid-file P --no-pivot --console-socket S id1",
    "run --bundle A id1",
    "create id1",
];

/// Pieces before the subcommand.
const GLOBALS: &[&[&str]] = &[
    &["--debug"],
    &["-debug"],
    &["--debug=true"],
    &["--systemd-cgroup"],
    &["--log", "L"],
    &["--log=L"],
    &["-log", "L"],
    &["--log", "create"],
    &["--log-format", "json"],
    &["--log-format=text"],
    &["--log-f=json"],
    &["--rootless", "true"],
    &["--rootless=run"],
    &["--roo", "run"],
    &["--log", "--debug"],
    &["--"],
    &["--new"],
    &["--new", "v"],
    &["-l", "L"],
    &["-s"],
    &["exec"],
];

/// Words that stand for the subcommand.
const SUBCOMMANDS: &[&str] = &[
    "create", "create", "create", "create", "create", "run", "run", "run", "restore", "restore",
    "exec", "state", "start", "creat", "",
];

/// Pieces after it that every runtime takes.
const PLAIN: &[&[&str]] = &[
    &["id1"],
    &["id1"],
    &["--bundle", "A"],
    &["--bundle=B"],
    &["-b", "A"],
    &["-b", "B"],
    &["--no-pivot"],
    &["--no-new-keyring"],
    &["--pid-file", "P"],
    &["--pid-file=create"],
    &["--preserve-fds=0"],
    &["--preserve-fds", "0"],
];

/// Pieces after it on which they differ.
const PIECES: &[&[&str]] = &[
    &["-b=A"],
    &["-bA"],
    &["-bundle", "A"],
    &["-bundle=B"],
    &["--b", "A"],
    &["--b=B"],
    &["--bund", "A"],
    &["--bund=B"],
    &["--bundle="],
    &["-b", ""],
    &["-b"],
    &["--bundle"],
    &["--bundle", "create"],
    &["--bundle", "-x"],
    &["--bundle", "--keep"],
    &["--bundle", "-"],
    &["--bundle", "--"],
    &["--bundle= A"],
    &["--bundle", "A "],
    &[" --bundle=A"],
    &["--config", "F"],
    &["--config=A/F"],
    &["-f", "F"],
    &["-fF"],
    &["-f=F"],
    &["--conf=F"],
    &["--config", "config.json"],
    &["--no-pivot"],
    &["--no-pivot"],
    &["-no-pivot"],
    &["--no-pivot=true"],
    &["--no-new-keyring"],
    &["--no-p"],
    &["--detach"],
    &["-d"],
    &["-db", "A"],
    &["-dbB"],
    &["--keep"],
    &["--pid-file", "P"],
    &["--pid-file=P"],
    &["--pid-file", "--no-pivot"],
    &["--pid-file", "--root"],
    &["--pid-file"],
    &["-p", "P"],
    &["--console-socket", "S"],
    &["--preserve-fds", "0"],
    &["--image-path", "A"],
    &["--root", "A"],
    &["--log", "L"],
    &["--help=false"],
    &["--"],
    &["-"],
    &[""],
    &["-x"],
    &["create"],
    &["run"],
    &["--new"],
];

/// A line by chance.
pub(crate) fn by_chance(chance: &mut Chance) -> Vec<OsString> {
    let mut line: Vec<&str> = Vec::new();
    for _ in 0..chance.below(12).saturating_sub(9) {
        line.extend(chance.pick(GLOBALS));
    }
    line.push(chance.pick(SUBCOMMANDS));
    for _ in 0..1 + chance.below(5) {
        line.extend(match chance.below(5) {
            0 | 1 => chance.pick(PIECES),
            _ => chance.pick(PLAIN),
        });
    }
    if chance.below(6) > 0 && !line.contains(&"id1") {
        line.push("id1");
    }
    line.into_iter().map(OsString::from).collect()
}

/// The words of a line of the tables.
pub(crate) fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace()
        .map(|word| match word {
            "''" => OsString::new(),
            _ => word.replace('_', " ").into(),
        })
        .collect()
}

/// xorshift64*: the same lines in every run.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
