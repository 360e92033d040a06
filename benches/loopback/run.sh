#!/usr/bin/env bash
# The whole gate against HAProxy and nginx on the same job; see benches/README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PATH:/usr/sbin"
secs=${1:-8}
connections=${2:-64}
for tool in nginx haproxy wrk openssl python3 taskset; do
  command -v "$tool" >/dev/null || { echo "missing: $tool (apt-get install nginx haproxy wrk openssl python3 util-linux)" >&2; exit 5; }
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
# shellcheck disable=SC1091
. "$work/env"

start() { # core, command...
  local core=$1
  shift
  taskset -c "$core" "$@" >"$work/log" 2>&1 &
  pids+=($!)
}
answers() { # url
  for _ in $(seq 100); do
    curl -fs -o /dev/null -H "Authorization: Bearer $TOKEN" "$1" && return 0
    sleep 0.1
  done
  echo "no answer from $1:" >&2
  curl -s -i -H "Authorization: Bearer $TOKEN" "$1" >&2 || true
  cat "$work/log" >&2
  exit 1
}
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }

start 1 nginx -c "$work/upstream.conf" -p "$work"
answers "http://127.0.0.1:$UPSTREAM_PORT/app/v1/missions"
results=$work/results
measure() { # name, pid, port
  local name=$1 pid=$2 port=$3 url="http://127.0.0.1:$3/app/v1/missions?workspaceId=acme-prod" before after rss out
  answers "$url"
  taskset -c 1 wrk -t1 -c"$connections" -d2s -H "Authorization: Bearer $TOKEN" "$url" >/dev/null
  before=$(ticks "$pid")
  out=$(taskset -c 1 wrk -t1 -c"$connections" -d"${secs}s" -H "Authorization: Bearer $TOKEN" "$url")
  after=$(ticks "$pid")
  rss=$(awk '/VmRSS/ {print $2}' "/proc/$pid/status")
  if grep -q 'Non-2xx' <<<"$out"; then
    echo "$name refused requests:" >&2
    echo "$out" >&2
    exit 1
  fi
  awk -v name="$name" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" -v rss="$rss" '
    /requests in/ { n = $1 } /Requests\/sec/ { rps = $2 }
    END { printf "%s %.0f %.3f %.1f\n", name, rps, ticks / hz / n * 100000, rss / 1024 }' <<<"$out" >>"$results"
}

for round in 1 2 3; do
  start 0 haproxy -db -f "$work/haproxy.cfg"
  measure haproxy-jwt "${pids[-1]}" "$HAPROXY_PORT"
  kill "${pids[-1]}"; wait "${pids[-1]}" 2>/dev/null || true
  start 0 nginx -c "$work/bare.conf" -p "$work"
  measure nginx-bare "${pids[-1]}" "$NGINX_PORT"
  kill "${pids[-1]}"; wait "${pids[-1]}" 2>/dev/null || true
  start 0 "$palisade" serve --config "$work/palisade.yaml"
  measure palisade "${pids[-1]}" "$PALISADE_PORT"
  kill "${pids[-1]}"; wait "${pids[-1]}" 2>/dev/null || true
done

python3 - "$results" <<'PY'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    name, *figures = line.split()
    rows.setdefault(name, []).append([float(x) for x in figures])
median = {n: [statistics.median(c) for c in zip(*r)] for n, r in rows.items()}
base = median["haproxy-jwt"]
print(f"{'proxy':14} {'req/s':>8} {'CPU s/100k':>11} {'RSS MiB':>8} {'throughput':>11} {'CPU':>6}   (medians of 3; ratios to haproxy-jwt)")
for name, (rps, cpu, rss) in median.items():
    print(f"{name:14} {rps:8.0f} {cpu:11.3f} {rss:8.1f} {rps / base[0]:10.2f}x {cpu / base[1]:5.2f}x")
PY
