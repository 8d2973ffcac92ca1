#!/usr/bin/env bash
# The OpenSSH server, for the tests that collect from a real transfer area. Its rooms and accounts take root, too.
# Root on a machine with apt gets the package quietly, and no server of its own is started: on a machine that would
# start one (systemd), people decide that. In continuous integration (CI=true) a missing server is a failure.
set -euo pipefail
sshd=${SSHD:-/usr/sbin/sshd}

why="you are not root, whom the rooms and accounts of a transfer area take"
if [ "$(id -u)" = 0 ]; then
    [ -x "$sshd" ] && exit 0
    why="this machine has no apt-get"
    if [ -d /run/systemd/system ] && [ "${CI:-}" != true ]; then
        why="installing it here would start an SSH server"
    elif command -v apt-get >/dev/null; then
        echo "Installing the OpenSSH server for the tests of the transfer area ..."
        log=$(mktemp)
        trap 'rm -f "$log"' EXIT
        export DEBIAN_FRONTEND=noninteractive
        if apt-get update -qq >"$log" 2>&1 &&
            apt-get install -qq -y --no-install-recommends openssh-server openssh-client >>"$log" 2>&1 && [ -x "$sshd" ]; then
            exit 0
        fi
        tail -n 5 "$log" >&2
        why="apt-get could not install it"
    fi
fi

cat >&2 <<EOT
****************************************************************************************************
  There can be no SFTP transfer area here: $why.
  Its tests will be SKIPPED: nobody tries whether recipients are kept apart, or what a cut connection does.
  To run them, install openssh-server and run the tests as root, best in a container.
****************************************************************************************************
EOT
[ "${CI:-}" = true ] && exit 1
exit 0
