#!/usr/bin/env bash
# Runs a command of the installation as one of its processes runs: same user, same settings, same secrets. As root:
#     /opt/henkham/share/as-web.sh henkham staff list              as the web processes
#     /opt/henkham/share/as-scheduler.sh henkham feed fetch X.toml as the scheduler: it alone may read what hospitals' feeds need
#     /opt/henkham/share/as-migrate.sh henkham migrate --grant     as who owns the schema
# It is one script under three names. `henkham` alone (/usr/local/sbin/henkham) takes the right one by itself.
set -euo pipefail
whom="$(basename "$0" .sh)"
whom="${whom#as-}"
role="$whom"
folder=/
program=/opt/henkham/current/bin/henkham
case "$whom" in
    web) ;;
    scheduler) folder=/etc/henkham/feeds ;; # so that a feed may be named without its folder
    migrate) role=owner program=/opt/henkham/next/bin/henkham ;;
    *) echo "My name is as-web.sh, as-scheduler.sh or as-migrate.sh, not $(basename "$0")." >&2; exit 2 ;;
esac
[ $# -gt 0 ] || { echo "Which command? For instance: $(basename "$0") henkham staff list" >&2; exit 2; }
secrets="${HENKHAM_SECRETS:-/etc/henkham/secrets}"
unit="henkham-once-$$"
given=(--property=EnvironmentFile=/etc/henkham/henkham.env "--property=User=henkham-$whom"
    "--property=WorkingDirectory=$folder" --property=UMask=0077)
while read -r name file; do
    [ -e "$secrets/$file" ] || continue # the units do without those that are not there too
    given+=("--property=LoadCredential=$file:$secrets/$file" "--setenv=${name}_FILE=/run/credentials/$unit.service/$file")
done <<LIST
DATABASE_URL $role-database-url
HENKHAM_SEAL_KEY seal-key
HENKHAM_INDEX_KEY index-key
TWILIO_AUTH_TOKEN twilio-auth-token
HENKHAM_BRANDNAME_SECRET brandname-secret
HENKHAM_BRANDNAME_RECEIPT_SECRET brandname-receipt-secret
HENKHAM_SEAL_KEYS_OLD seal-keys-old
HENKHAM_METRICS_TOKEN metrics-token
LIST
command="$1"
[ "$command" != henkham ] || command="$program"
# Into a file or another program it writes as it is; a terminal it may ask for a password.
if [ -t 0 ] && [ -t 1 ]; then how=--pty; else how=--pipe; fi
exec systemd-run --quiet --collect --wait "$how" "--unit=$unit" "${given[@]}" "$command" "${@:2}"
