#!/usr/bin/env bash
# What the tests need and Python packages cannot give: Chromium, for the tests that look at pages as people see them.
# Root on a machine with apt gets it quietly. Elsewhere it is said which tests will be skipped; in continuous
# integration (CI=true) that is a failure, or the pages would go unseen without anybody noticing.
set -euo pipefail

browser() { # a Chromium that really runs: on Ubuntu the package is a stub that wants snap
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

browser && exit 0

why="you are not root"
if [ "$(id -u)" = 0 ]; then
    why="this machine has no apt-get"
    if command -v apt-get >/dev/null; then
        echo "Installing Chromium for the tests that look at pages ..."
        log=$(mktemp)
        trap 'rm -f "$log"' EXIT
        export DEBIAN_FRONTEND=noninteractive
        if apt-get update -qq >"$log" 2>&1 &&
            apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >>"$log" 2>&1 && browser; then
            exit 0
        fi
        tail -n 5 "$log" >&2
        why="apt-get could not install one that runs"
    fi
fi

cat >&2 <<EOF
****************************************************************************************************
  There is no Chromium here, and $why.
  The tests marked "browser" will be SKIPPED: nobody looks at the pages that people will see.
  To run them, install chromium (as root: apt-get install chromium) and run the tests again.
****************************************************************************************************
EOF
[ "${CI:-}" = true ] && exit 1
exit 0
