#!/usr/bin/env bash
# Puts the database back to a moment. Whoever has never done it may do it with this script alone:
#
#     sudo restore.sh '2026-11-23 10:15:00+07'      to that moment; write the zone
#     sudo restore.sh latest                        as far as the repository reaches
#
# It stops the service and PostgreSQL, moves today's data folder aside (it deletes nothing), restores, starts PostgreSQL,
# and tells the scheduler which SMS may have gone meanwhile, so that none goes twice. The service stays stopped until you
# have looked; the last lines say how to start it.
set -euo pipefail
moment="${1:?To which moment? For instance: restore.sh '2026-11-23 10:15:00+07', or: restore.sh latest}"

# What a drill on another machine puts in its place.
stanza="${HENKHAM_STANZA:-henkham}"
pgbackrest="${HENKHAM_PGBACKREST:-sudo -u postgres pgbackrest}"
data="${HENKHAM_DATA:-/var/lib/postgresql/15/main}"
stop="${HENKHAM_STOP:-systemctl stop henkham.target postgresql}"
start="${HENKHAM_START:-systemctl start postgresql}"
psql="${HENKHAM_PSQL:-sudo -u postgres psql -d henkham}"
after="${HENKHAM_AFTER:-/opt/henkham/share/as-web.sh henkham after-restore}"

case "$moment" in
    latest) to=(--type=default) ;;
    *[+-][0-9][0-9] | *[+-][0-9][0-9]:[0-9][0-9]) to=(--type=time "--target=$moment" --target-action=promote) ;;
    *) echo "Write the zone too, such as '2026-11-23 10:15:00+07': without it nobody knows which moment is meant." >&2; exit 2 ;;
esac

echo "1. Stopping the service and PostgreSQL."
$stop
aside="$data.before-restore-$(date -u +%Y%m%dT%H%M%SZ)"
echo "2. Moving $data to $aside."
owner="$(stat -c %u:%g "$data")"
mv "$data" "$aside"
mkdir -m 700 "$data"
chown "$owner" "$data"
echo "3. Restoring."
if ! $pgbackrest --stanza="$stanza" "${to[@]}" restore; then
    rm -rf "$data"
    mv "$aside" "$data"
    echo "The restore failed. Everything is as it was; start it with: $start" >&2
    exit 1
fi
echo "4. Starting PostgreSQL."
$start
for _ in $(seq 600); do
    state="$($psql -X -A -t -c 'SELECT pg_is_in_recovery()' 2>/dev/null || true)"
    [ "$state" = f ] && break
    sleep 1
done
[ "$state" = f ] || { echo "PostgreSQL is still catching up; look at its log. $aside holds what was there." >&2; exit 1; }
echo "5. Telling the scheduler which SMS may have gone meanwhile."
$after
echo
echo "Restored to: $moment. Look at the pages, then: systemctl start henkham.target"
echo "What was there before lies in $aside until you remove it."
