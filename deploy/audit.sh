#!/bin/sh
# Known vulnerabilities of the locked packages, by pip-audit. Needs the Internet: the advisories are asked for at PyPI.
#
# First it must find one in a version that is known to have several: pip-audit says "No known vulnerabilities found" and
# succeeds where it could reach no advisory at all.
#
# Exit code 0: audited, nothing known; 1: something is known; 2: nothing was audited.
set -u
cd "$(dirname "$0")/.." || exit 2
KNOWN='jinja2==2.4.1'
AUDIT="${PIP_AUDIT:-uvx --quiet pip-audit@2.9.0}"

control=$(mktemp) && trap 'rm -f "$control"' EXIT
echo "$KNOWN" > "$control"
if said=$($AUDIT --strict --disable-pip --no-deps -r "$control" 2>&1) || ! echo "$said" | grep -qE 'GHSA-|PYSEC-|CVE-'; then
    echo "NOTHING WAS AUDITED: the control ($KNOWN) was not found to be vulnerable. Are the advisories within reach?" >&2
    echo "$said" | tail -n 3 >&2
    exit 2
fi
echo "The control ($KNOWN) was found. Now requirements.lock:"
$AUDIT --strict --disable-pip --require-hashes -r requirements.lock || exit 1
