#!/usr/bin/env bash
# Runs a command of the installation as the web processes run: same user, same settings, same secrets.
#     sudo deploy/as-web.sh henkham staff list
set -euo pipefail
[ $# -gt 0 ] || { echo "Which command? For instance: as-web.sh henkham staff list" >&2; exit 2; }
secrets=/etc/henkham/secrets
given=(--property=EnvironmentFile=/etc/henkham/henkham.env --property=User=henkham-web)
while read -r name file; do
    given+=("--property=LoadCredential=$file:$secrets/$file" "--setenv=${name}_FILE=/run/credentials/henkham-once.service/$file")
done <<'LIST'
DATABASE_URL web-database-url
HENKHAM_SEAL_KEY seal-key
HENKHAM_INDEX_KEY index-key
TWILIO_AUTH_TOKEN twilio-auth-token
LIST
command="$1"
[ "$command" != henkham ] || command=/opt/henkham/venv/bin/henkham
exec systemd-run --quiet --collect --wait --pty --unit=henkham-once "${given[@]}" "$command" "${@:2}"
