#!/usr/bin/env bash
# MariaDB, for the tests of sources that are one. Only the programs are installed (mariadb-server-core), so no server of
# its own is started; tests start theirs. In continuous integration (CI=true) a missing MariaDB is a failure.
set -euo pipefail

mariadbd=${MARIADBD:-/usr/sbin/mariadbd}

there() { [ -x "$mariadbd" ] && command -v mariadb >/dev/null; }

there && exit 0
why="you are not root"
if [ "$(id -u)" = 0 ]; then
    why="this machine has no apt-get"
    if command -v apt-get >/dev/null; then
        echo "Installing MariaDB's programs for the tests of sources ..."
        log=$(mktemp)
        trap 'rm -f "$log"' EXIT
        export DEBIAN_FRONTEND=noninteractive
        if apt-get update -qq >"$log" 2>&1 &&
            apt-get install -qq -y --no-install-recommends mariadb-server-core mariadb-client-core >>"$log" 2>&1 && there; then
            exit 0
        fi
        tail -n 5 "$log" >&2
        why="apt-get could not install it"
    fi
fi

cat >&2 <<EOT
****************************************************************************************************
  There is no MariaDB here, and $why.
  Its tests will be SKIPPED: nobody tries whether a MariaDB gives the extract that PostgreSQL gives.
  To run them, install mariadb-server-core (as root: apt-get install mariadb-server-core).
****************************************************************************************************
EOT
[ "${CI:-}" = true ] && exit 1
exit 0
