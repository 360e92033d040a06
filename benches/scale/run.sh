#!/usr/bin/env bash
# What a large tenant directory costs; see benches/README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PATH:/usr/sbin"
accounts=${1:-10000} policies=${2:-10} form=${3:-files} active=${4:-400}
for tool in nginx openssl python3; do
  command -v "$tool" >/dev/null || { echo "missing: $tool (apt-get install nginx openssl python3)" >&2; exit 5; }
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
python3 benches/loopback/prepare.py "$work"
python3 benches/scale/prepare.py "$work" "$accounts" "$policies" "$form" "$active"
nginx -c "$work/upstream.conf" -p "$work" >"$work/nginx.log" 2>&1 &
pids+=($!)
echo "$accounts accounts as $form, $policies policies each"
python3 benches/scale/measure.py "$palisade" "$work" "$active"
