#!/usr/bin/env bash
# Instructions for one request of a client, from its body to the provider's: a table for
# docs/performance.md. Counted by callgrind over 21 requests less those over one, so that the
# program's start is not in it. The second number writes each request for three candidates; the last
# is what one candidate more costs a strict call, which only finds what it would lose.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is needed" >&2; exit 1; }
cargo build --quiet --release -p ainfera-wire --example request_cost
program=${CARGO_TARGET_DIR:-target}/release/examples/request_cost
instructions() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 >/dev/null |
    sed -n 's/.*Collected : *//p'
}
echo "| client | provider | body, bytes | one candidate | three candidates | losses of one |"
echo "| --- | --- | --- | --- | --- | --- |"
for pair in chat:gemini chat:anthropic messages:chat messages:anthropic responses:gemini chat:chat; do
  client=${pair%:*} provider=${pair#*:}
  bytes=$("$program" "$client" "$provider" 1 1)
  cells=()
  for candidates in 1 3; do
    once=$(instructions "$client" "$provider" "$candidates" 1)
    often=$(instructions "$client" "$provider" "$candidates" 21)
    cells+=("$(((often - once) / 20))")
  done
  losses=()
  for candidates in 1 2; do
    once=$(instructions "$client" "$provider" "$candidates" 1 losses)
    often=$(instructions "$client" "$provider" "$candidates" 21 losses)
    losses+=("$(((often - once) / 20))")
  done
  echo "| $client | $provider | $bytes | ${cells[0]} | ${cells[1]} | $((losses[1] - losses[0])) |"
done
