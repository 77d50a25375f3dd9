#!/usr/bin/env bash
# A private PostgreSQL cluster on loopback for tests, the demo and benchmarks.
#   postgres.sh start DIR PORT [NAME=VALUE …]   makes the cluster in DIR when there is none, starts it, prints its URL;
#                                               PORT "free" takes one that nobody uses
#   postgres.sh restart DIR [fast|immediate] | stop DIR | remove DIR
# The superuser is "weir" with the password in DIR/password; DIR/tls holds ca.crt and a server certificate for localhost.
# NAME=VALUE are settings for postgresql.conf. Statements are logged to DIR/log, which tests read.
set -euo pipefail

die() { echo "postgres.sh: $*" >&2; exit 1; }

bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
[ -x "${bin:-}/postgres" ] || die "no PostgreSQL server is installed (./dev setup installs it)"

# The server refuses to run as root.
as_owner() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/nonexistent "$@"; else "$@"; fi
}
give_to_owner() { if [ "$(id -u)" = 0 ]; then chown -R postgres "$@"; fi; }

make_certificates() {
  local tls=$1
  mkdir -p "$tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj '/CN=Weir test authority' -keyout "$tls/ca.key" -out "$tls/ca.crt" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=localhost' \
    -keyout "$tls/server.key" -out "$tls/server.csr" 2>/dev/null
  printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$tls/server.ext"
  openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial \
    -days 3650 -out "$tls/server.crt" -extfile "$tls/server.ext" 2>/dev/null
  chmod 600 "$tls"/*.key
}

make_cluster() {
  local dir=$1
  mkdir -p "$dir"
  head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$dir/password"
  make_certificates "$dir/tls"
  give_to_owner "$dir"
  as_owner "$bin/initdb" -D "$dir/data" -U weir -A scram-sha-256 --pwfile="$dir/password" \
    -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 || die "initdb failed: $(tail -n 3 "$dir/initdb.log")"
  cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
wal_level = logical
max_wal_senders = 20
max_replication_slots = 40
max_connections = 200
password_encryption = 'scram-sha-256'
ssl = on
ssl_cert_file = '$dir/tls/server.crt'
ssl_key_file = '$dir/tls/server.key'
fsync = off
full_page_writes = off
shared_buffers = 128MB
log_line_prefix = '%m [%p] %a '
log_min_duration_statement = -1
CONF
}

start() {
  local dir=$1 port=$2
  shift 2
  [ "$port" != free ] || port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  [ -s "$dir/data/PG_VERSION" ] || make_cluster "$dir"
  {
    echo "port = $port"
    for setting in "$@"; do echo "${setting%%=*} = '${setting#*=}'"; done
  } >"$dir/data/postgresql.auto.conf"
  give_to_owner "$dir/data/postgresql.auto.conf"
  as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 start >/dev/null ||
    die "the server does not start: $(tail -n 5 "$dir/log")"
  echo "postgres://weir:$(cat "$dir/password")@localhost:$port/postgres"
}

case ${1:-} in
start) [ $# -ge 3 ] || die "usage: postgres.sh start DIR PORT [NAME=VALUE …]"; start "$(realpath -m "$2")" "${@:3}" ;;
restart) as_owner "$bin/pg_ctl" -D "$(realpath "$2")/data" -l "$(realpath "$2")/log" -m "${3:-fast}" -w restart >/dev/null ;;
stop) [ ! -e "$2/data/postmaster.pid" ] || as_owner "$bin/pg_ctl" -D "$(realpath "$2")/data" -m fast -w stop >/dev/null ;;
remove)
  if [ -d "$2" ]; then
    "$0" stop "$2" || true
    rm -rf "$2"
  fi
  ;;
*) die "usage: postgres.sh start|restart|stop|remove DIR …" ;;
esac
