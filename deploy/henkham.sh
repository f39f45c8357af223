#!/usr/bin/env bash
# /usr/local/sbin/henkham: every command of the manual as it is written there, as root, with the settings, the secrets and the user
# it needs. Files of hospitals and the secrets of their servers are the scheduler's, the schema its owner's, all else the web processes'.
set -euo pipefail
share="${HENKHAM_SHARE:-/opt/henkham/share}"
if [ -z "${HENKHAM_SHARE:-}" ] && [ "$(id -u)" -ne 0 ]; then
    echo "Run it as root: nobody else may read settings and secrets." >&2
    exit 2
fi
case "${1:-}" in
    feed | publish | scheduler) whom=scheduler ;;
    migrate) whom=migrate ;;
    *) whom=web ;;
esac
exec "$share/as-$whom.sh" henkham "$@"
