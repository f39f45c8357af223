#!/usr/bin/env bash
# Puts the database back to a moment. Whoever has never done it may do it with this script alone:
#
#     restore.sh '2026-11-23 10:15:00+07'      as root: to that moment; write the zone
#     restore.sh latest                        as far as the repository reaches
#
# It stops the service and PostgreSQL, moves today's data folder aside (it deletes nothing), restores, starts PostgreSQL,
# and tells the scheduler which SMS may have gone meanwhile, so that none goes twice. The service stays stopped until you
# have looked; the last lines say how to start it.
set -euo pipefail
moment="${1:?To which moment? For instance: restore.sh '2026-11-23 10:15:00+07', or: restore.sh latest}"

# What a drill on another machine puts in its place.
stanza="${HENKHAM_STANZA:-henkham}"
pgbackrest="${HENKHAM_PGBACKREST:-runuser -u postgres -- pgbackrest}"
data="${HENKHAM_DATA:-$(sed -n 's/^pg1-path=//p' /etc/pgbackrest.conf 2>/dev/null || true)}"
stop="${HENKHAM_STOP:-systemctl stop henkham.target postgresql}"
start="${HENKHAM_START:-systemctl start postgresql}"
psql="${HENKHAM_PSQL:-runuser -u postgres -- psql -d henkham}"
after="${HENKHAM_AFTER:-/opt/henkham/share/as-web.sh henkham after-restore}"

# Everything that can be wrong with what was asked is said now, before anything is stopped.
refuse() { echo "$1 Nothing was stopped or changed." >&2; exit 2; }
written='^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?[+-][0-9]{2}(:?[0-9]{2})?$'
if [ "$moment" = latest ]; then
    to=(--type=default)
else
    [[ "$moment" =~ $written ]] \
        || refuse "Write day, time and zone, such as '2026-11-23 10:15:00+07': else nobody knows which moment is meant."
    second="$(date -d "$moment" +%s 2>/dev/null)" || refuse "There is no such moment: $moment."
    [ "$second" -le "$(date +%s)" ] || refuse "$moment lies ahead."
    to=(--type=time "--target=$moment" --target-action=promote)
fi
[ -d "$data" ] || refuse "There is no data folder '$data': which one it is stands in /etc/pgbackrest.conf, pg1-path."
[ -n "${HENKHAM_STOP:-}" ] || [ "$(id -u)" -eq 0 ] || refuse "Run it as root."
cd / # where the user postgres may be too

# The newest segment of WAL that the repository has: "latest" must come so far, or bookings would be lost in silence.
newest="$($pgbackrest --stanza="$stanza" --output=json info \
    | python3 -c 'import json, sys; print((json.load(sys.stdin)[0].get("archive") or [{}])[-1].get("max") or "")' 2>/dev/null)" \
    || refuse "The repository does not answer."

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
# A damaged or missing segment before the moment asked for ends the server, which then does not come back by itself.
lost() {
    echo "PostgreSQL $1: it did not reach $moment. Its log says why; most often a segment of WAL is damaged or missing:" >&2
    echo "    pgbackrest --stanza=$stanza --output=text verify      says which; an earlier moment can still be gone back to" >&2
    echo "To have back what was there: stop PostgreSQL, then  mv $data $data.failed && mv $aside $data  and  $start" >&2
    exit 1
}
$start || lost "did not start"
gone=0
for _ in $(seq 600); do
    state="$($psql -X -A -t -c 'SELECT pg_is_in_recovery()' 2>/dev/null || true)"
    [ "$state" = f ] && break
    # Its file of the process is written before it answers and goes when it ends; five looks, because it may just be starting.
    if [ -e "$data/postmaster.pid" ] && [ -e "/proc/$(head -n 1 "$data/postmaster.pid")" ]; then gone=0; else gone=$((gone + 1)); fi
    [ "$gone" -lt 5 ] || lost "ended"
    sleep 1
done
[ "$state" = f ] || { echo "PostgreSQL is still catching up; look at its log. $aside holds what was there." >&2; exit 1; }
# Where recovery ended is in the history of the timeline it opened. A segment that is damaged or missing ends it early,
# and PostgreSQL takes that for the end of what there is.
history="$(ls "$data"/pg_wal/*.history 2>/dev/null | sort | tail -n 1 || true)"
ended="$(grep -v '^[[:space:]]*$' "$history" 2>/dev/null | tail -n 1 | cut -f 2 || true)"
reached="$($psql -X -A -t -c 'SELECT pg_last_xact_replay_timestamp()')"
echo "The last transaction that came back is of ${reached:-a moment before the backup ended}."
if [ "$moment" = latest ] && [ -n "$newest" ]; then
    begins="$((16#${newest:8:8}))/$((16#${newest:16:8} * 16777216))"
    if [ -z "$ended" ] || [ "$((16#${ended%/*}))" -lt "${begins%/*}" ] \
        || { [ "$((16#${ended%/*}))" -eq "${begins%/*}" ] && [ "$((16#${ended#*/}))" -le "${begins#*/}" ]; }; then
        echo "THIS IS NOT ALL: it ended at ${ended:-an unknown place}, before the newest WAL of the repository ($newest)." >&2
        echo "A segment is damaged or missing: pgbackrest --stanza=$stanza --output=text verify says which." >&2
        echo "$aside holds what was there; nothing was told to the scheduler. docs/operations.md, Backups." >&2
        exit 1
    fi
fi
echo "5. Telling the scheduler which SMS may have gone meanwhile."
$after
echo
echo "Restored to: $moment. Look at the pages, then: systemctl start henkham.target"
echo "What was there before lies in $aside until you remove it."
