#!/usr/bin/env bash
# A private PostgreSQL cluster on loopback for tests, the demo and benchmarks.
#   postgres.sh start DIR PORT [NAME=VALUE …]   makes the cluster in DIR when there is none, starts it, prints its URL;
#                                               PORT "free" takes one that nobody uses
#   postgres.sh standby DIR OF PORT                    makes a standby of the running cluster in OF, and starts it
#   postgres.sh promote DIR                            the standby becomes a server of its own, on a new timeline
#   postgres.sh restart DIR [fast|immediate] | stop DIR | remove DIR
#   postgres.sh keep DIR | put_back DIR                copies the files of a stopped cluster; takes it back to that copy
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

port_or_free() {
  if [ "$1" = free ]; then python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; else echo "$1"; fi
}

run_server() {
  local dir=$1
  as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 start >/dev/null ||
    die "the server does not start: $(tail -n 5 "$dir/log")"
  echo "postgres://weir:$(cat "$dir/password")@localhost:$2/postgres"
}

start() {
  local dir=$1 port
  port=$(port_or_free "$2")
  shift 2
  [ -s "$dir/data/PG_VERSION" ] || make_cluster "$dir"
  {
    echo "port = $port"
    for setting in "$@"; do echo "${setting%%=*} = '${setting#*=}'"; done
  } >"$dir/data/postgresql.auto.conf"
  give_to_owner "$dir/data/postgresql.auto.conf"
  run_server "$dir" "$port"
}

standby() {
  local dir=$1 of=$2 port
  port=$(port_or_free "$3")
  mkdir -p "$dir"
  cp "$of/password" "$dir/password"
  give_to_owner "$dir"
  PGPASSWORD=$(cat "$of/password") as_owner "$bin/pg_basebackup" -R -c fast -X stream -D "$dir/data" \
    -d "host=127.0.0.1 user=weir port=$(sed -n 's/^port = //p' "$of/data/postgresql.auto.conf")"
  echo "port = $port" >>"$dir/data/postgresql.auto.conf"
  run_server "$dir" "$port"
}

case ${1:-} in
start) [ $# -ge 3 ] || die "usage: postgres.sh start DIR PORT [NAME=VALUE …]"; start "$(realpath -m "$2")" "${@:3}" ;;
standby) [ $# -eq 4 ] || die "usage: postgres.sh standby DIR OF PORT"; standby "$(realpath -m "$2")" "$(realpath "$3")" "$4" ;;
promote) as_owner "$bin/pg_ctl" -D "$(realpath "$2")/data" -w promote >/dev/null ;;
keep) rm -rf "$2/kept" && cp -a "$2/data" "$2/kept" ;;
put_back) rm -rf "$2/data" && cp -a "$2/kept" "$2/data" ;;
restart) as_owner "$bin/pg_ctl" -D "$(realpath "$2")/data" -l "$(realpath "$2")/log" -m "${3:-fast}" -w restart >/dev/null ;;
stop) [ ! -e "$2/data/postmaster.pid" ] || as_owner "$bin/pg_ctl" -D "$(realpath "$2")/data" -m fast -w stop >/dev/null ;;
remove)
  if [ -d "$2" ]; then
    "$0" stop "$2" || true
    rm -rf "$2"
  fi
  ;;
*) die "usage: postgres.sh start|standby|promote|restart|stop|keep|put_back|remove DIR …" ;;
esac
