#!/usr/bin/env bash
# Instructions for one request of a client, from its body to the provider's: a table for
# docs/performance.md. Counted by callgrind over 21 requests less those over one, so that the
# program's start is not in it. The second column writes each request for three candidates.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is needed" >&2; exit 1; }
cargo build --quiet --release -p ainfera-wire --example request_cost
program=${CARGO_TARGET_DIR:-target}/release/examples/request_cost
instructions() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 >/dev/null |
    sed -n 's/.*Collected : *//p'
}
echo "| client | provider | body, bytes | one candidate | three candidates |"
echo "| --- | --- | --- | --- | --- |"
for pair in chat:gemini chat:anthropic messages:chat messages:anthropic responses:gemini chat:chat; do
  client=${pair%:*} provider=${pair#*:}
  bytes=$("$program" "$client" "$provider" 1 1)
  cells=()
  for candidates in 1 3; do
    once=$(instructions "$client" "$provider" "$candidates" 1)
    often=$(instructions "$client" "$provider" "$candidates" 21)
    cells+=("$(((often - once) / 20))")
  done
  echo "| $client | $provider | $bytes | ${cells[0]} | ${cells[1]} |"
done
