#!/usr/bin/env bash
# What idle connections cost in memory; see benches/README.md.
set -euo pipefail
# shellcheck source=benches/lib.sh
. "$(dirname "$0")/../lib.sh"
most=${1:-10000}
# Each connection takes a descriptor at either end.
ulimit -n "$(ulimit -Hn)"
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -gt $((most + 500)) ] ||
  stop "$most connections need more than the $(ulimit -n) descriptors that this shell may have"
begin curl nginx openssl python3
start nginx -c "$work/upstream.conf" -p "$work"
start "$palisade" serve --config "$work/palisade.yaml"
answers "http://127.0.0.1:$METRICS_PORT/readyz"
python3 benches/connections/measure.py "${pids[-1]}" "$PALISADE_PORT" "$TOKEN" "$most"
