#!/usr/bin/env bash
# What idle connections cost in memory; see benches/README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PATH:/usr/sbin"
most=${1:-10000}
for tool in curl nginx openssl python3; do
  command -v "$tool" >/dev/null || { echo "missing: $tool (apt-get install curl nginx openssl python3)" >&2; exit 5; }
done
# PALISADE_BIN: measure a binary that is built already.
[ -n "${PALISADE_BIN:-}" ] || cargo build --release --quiet
palisade=${PALISADE_BIN:-target/release/palisade}
work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
# Each connection takes a descriptor at either end.
ulimit -n "$(ulimit -Hn)"
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -gt $((most + 500)) ] || {
  echo "$most connections need more than the $(ulimit -n) descriptors that this shell may have" >&2
  exit 5
}
python3 benches/loopback/prepare.py "$work"
# shellcheck disable=SC1091
. "$work/env"
nginx -c "$work/upstream.conf" -p "$work" >"$work/log" 2>&1 &
pids+=($!)
"$palisade" serve --config "$work/palisade.yaml" >"$work/log" 2>&1 &
pids+=($!)
for _ in $(seq 100); do
  curl -fs -o /dev/null "http://127.0.0.1:$METRICS_PORT/readyz" && break
  sleep 0.1
done
python3 benches/connections/measure.py "${pids[-1]}" "$PALISADE_PORT" "$TOKEN" "$most"
