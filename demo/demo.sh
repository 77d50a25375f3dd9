#!/usr/bin/env bash
# The main job on a machine of its own: a real PostgreSQL, a log file, one SQL over both. `./dev demo` builds first.
#   demo.sh          start (again) and show
#   demo.sh --stop   stop both servers and remove everything that the demo made
# WEIR_DEMO_HOME and WEIR_DEMO_PG_DIR say where that is, WEIR_DEMO_LISTEN and WEIR_DEMO_PG_PORT where they listen.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

root=$PWD
home=${WEIR_DEMO_HOME:-$root/.demo}
pg=${WEIR_DEMO_PG_DIR:-/var/tmp/weir-demo-$(printf '%s' "$root" | cksum | cut -d' ' -f1)}
pg_port=${WEIR_DEMO_PG_PORT:-25433}
listen=${WEIR_DEMO_LISTEN:-127.0.0.1:8080}
weir=$root/build/bin/weir
export WEIR_URL=http://$listen

stop_weir() {
  local pid
  [ -s "$home/weir.pid" ] || return 0
  pid=$(cat "$home/weir.pid")
  if [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$(readlink -f "$weir")" ]; then
    kill "$pid"
    tail --pid="$pid" -f /dev/null
  fi
  rm -f "$home/weir.pid"
}

stop_writer() {
  local pid
  [ -s "$home/writer.pid" ] || return 0
  pid=$(cat "$home/writer.pid")
  if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q demo/orders.sql; then
    kill "$pid"
    tail --pid="$pid" -f /dev/null
  fi
  rm -f "$home/writer.pid"
}

stop() {
  stop_writer
  stop_weir
  tests/servers/postgres.sh remove "$pg"
  rm -rf "$home"
}

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
ask() {
  printf '\033[36m%s\033[0m\n' "$1"
  "$weir" sql --summary "$1"
}

start_postgres() {
  title "A private PostgreSQL 15 with a small shop"
  local url
  url=$(tests/servers/postgres.sh start "$pg" "$pg_port")
  psql -qX "$url" -c 'create database shop'
  psql -qX "${url%/postgres}/shop" -f demo/shop.sql
  psql -X "${url%/postgres}/shop" -c "select 'customers' as table, count(*) as rows from customers
    union all select 'orders', count(*) from orders union all select 'order_lines', count(*) from order_lines"
}

start_writer() {
  title "A program that keeps writing to it: five transactions a second"
  cat demo/orders.sql
  PGPASSWORD=$(cat "$pg/password") psql -qX -h localhost -p "$pg_port" -U weir -d shop -f demo/orders.sql >/dev/null 2>&1 &
  echo $! >"$home/writer.pid"
  disown
}

start_weir() {
  title "weir serve on the embedded lake and local files"
  mkdir -p "$home"
  PG_SHOP_PASSWORD=$(cat "$pg/password") "$weir" serve --data-dir "$home/data" --listen "$listen" --allow-dir "$home" \
    >"$home/weir.out" 2>"$home/weir.log" &
  echo $! >"$home/weir.pid"
  disown
  local waited=0
  until curl -fsS -o /dev/null "$WEIR_URL/ready" 2>/dev/null; do
    kill -0 "$(cat "$home/weir.pid")" 2>/dev/null || { cat "$home/weir.log" >&2; exit 1; }
    waited=$((waited + 1))
    [ $waited -lt 300 ] || { echo "the server is not ready after 30 s: $home/weir.log" >&2; exit 1; }
    sleep 0.1
  done
  cat "$home/weir.out"
}

register() {
  title "Register the database: POST /v1/connectors"
  cat >"$home/pg_prod.json" <<JSON
{
  "name": "pg_prod",
  "type": "postgres",
  "mode": "both",
  "connection": {
    "url": "postgres://weir@localhost:$pg_port/shop",
    "secret_ref": "\$env:PG_SHOP_PASSWORD",
    "tls": "required",
    "pool_size": 10
  },
  "scope": { "include_schemas": ["public"] },
  "sync": { "tables": ["public.customers", "public.orders"] }
}
JSON
  cat "$home/pg_prod.json"
  curl -fsS -X POST "$WEIR_URL/v1/connectors" -H 'Content-Type: application/json' --data-binary "@$home/pg_prod.json"
  echo
}

wait_for_copy() {
  title "Two tables become a live copy: a snapshot, then every change"
  local waited=0
  until [ "$("$weir" sql --format csv "SELECT count(*) FROM kyma_connector_health WHERE phase = 'streaming'" | tail -1)" = 2 ]; do
    waited=$((waited + 1))
    [ $waited -lt 300 ] || { curl -sS "$WEIR_URL/v1/connectors/pg_prod/status" >&2; exit 1; }
    sleep 0.1
  done
  ask "SELECT source_table, phase, lag_seconds, last_event_at FROM kyma_connector_health"
}

load_logs() {
  title "Load a log file of 200,000 lines into the lake"
  python3 demo/logs.py 200000 "$home/otel_logs.jsonl"
  ask "CREATE TABLE otel_logs AS SELECT * FROM read_json('$home/otel_logs.jsonl', columns = {_timestamp: 'TIMESTAMPTZ', severity_text: 'VARCHAR', user_id: 'BIGINT', body: 'VARCHAR', duration_ms: 'DOUBLE'})"
}

run_queries() {
  title "The copy, by a bare name: no load on PostgreSQL, and the answer says how fresh it is"
  ask "SELECT id, email, country, credit FROM pg_prod.public.customers WHERE id = 42"
  title "Live, by key"
  ask "SELECT id, email, country, credit FROM live(pg_prod.public.customers) WHERE id = 42"
  title "Live, filtered: what ran on PostgreSQL stands in the summary"
  ask "SELECT id, email, credit FROM live(pg_prod.public.customers) WHERE region = 'apac' AND credit > 9900 LIMIT 5"
  title "Live, whole table: orders by status"
  ask "SELECT status, count(*) AS orders, min(placed_at) AS first, max(placed_at) AS last FROM live(pg_prod.public.orders) GROUP BY status ORDER BY status"
  title "The same from the copy, no older than a tenth of a second"
  ask "SET weir_min_freshness_ms = 100; SELECT status, count(*) AS orders, max(placed_at) AS last, max(_kyma_event_at) AS newest_change FROM pg_prod.public.orders GROUP BY status ORDER BY status"
  title "One query over PostgreSQL and the log file: who has the most errors in the last hour?"
  ask "SELECT u.email, COUNT(*) AS errors FROM pg_prod.public.customers u JOIN otel_logs l ON l.user_id = u.id WHERE l.severity_text = 'ERROR' AND l._timestamp > now() - INTERVAL '1 hour' GROUP BY u.email ORDER BY errors DESC LIMIT 5"
  title "The connector's health, as a table"
  ask "SELECT connector_name, type, mode, phase, pool_in_use, pool_max, last_error FROM kyma_connector_health"
}

case ${1:-} in
--stop)
  stop
  echo "demo: both servers are stopped, nothing is left"
  ;;
"")
  stop
  start_postgres
  start_weir
  start_writer
  register
  wait_for_copy
  load_logs
  run_queries
  title "Go on at $WEIR_URL"
  cat <<TEXT
  $weir sql                                   an interactive shell on this server
  curl -sS $WEIR_URL/v1/connectors/pg_prod/status
  ./dev demo --stop                           stops both servers and removes what the demo made
TEXT
  ;;
*)
  echo "usage: demo.sh [--stop]" >&2
  exit 2
  ;;
esac
