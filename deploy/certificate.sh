#!/usr/bin/env bash
# Lays a new certificate down where nginx reads it, and has nginx take it up. As root:
#     /opt/henkham/share/certificate.sh FULLCHAIN.pem PRIVKEY.pem
# or by certbot after each renewal (--deploy-hook), which says itself where they are.
# Where nginx does not take them, those before stay.
set -euo pipefail
tls="${HENKHAM_TLS:-/etc/henkham/tls}"
chain="${1:-${RENEWED_LINEAGE:+$RENEWED_LINEAGE/fullchain.pem}}"
key="${2:-${RENEWED_LINEAGE:+$RENEWED_LINEAGE/privkey.pem}}"
if [ -z "$chain" ] || [ -z "$key" ]; then
    echo "Which? $0 FULLCHAIN.pem PRIVKEY.pem" >&2
    exit 2
fi
openssl x509 -checkend 86400 -noout -in "$chain" >/dev/null || {
    echo "$chain is no certificate that is good for a day more. Nothing was changed." >&2
    exit 1
}
# nginx looks whether they fit each other; so do we first, because it may not run here yet.
[ "$(openssl x509 -in "$chain" -noout -pubkey)" = "$(openssl pkey -in "$key" -pubout)" ] || {
    echo "$key is not the key of $chain. Nothing was changed." >&2
    exit 1
}
before="$(mktemp -d)"
trap 'rm -rf "$before"' EXIT
for each in fullchain.pem privkey.pem; do [ ! -e "$tls/$each" ] || cp -p "$tls/$each" "$before/$each"; done
install -m 644 "$chain" "$tls/fullchain.pem"
install -m 600 "$key" "$tls/privkey.pem"
if ! nginx -t -q; then
    for each in fullchain.pem privkey.pem; do [ ! -e "$before/$each" ] || cp -p "$before/$each" "$tls/$each"; done
    echo "nginx does not take it; the one before is back." >&2
    exit 1
fi
systemctl reload nginx
echo "In use, $(openssl x509 -in "$tls/fullchain.pem" -noout -enddate | sed 's/notAfter=/good until /')."
