#!/bin/sh
# Runs every check and every test, and closes with the count of what passed, failed and was skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
out=$(mktemp)
skips=$(mktemp)
trap 'rm -f "$out" "$skips"' EXIT
export SHIM_TEST_SKIPS="$skips"
status=0
rm -f target/engine-matrix.jsonl

make --no-print-directory check || status=1
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$out"
grep -q '^test result: FAILED' "$out" && status=1
grep -qE '^error(\[|:)' "$out" && status=1

count() { awk -v word="$1" '/^test result:/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ "^" word) sum += $i } END { print sum + 0 }' "$out"; }
skipped=$(cut -d: -f1 "$skips" | sort -u | wc -l)
passed=$(($(count passed) - skipped))
failed=$(count failed)
[ "$passed" -gt 0 ] || status=1
if [ "$skipped" -gt 0 ]; then
    echo "skipped, with the reason:"
    sort -u "$skips" | sed 's/^/  /'
fi
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
