#!/usr/bin/env bash
# Instructions for one event of a provider, from its bytes to the client's: a table for docs/performance.md. Counted by callgrind over 101 answers less
# those over one, so that what happens once (the program's start, the call, the request) is not in it.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is needed" >&2; exit 1; }
cargo build --quiet --release -p ainfera-fidelity --example translation_cost
program=${CARGO_TARGET_DIR:-target}/release/examples/translation_cost
instructions() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$@" 2>&1 >/dev/null | sed -n 's/.*Collected : *//p'
}
echo "| client | provider | text | tool call |"
echo "|---|---|---|---|"
for client in messages chat responses inference; do
  for provider in anthropic chat responses gemini; do
    cells=()
    for content in text tool; do
      events=$("$program" "$client" "$provider" "$content" 1 2>/dev/null) || continue 2
      once=$(instructions "$client" "$provider" "$content" 1)
      often=$(instructions "$client" "$provider" "$content" 101)
      cells+=("$(((often - once) / 100 / events))")
    done
    echo "| $client | $provider | ${cells[0]} | ${cells[1]} |"
  done
done
