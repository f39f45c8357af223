#!/usr/bin/env bash
# Runs a command of the installation as the web processes run: same user, same settings, same secrets.
#     /opt/henkham/share/as-web.sh henkham staff list        as root
set -euo pipefail
[ $# -gt 0 ] || { echo "Which command? For instance: as-web.sh henkham staff list" >&2; exit 2; }
secrets="${HENKHAM_SECRETS:-/etc/henkham/secrets}"
given=(--property=EnvironmentFile=/etc/henkham/henkham.env --property=User=henkham-web)
while read -r name file; do
    [ -e "$secrets/$file" ] || continue # the units do without those that are not there too
    given+=("--property=LoadCredential=$file:$secrets/$file" "--setenv=${name}_FILE=/run/credentials/henkham-once.service/$file")
done <<'LIST'
DATABASE_URL web-database-url
HENKHAM_SEAL_KEY seal-key
HENKHAM_INDEX_KEY index-key
TWILIO_AUTH_TOKEN twilio-auth-token
HENKHAM_BRANDNAME_SECRET brandname-secret
HENKHAM_BRANDNAME_RECEIPT_SECRET brandname-receipt-secret
HENKHAM_SEAL_KEYS_OLD seal-keys-old
HENKHAM_METRICS_TOKEN metrics-token
LIST
command="$1"
[ "$command" != henkham ] || command=/opt/henkham/current/bin/henkham
exec systemd-run --quiet --collect --wait --pty --unit=henkham-once "${given[@]}" "$command" "${@:2}"
