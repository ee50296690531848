#!/usr/bin/env bash
# The cache's key: repository, system, reference, and a sum over all that dryflash is built from. ACTION is where the action lies.
set -euo pipefail

sum() {
    if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}
export -f sum

# Sums name files from the action's folder, wherever that is.
hash=$(cd "$ACTION" && find Cargo.toml Cargo.lock build src shim docs/schemas -type f ! -path '*/target/*' -print0 \
    | LC_ALL=C sort -z | xargs -0 bash -c 'sum "$@"' sum | sum | cut -c 1-40)
# A reference may be refs/heads/x: a key takes no commas, and slashes read badly.
ref=$(printf '%s' "${REF:-}" | tr -c 'A-Za-z0-9._-' '-')
# Nothing where the action is this repository's own, by its path.
repository=$(printf '%s' "${REPOSITORY:+$REPOSITORY-}" | tr -c 'A-Za-z0-9._-' '-')
root=${RUNNER_TEMP:-/tmp}/dryflash
{
    echo "key=dryflash-$repository${RUNNER_OS:-$(uname -s)}-${RUNNER_ARCH:-$(uname -m)}-${ImageOS:-any}-${ref:-local}-$hash"
    echo "root=$root"
    echo "dryflash=$root/bin/dryflash"
} >> "$GITHUB_OUTPUT"
