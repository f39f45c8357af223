#!/usr/bin/env bash
# Installs Hen Kham on Debian 12 or later, or says what is missing for it.
#
#   deploy/install.sh --check          changes nothing; lists what is there and what is missing; exit 1 if anything is
#   deploy/install.sh                  as root: users, program, settings, units, nginx; asks nothing, overwrites no setting
#   deploy/install.sh --root FOLDER    only the files, below FOLDER: to look at, or to build an image from;
#                                      with --program the program too
#   deploy/install.sh --no-keys        on every machine but the first: it makes no keys, they are those of the first
#
# Run it again for an upgrade: docs/operations.md, "Upgrades", says in which order.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
project="$(dirname "$here")"
root=""
check=no
only_files=yes
keys=make
while [ $# -gt 0 ]; do
    case "$1" in
        --check) check=yes ;;
        --root) root="${2:?--root needs a folder}"; shift ;;
        --program) only_files=no ;;
        --no-keys) keys=none ;;
        --new-keys) keys=new ;; # in spite of what shows that there was an installation: what it sealed is lost then
        -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "I do not know $1; --help says what there is." >&2; exit 2 ;;
    esac
    shift
done

etc="$root/etc/henkham"
opt="$root/opt/henkham"
# A version lies beside those before it: `current` is what serves, `next` what was laid down last (docs/operations.md, "Upgrades").
version="$(sed -n 's/^version = "\(.*\)"/\1/p' "$project/pyproject.toml" 2>/dev/null || true)"
commit="$(git -C "$project" rev-parse --short HEAD 2>/dev/null || true)"
version="$version${commit:+-$commit}"
units="$root/etc/systemd/system"
site="$root/etc/nginx/conf.d/henkham.conf"
unit_files="$(ls "$here"/systemd/* "$here"/backup/*.service "$here"/backup/*.timer)"
users="henkham-web henkham-scheduler henkham-migrate"
secrets="web-database-url scheduler-database-url owner-database-url seal-key index-key"
# What not every installation has; whether this one needs it, the program says.
more_secrets="twilio-auth-token brandname-secret brandname-receipt-secret seal-keys-old metrics-token"
python="${PYTHON:-python3}"

# --- what is there -------------------------------------------------------------------------------------------------

missing=0
there() { printf '  ok       %s\n' "$1"; }
lacks() { printf '  MISSING  %s\n           -> %s\n' "$1" "$2"; missing=$((missing + 1)); }
may() { printf '  not set  %s\n           -> %s\n' "$1" "$2"; } # what an installation does without
need() { # need WHAT REMEDY COMMAND...
    local what="$1" remedy="$2"
    shift 2
    if "$@" >/dev/null 2>&1; then there "$what"; else lacks "$what" "$remedy"; fi
}
new_enough() { "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; }
setting() { sed -n "s/^$1=//p" "$etc/henkham.env" 2>/dev/null | tail -n 1; }
is_set() { [ -n "$(setting "$1")" ]; }
no_example() { is_set "$1" && ! setting "$1" | grep -q 'example'; }
# The program itself, with the settings and secrets that a unit gives it: what it says is what the start will say.
starts() { # starts UNIT
    local file="$here/systemd/$1" given name id secret program said code=0
    mapfile -t given < <(grep -E '^[A-Z][A-Z0-9_]*=' "$etc/henkham.env")
    while read -r name id; do
        secret="$root$(sed -n "s|^LoadCredential=$id:||p" "$file")"
        [ ! -e "$secret" ] || given+=("$name=$secret")
    done < <(sed -n 's|^Environment=\([A-Z_]*_FILE\)=%d/\(.*\)|\1 \2|p' "$file")
    program="$root$(sed -n 's|^ExecStart=\([^ ]*\) .*|\1|p' "$file")"
    said="$(env -i PATH="$PATH" "${given[@]}" "$program" check 2>&1)" || code=$?
    case "$code" in
        0) there "$1: $said" ;;
        3) may "$1: the schema" "systemctl start henkham-migrate" ;;
        *) lacks "$1 would not start" "$(printf '%s' "$said" | tr '\n' ' ')" ;;
    esac
}
ready() { # ready PORT: what a web process that runs says of itself
    local said code=0
    said="$("$python" - "$1" <<'PYTHON' 2>&1
import json, sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/readyz", timeout=10)
except urllib.error.HTTPError as refused:
    answer = refused
except OSError:
    sys.exit(3)
checks = json.load(answer)["checks"]
print("; ".join(f"{name}: {value}" for name, value in checks.items()))
# Ready to serve is not all: a text that is not registered does not go, and without codes nobody signs in.
sys.exit(any(value != "ok" for value in checks.values()))
PYTHON
)" || code=$?
    case "$code" in
        0) there "web process at $1: $said" ;;
        3) may "web process at $1 does not run" "systemctl enable --now henkham.target" ;;
        *) lacks "web process at $1 says that something is not as it should be" "$said" ;;
    esac
}
closed() { [ -s "$1" ] && [ "$(stat -c %a "$1")" = 600 ]; }
no_secret() {
    ! grep -qE '^(DATABASE_URL|TWILIO_AUTH_TOKEN|HENKHAM_(SEAL_KEY|SEAL_KEYS_OLD|INDEX_KEY|METRICS_TOKEN|BRANDNAME_SECRET|BRANDNAME_RECEIPT_SECRET))=.' \
        "$etc/henkham.env" 2>/dev/null
}
many_pages() {
    [ "$(sed -n 's/^[^#]*worker_connections  *\([0-9]*\);.*/\1/p' "$root/etc/nginx/nginx.conf" | tail -n 1)" -ge 4096 ]
}
# Where a feed's files lie: the scheduler may write below /var/lib/henkham/exports and nowhere else.
in_exports() { # in_exports FEED.toml
    "$python" - "$1" <<'PYTHON'
import pathlib, sys, tomllib
told = tomllib.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
folders = [told[part]["folder"] for part in ("source", "out", "answers") if "folder" in told.get(part, {})]
sys.exit(not all(folder.startswith("/var/lib/henkham/exports/") for folder in folders))
PYTHON
}
own_name() { [ -s "$site" ] && ! grep -q 'henkham\.example\.vn' "$site"; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

look() {
    echo "Programs"
    need "Python 3.11 or later" "apt-get install python3 python3-venv" new_enough
    need "python3-venv" "apt-get install python3-venv" "$python" -c 'import ensurepip, venv'
    need "nginx" "apt-get install nginx" command -v nginx
    need "psql" "apt-get install postgresql-client" command -v psql
    need "openssl" "apt-get install openssl" command -v openssl
    need "systemd" "without it: deploy/containers or deploy/kubernetes" command -v systemctl
    need "the program" "deploy/install.sh" test -x "$opt/current/bin/henkham"
    need "pgBackRest" "apt-get install pgbackrest: without it there is no backup" command -v pgbackrest
    echo "Users"
    for user in $users; do need "$user" "deploy/install.sh" id -u "$user"; done
    echo "Settings in $etc/henkham.env"
    need "the file" "deploy/install.sh writes one to fill in" test -s "$etc/henkham.env"
    need "PUBLIC_BASE_URL" "the address patients type, with https" no_example PUBLIC_BASE_URL
    if is_set HENKHAM_BREACHED_PASSWORDS; then
        need "the file of breached passwords" "fetch it, or take HENKHAM_BREACHED_PASSWORDS out" \
            test -s "$(setting HENKHAM_BREACHED_PASSWORDS)"
    else
        may "HENKHAM_BREACHED_PASSWORDS" "staff passwords are compared with common ones only: docs/operations.md, Passwords"
    fi
    echo "Secrets in $etc/secrets, each readable by root alone"
    for secret in $secrets; do
        need "$secret" "put it there (chmod 600); keys: the first machine's own, made there by deploy/install.sh" closed "$etc/secrets/$secret"
    done
    for secret in $more_secrets; do
        [ ! -e "$etc/secrets/$secret" ] || need "$secret" "chmod 600; remove it where it is empty" closed "$etc/secrets/$secret"
    done
    need "no secret in henkham.env" "put it into a file of its own: docs/operations.md, Secrets" no_secret
    if [ -x "$opt/current/bin/henkham" ] && [ -s "$etc/henkham.env" ]; then
        echo "What the program says of settings and database"
        for unit in henkham-web@.service henkham-scheduler.service henkham-migrate.service; do starts "$unit"; done
    fi
    if [ -s "$units/henkham.target" ]; then
        for port in $(grep -o '@[0-9]*' "$units/henkham.target" | tr -d @); do ready "$port"; done
    fi
    for feed in "$etc"/feeds/*.toml; do
        [ ! -e "$feed" ] || need "folder of $(basename "$feed")" "write it as /var/lib/henkham/exports/NAME" in_exports "$feed"
    done
    echo "Certificate"
    need "fullchain.pem, good for 14 days more" "docs/operations.md, The certificate" \
        openssl x509 -checkend 1209600 -noout -in "$etc/tls/fullchain.pem"
    need "privkey.pem" "put its key into $etc/tls (chmod 600)" closed "$etc/tls/privkey.pem"
    echo "Files"
    for unit in $unit_files; do
        need "$(basename "$unit") as in this version" "deploy/install.sh" cmp -s "$unit" "$units/$(basename "$unit")"
    done
    need "nginx knows the site" "deploy/install.sh" test -s "$site"
    need "your own name in it" "change server_name in $site" own_name
    need "no other default site of nginx" "rm /etc/nginx/sites-enabled/default: with two of them nginx does not start" \
        test ! -e "$root/etc/nginx/sites-enabled/default"
    need "worker_connections 4096 or more" "in the events { } of /etc/nginx/nginx.conf; deploy/README.md has the command" many_pages
    [ -n "$root" ] || need "nginx takes its whole configuration" "nginx -t says why not" nginx -t
    if [ -z "$root" ]; then
        echo "This machine"
        need "PostgreSQL answers on 5432" "start it, or point the database URLs elsewhere" answers 5432
        need "the clock is kept right" "apt-get install systemd-timesyncd; timedatectl set-ntp true" \
            sh -c '[ "$(timedatectl show -p NTPSynchronized --value)" = yes ]'
        need "2 GB free in /var" "make room: a full disk stops bookings" \
            sh -c '[ "$(df --output=avail -B1 /var | tail -n 1)" -gt 2147483648 ]'
    fi
    echo
    if [ "$missing" -gt 0 ]; then
        echo "$missing things are missing."
        return 1
    fi
    echo "Nothing is missing."
}

# --- what is done --------------------------------------------------------------------------------------------------

put() { install -D -m "$1" "$2" "$3"; }
made=""
key() {
    if [ -s "$etc/secrets/$1" ] || [ "$keys" = none ]; then return; fi
    (umask 077 && openssl rand -base64 48 >"$etc/secrets/$1")
    made="$made $1"
}
# Keys are made for an empty beginning. Beside bookings that are there already they would be others than those that sealed them:
# no telephone number could be read any more. What shows that this is no empty beginning, a line each:
traces() {
    local name repository
    for name in seal-key index-key; do
        [ ! -s "$etc/secrets/$name" ] || echo "$etc/secrets/$name is there"
    done
    for name in web scheduler owner; do
        [ ! -s "$etc/secrets/$name-database-url" ] || echo "$etc/secrets/$name-database-url is there"
    done
    ! no_example PUBLIC_BASE_URL || echo "$etc/henkham.env is filled in"
    repository="$(sed -n 's/^repo1-path=//p' "$root/etc/pgbackrest.conf" 2>/dev/null || true)"
    [ -z "$repository" ] || [ ! -e "$root$repository/backup/henkham/backup.info" ] || echo "$repository holds backups"
    if [ -z "$root" ] || [ -n "${HENKHAM_PSQL:-}" ]; then
        (cd / && ${HENKHAM_PSQL:-runuser -u postgres -- psql -d henkham} -X -A -t -c \
            "SELECT 'the database of this machine has the schema ' || version_num FROM alembic_version" 2>/dev/null) || true
    fi
}
no_strange_keys() {
    local found
    [ "$keys" = make ] || return 0
    if [ -s "$etc/secrets/seal-key" ] && [ -s "$etc/secrets/index-key" ]; then return 0; fi
    found="$(traces)"
    [ -n "$found" ] || return 0
    echo "There was an installation, and its keys are not all in $etc/secrets:" >&2
    printf '%s\n' "$found" | sed 's/^/    /' >&2
    echo "Put seal-key and index-key back first (docs/operations.md, \"A new machine\"). Nothing was changed." >&2
    echo "--no-keys lays down everything but keys; --new-keys makes new ones, and what the old ones sealed is lost." >&2
    exit 2
}

files() {
    install -d -m 755 "$etc" "$etc/feeds" "$units" "$(dirname "$site")" "$opt/share"
    install -d -m 700 "$etc/secrets" "$etc/tls"
    install -d -m 755 "$root/var/www/henkham-acme" # where certbot proves whose name it is; nginx shows it
    [ -e "$etc/henkham.env" ] || put 600 "$here/henkham.env.example" "$etc/henkham.env"
    chmod 600 "$etc/henkham.env" # systemd alone reads it
    key seal-key
    key index-key
    for unit in $unit_files; do put 644 "$unit" "$units/$(basename "$unit")"; done
    # Your name and certificate stand in it, so a new version is laid beside it, to be compared.
    if [ -e "$site" ]; then put 644 "$here/nginx/henkham.conf" "$site.new"; else put 644 "$here/nginx/henkham.conf" "$site"; fi
    put 644 "$here/nginx/henkham-main.conf" "$root/etc/nginx/modules-enabled/90-henkham.conf"
    put 644 "$here/postgresql/roles.sql" "$opt/share/postgresql/roles.sql"
    put 644 "$here/postgresql/henkham.conf" "$opt/share/postgresql/henkham.conf"
    for each in pgbackrest.conf archive.conf; do put 644 "$here/backup/$each" "$opt/share/backup/$each"; done
    # The newest cluster of this machine; Debian 12 has 15, Debian 13 has 17.
    postgres="$({ ls "$root/etc/postgresql" 2>/dev/null || true; } | sort -n | tail -n 1)"
    sed -i "s|/postgresql/15/main|/postgresql/${postgres:-15}/main|" "$opt/share/backup/pgbackrest.conf"
    for each in check.sh restore.sh; do put 755 "$here/backup/$each" "$opt/share/backup/$each"; done
    for each in as-web.sh use.sh certificate.sh; do put 755 "$here/$each" "$opt/share/$each"; done
    for each in as-scheduler.sh as-migrate.sh; do put 755 "$here/as-web.sh" "$opt/share/$each"; done
    put 755 "$here/henkham.sh" "$root/usr/local/sbin/henkham"
    put 644 "$here/sms/brandname-json.toml" "$opt/share/sms/brandname-json.toml"
    install -d "$opt/share/docs"
    install -m 644 "$project"/docs/*.md "$opt/share/docs/"
}

program() {
    local release="$opt/releases/$version"
    if [ ! -e "$release/whole" ]; then # what was begun and not finished is begun anew; what is whole may be in use
        rm -rf "$release"
        "$python" -m venv "$release"
        "$release/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.lock"
        "$release/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$project"
        touch "$release/whole"
    fi
    ln -sfn "releases/$version" "$opt/next"
    [ -e "$opt/current" ] || ln -sfn "releases/$version" "$opt/current"
}

accounts() {
    for user in $users; do
        id -u "$user" >/dev/null 2>&1 \
            || useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
    done
}

if [ "$check" = yes ]; then
    if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
        echo "Run it as root: nobody else may read the secrets, so to others all of them seem to be missing." >&2
        exit 2
    fi
    look
    exit
fi
[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || { echo "This changes the machine: run it as root. --check changes nothing." >&2; exit 2; }
no_strange_keys
if [ -n "$root" ]; then
    files
    [ "$only_files" = yes ] || program
    echo "The files are below $root."
    exit
fi
new_enough || { echo "Python 3.11 or later is needed." >&2; exit 2; }
accounts
files
program
systemctl daemon-reload
echo "Version $version is laid down; $(readlink "$opt/current") is in use. What is left to do:"
look || true
[ -z "$made" ] || echo "New keys were made:$made. Copy them to a safe place that is not this machine, now: nobody can make them again."
