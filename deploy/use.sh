#!/usr/bin/env bash
# Takes a version that install.sh laid down into use, or goes back to one that was. As root:
#     /opt/henkham/share/use.sh             which there are
#     /opt/henkham/share/use.sh VERSION     one web process after the other, each waited for; then the scheduler
# Where a process does not get ready it stops there: the others go on as they were.
set -euo pipefail
opt="${HENKHAM_OPT:-/opt/henkham}"
tries="${HENKHAM_TRIES:-60}" # seconds that a process may take to get ready
before="$(readlink "$opt/current")"
if [ $# -ne 1 ] || [ ! -e "$opt/releases/$1/whole" ]; then
    echo "Which version? In use: ${before#releases/}. There are:" >&2
    for each in "$opt"/releases/*/whole; do echo "    $(basename "$(dirname "$each")")" >&2; done
    exit 2
fi
ready() {
    "$opt/current/bin/python" -c 'import sys, urllib.request as r; r.urlopen(f"http://127.0.0.1:{sys.argv[1]}/readyz", timeout=5)' \
        "$1" 2>/dev/null
}
ln -sfn "releases/$1" "$opt/current.new"
mv -T "$opt/current.new" "$opt/current"
for unit in $(systemctl list-units --plain --no-legend 'henkham-web@*' | cut -d ' ' -f 1); do
    port="${unit#henkham-web@}"
    port="${port%.service}"
    systemctl restart "$unit"
    sleep 1 # the one before has let go of the port by then, or systemd waits for it
    for try in $(seq "$tries"); do
        ready "$port" && break
        if [ "$try" = "$tries" ]; then
            echo "$unit does not get ready (journalctl -u $unit). The others were left alone. Back: $0 ${before#releases/}" >&2
            exit 1
        fi
        sleep 1
    done
    echo "$unit is ready."
done
systemctl restart henkham-scheduler
echo "In use: $1. Back, if need be: $0 ${before#releases/}"
