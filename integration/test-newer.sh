#!/bin/sh
# Runs the tests that meet real runtimes and engines inside each root of `make newer`, and closes with the
# count for each; TESTS names some alone. What came of the engines' operations is kept in target/newer/SUITE.jsonl.
set -u
cd "$(dirname "$0")/.." || exit 1
tests="${TESTS:-agent_lite agent_metrics agent_observe agent_proof agent_ratchet agent_record agent_restart agent_top
    argv_differential containers cookbook crun_compiles decisions default_profile_filter default_profile_kernel differential
    doctor engine_containerd engine_cri engine_docker engine_podman fleet_day handover identity install
    installed instructions invisible killed policy_swap profile_in_containers race refusals restrict_kernel}"
for test in $tests; do set -- "$@" --test "$test"; done
suites=$SUITE
export SHIM_BINARY="${SHIM_BINARY:-$PWD/target/release/shim}"
built=$(mktemp)
out=$(mktemp)
one=$(mktemp)
SHIM_TEST_SKIPS=$(mktemp)
export SHIM_TEST_SKIPS
trap 'rm -f "$built" "$out" "$one" "$SHIM_TEST_SKIPS"' EXIT
cargo test --locked -p integration --no-run "$@" > "$built" 2>&1 || { cat "$built"; exit 1; }

# This machine's libseccomp in the place of the root's.
library=$(readlink -f /usr/lib/*/libseccomp.so.2)
mkdir -p target/newer/libseccomp
cp "$library" target/newer/libseccomp/
OLDER="rm -f $library* ${library%/*}/libseccomp.so.2*
    cp $PWD/target/newer/libseccomp/${library##*/} $library
    ln -s ${library##*/} ${library%/*}/libseccomp.so.2; exec \"\$0\" \"\$@\""

status=0
for suite in $suites; do
    root=target/newer/$suite
    if [ ! -d "$root" ]; then
        echo "SKIPPED $suite: no $root (\`make newer\` makes it)"
        continue
    fi
    export SHIM_TEST_MATRIX="$PWD/$root.jsonl"
    [ -n "${TESTS:-}" ] || rm -f "$SHIM_TEST_MATRIX"
    : > "$SHIM_TEST_SKIPS"
    : > "$out"
    for program in $(sed -n 's/.*Executable tests.*(\(.*\))/\1/p' "$built"); do
        echo "$suite: $program"
        # How the program is laid out is no matter of the engines.
        set -- "$program" --skip early
        # Only a crun whose libseccomp is of this program's version is handed filters, or makes the same.
        case $program in
            */handover-* | */crun_compiles-*) set -- sh -c "$OLDER" "$@" ;;
        esac
        sh integration/inside.sh "$root" "$@" > "$one" 2>&1 || status=1
        grep -E '^test .*FAILED|^test result' "$one"
        cat "$one" >> "$out"
    done
    sort -u "$SHIM_TEST_SKIPS" | sed "s/^/$suite skipped: /"
    awk -v suite="$suite" '/^test result:/ { passed += $4; failed += $6 }
        END { print suite ": " passed " passed, " failed " failed" }' "$out"
    [ "$status" = 0 ] || sed -n '/^failures:/,/^test result/p' "$out"
done
exit "$status"
