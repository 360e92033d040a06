#!/usr/bin/env bash
# What a large tenant directory costs; see benches/README.md.
set -euo pipefail
# shellcheck source=benches/lib.sh
. "$(dirname "$0")/../lib.sh"
accounts=${1:-10000} policies=${2:-10} form=${3:-files} active=${4:-400}
begin nginx openssl python3
python3 benches/scale/prepare.py "$work" "$accounts" "$policies" "$form" "$active"
start nginx -c "$work/upstream.conf" -p "$work"
echo "$accounts accounts as $form, $policies policies each"
python3 benches/scale/measure.py "$palisade" "$work" "$active"
