#!/usr/bin/env bash
# The whole gate against HAProxy and nginx on the same job; see benches/README.md.
set -euo pipefail
# shellcheck source=benches/lib.sh
. "$(dirname "$0")/../lib.sh"
secs=${1:-8}
connections=${2:-64}
begin curl nginx haproxy wrk openssl python3 taskset

# The proxy under test has a core of its own.
upstream=(taskset -c 1) proxy=(taskset -c 0)
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }

start "${upstream[@]}" nginx -c "$work/upstream.conf" -p "$work"
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
  start "${proxy[@]}" haproxy -db -f "$work/haproxy.cfg"
  measure haproxy-jwt "${pids[-1]}" "$HAPROXY_PORT"
  kill "${pids[-1]}"; wait "${pids[-1]}" 2>/dev/null || true
  start "${proxy[@]}" nginx -c "$work/bare.conf" -p "$work"
  measure nginx-bare "${pids[-1]}" "$NGINX_PORT"
  kill "${pids[-1]}"; wait "${pids[-1]}" 2>/dev/null || true
  start "${proxy[@]}" "$palisade" serve --config "$work/palisade.yaml"
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
