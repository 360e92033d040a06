# shellcheck shell=bash
# What the benches of the whole gate share. A script sources it, reads its arguments and calls `begin`.
# From then on it stands in the tree, $palisade is the binary and $work a folder of its own; that folder
# and all that it let `start` go when the script ends, however it ends.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export PATH="$PATH:/usr/sbin"

begin() { # tools that it needs, by the names of Debian's packages where those are the same...
  local tool package missing=()
  for tool in "$@"; do
    package=$tool
    [ "$tool" != taskset ] || package=util-linux
    command -v "$tool" >/dev/null || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] || stop "missing: apt-get install ${missing[*]}"
  # PALISADE_BIN: measure a binary that is built already.
  [ -n "${PALISADE_BIN:-}" ] || cargo build --release --quiet
  palisade=${PALISADE_BIN:-target/release/palisade}
  work=$(mktemp -d)
  pids=()
  trap finish EXIT
  python3 benches/loopback/prepare.py "$work"
  # shellcheck disable=SC1091
  . "$work/env"
}

finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}

stop() { # why
  echo "$*" >&2
  exit 5
}

start() { # command...; its process is ${pids[-1]}
  "$@" >>"$work/log" 2>&1 &
  pids+=($!)
}

answers() { # url
  for _ in $(seq 100); do
    curl -fs -o /dev/null -H "Authorization: Bearer $TOKEN" "$1" && return 0
    sleep 0.1
  done
  curl -s -i -H "Authorization: Bearer $TOKEN" "$1" >&2 || true
  cat "$work/log" >&2
  echo "no answer from $1" >&2
  exit 1
}
