#!/usr/bin/env bash
# Builds dryflash from ACTION into ROOT. What Unicorn's build needs is installed only where it is missing.
set -euo pipefail

need=()
command -v cmake >/dev/null || need+=(cmake)
if [ "$(uname -s)" = Linux ] && [ -z "${LIBCLANG_PATH:-}" ]; then
    ls /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*/libclang*.so* /usr/lib64/libclang*.so* >/dev/null 2>&1 \
        || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null || need+=(libclang-dev)
fi
if [ ${#need[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    if ! command -v apt-get >/dev/null; then
        echo "::error::dryflash is built with ${need[*]}: install that in a step before this one" >&2
        exit 1
    fi
    # ${as_root[@]+...}: an empty array is unbound in the bash of macOS.
    ${as_root[@]+"${as_root[@]}"} apt-get update
    ${as_root[@]+"${as_root[@]}"} apt-get install -y --no-install-recommends "${need[@]}"
fi
cargo install --locked --path "$ACTION" --root "$ROOT" --no-track
