#!/usr/bin/env bash
# Each fuzz target for SECONDS (60), or only the targets named. Exits with a failure if one of them crashes; what crashed it lies in fuzz/artifacts.
# The counters that guide the fuzzer are asked of the compiler directly, so the stable toolchain is enough.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds=${SECONDS_EACH:-60}
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# counters in build scripts and macros would have nobody to report to
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --quiet --target "$host"
targets=("$@")
[ ${#targets[@]} -gt 0 ] || for file in targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
failed=0
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "artifacts/$target" "seeds/$target"
  log="artifacts/$target.log"
  recordings=()
  case $target in
    anthropic_stream) recordings=(../fidelity/recordings/anthropic) ;;
    chat_stream) recordings=(../fidelity/recordings/openai_chat ../fidelity/recordings/mistral) ;;
    responses_stream) recordings=(../fidelity/recordings/openai_responses) ;;
    gemini_stream) recordings=(../fidelity/recordings/gemini) ;;
  esac
  if "target/$host/debug/$target" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 -dict=seeds/words.dict \
    -artifact_prefix="artifacts/$target/" "corpus/$target" "seeds/$target" "${recordings[@]}" >"$log" 2>&1; then
    verdict=ok
  else
    verdict="CRASHED, see fuzz/$log"
    failed=1
  fi
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -1)
  echo "$target: ${executions:-?} executions, ${coverage:-?}, $verdict"
done
exit $failed
