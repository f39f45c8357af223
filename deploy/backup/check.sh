#!/usr/bin/env bash
# Is the newest backup whole, and all WAL since? Reads every file of the repository with pgBackRest's own checksums, asks
# how old the newest backup is and whether WAL arrives, restores the backup into an empty folder, and throws it away.
# Exit 0: all is well. Anything else: it is not, and the last line says why.
#     check.sh [FOLDER]        where to restore to; needs as much room as the database has
set -euo pipefail
stanza="${HENKHAM_STANZA:-henkham}"
pgbackrest="${HENKHAM_PGBACKREST:-pgbackrest}"
folder="$(mktemp -d -p "${1:-/var/tmp}" henkham-backup-check.XXXXXX)"
hours="${HENKHAM_BACKUP_HOURS:-26}"
trap 'rm -rf "$folder"' EXIT
fail() { echo "$1" >&2; exit 1; }

$pgbackrest --stanza="$stanza" check || fail "WAL does not arrive in the repository: bookings of now are in no backup."
said="$($pgbackrest --stanza="$stanza" --output=text --verbose verify)" || fail "The repository could not be read: $said"
grep -q '^status: ok' <<<"$said" || fail "Something in the repository is damaged or missing: $said"
age="$($pgbackrest --stanza="$stanza" --output=json info | python3 -c \
    'import json, sys, time; print(int(time.time() - json.load(sys.stdin)[0]["backup"][-1]["timestamp"]["stop"]) // 3600)')" \
    || fail "There is no backup."
[ "$age" -lt "$hours" ] || fail "The newest backup is $age hours old."

$pgbackrest --stanza="$stanza" --pg1-path="$folder/data" --type=immediate --archive-mode=off restore \
    || fail "The newest backup could not be restored."
test -s "$folder/data/global/pg_control" || fail "What was restored is no database."
echo "The newest backup is whole."
