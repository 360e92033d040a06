#!/usr/bin/env bash
# How long an author waits: check, test, explain, prove, a run after each save; see benches/README.md.
set -euo pipefail
# shellcheck source=benches/lib.sh
. "$(dirname "$0")/../lib.sh"
begin cvc5 openssl python3
python3 benches/author/measure.py "$palisade" "$work/author" "${1:-9}"
