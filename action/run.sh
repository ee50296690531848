#!/usr/bin/env bash
# Runs the scenarios once: annotations and the step's summary, a report into REPORT, and the numbers as outputs.
set -euo pipefail

words=()
while IFS= read -r line || [ -n "$line" ]; do
    # The blanks around a line are YAML's.
    line="${line#"${line%%[![:space:]]*}"}"
    line="${line%"${line##*[![:space:]]}"}"
    [ -z "$line" ] || words+=("$line")
done <<< "$PATHS"
# xargs reads words with their quotes as a shell does, and runs nothing that stands in them.
if [ -n "${ARGS//[[:space:]]/}" ]; then
    while IFS= read -r -d '' word; do words+=("$word"); done < <(printf '%s\n' "$ARGS" | xargs printf '%s\0')
fi
json=${RUNNER_TEMP:-/tmp}/dryflash-report.json
rm -f "$json"
words+=(--report "json=$json")
[ -z "$REPORT" ] || mkdir -p -- "$(dirname -- "$REPORT")"
[ -z "$REPORT" ] || words+=(--report "$REPORT_FORMAT=$REPORT")

code=0
"$DRYFLASH" run --format github "${words[@]}" || code=$?
number() { sed -n "s/^$1\"$2\": \([0-9]*\),*\$/\1/p" "$json" | head -n 1; }
{
    echo "exit-code=$code"
    if [ -s "$json" ]; then
        echo "json=$json"
        echo "total=$(number '  ' total)"
        echo "passed=$(number '    ' passed)"
    fi
} >> "$GITHUB_OUTPUT"
exit "$code"
