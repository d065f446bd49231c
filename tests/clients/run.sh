#!/usr/bin/env bash
# The official SDKs, the examples and curl against real gateways with the scripted provider: one started as a newcomer starts it, without a file,
# and one whose provider speaks Chat Completions, so that every answer is translated. At the end every routed call must have left its row.
#
# Installs what it needs under target/clients, at pinned versions. Last line: `N passed, M failed`.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
built=${CARGO_TARGET_DIR:-$root/target}
ainfera=$built/debug/ainfera
cache=$built/clients
work=$(mktemp -d)
passed=0
failed=0
processes=()

finish() {
  local status=$?
  [ "${#processes[@]}" = 0 ] || kill "${processes[@]}" 2> /dev/null || true
  wait
  rm -rf "$work"
  [ "$status" = 0 ] || failed=$((failed + 1))
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] || exit 1
}
trap finish EXIT

### what is needed

# uv, npm and pip each bring roots of their own; the machine's bundle, which may hold more, counts also in an empty environment
bundle=/etc/ssl/certs/ca-certificates.crt
if [ -f "$bundle" ]; then
  export SSL_CERT_FILE=${SSL_CERT_FILE:-$bundle} NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$bundle} PIP_CERT=${PIP_CERT:-$bundle}
fi

uv() {
  local program
  program=$(type -P uv || true)
  if [ -z "$program" ]; then
    program=$cache/tools/bin/uv
    [ -x "$program" ] || python3 -m pip install --quiet --target "$cache/tools" uv==0.13.9
  fi
  "$program" --quiet "$@"
}

# python_with NAME: a virtual environment with what requirements-NAME.txt lists
python_with() {
  local folder=$cache/python-$1 wanted=$here/python/requirements-$1.txt
  cmp -s "$wanted" "$folder/installed.txt" && return
  rm -rf "$folder"
  uv venv --python python3 "$folder"
  uv pip install --python "$folder/bin/python" -r "$wanted"
  cp "$wanted" "$folder/installed.txt"
}

# node_project NAME FOLDER: a copy of the folder's TypeScript with its dependencies
node_project() {
  local folder=$cache/$1
  mkdir -p "$folder"
  if ! cmp -s "$2/package-lock.json" "$folder/installed.json"; then
    cp "$2/package.json" "$2/package-lock.json" "$folder"
    (cd "$folder" && npm ci --silent --no-audit --no-fund)
    cp "$2/package-lock.json" "$folder/installed.json"
  fi
  cp "$2"/*.ts "$2/tsconfig.json" "$folder"
}

# programs NAME FOLDER: what its lock file names, installed
programs() {
  local folder=$cache/$1
  mkdir -p "$folder"
  cmp -s "$2/package-lock.json" "$folder/installed.json" && return
  cp "$2/package.json" "$2/package-lock.json" "$folder"
  (cd "$folder" && npm ci --silent --no-audit --no-fund)
  cp "$2/package-lock.json" "$folder/installed.json"
}

### processes

# start NAME COMMAND...: runs it in a folder of its own, without any environment; $url is where it listens, $output what it says
start() {
  folder=$work/$1
  shift
  mkdir "$folder" "$folder/calls"
  mkfifo "$folder/stdout"
  (cd "$folder" && exec env -i "$ainfera" "$@" > stdout 2> stderr) &
  process=$!
  processes+=("$process")
  exec {output}< "$folder/stdout"
  url=$(wait_for '^listening on http') || { cat "$folder/stderr" >&2; return 1; }
  url=${url#listening on }
}

# wait_for PATTERN: the next line of $output that matches
wait_for() {
  local line
  while read -r -t 20 -u "$output" line; do
    [[ $line =~ $1 ]] && { echo "$line"; return; }
  done
  return 1
}

# stop NAME: drains the gateway in $process, then compares its rows with the calls
stop() {
  kill "$process"
  check "$1: drains and exits with 0" wait "$process"
  tally "$1: one row for each routed call" python3 "$here/count_rows.py" "$folder/ainfera.db" "$folder/calls"
  check "$1: the database's invariants hold" "$ainfera" doctor --database "sqlite://$folder/ainfera.db" --json
}

### checks

# check NAME COMMAND...: passes if the command does
check() {
  local name=$1 status=0
  shift
  "$@" > "$work/log" 2>&1 || status=$?
  if [ "$status" = 0 ]; then
    passed=$((passed + 1))
    echo "ok      $name"
  else
    failed=$((failed + 1))
    echo "FAILED  $name (exit code $status)"
    sed 's/^/        /' "$work/log"
  fi
}

# tally NAME COMMAND...: the command reports in TAP; a suite that does not get to its end has failed
tally() {
  local name=$1 status=0 good bad
  shift
  timeout 240 "$@" > "$work/log" 2>&1 || status=$?
  good=$(sed -n 's/^# pass //p' "$work/log")
  bad=$(sed -n 's/^# fail //p' "$work/log")
  if [ -z "$good" ] || { [ "$status" != 0 ] && [ "$bad" = 0 ]; }; then bad=$((${bad:-0} + 1)); fi
  passed=$((passed + ${good:-0}))
  failed=$((failed + bad))
  if [ "$bad" = 0 ]; then
    echo "ok      $name: $good"
  else
    echo "FAILED  $name: ${good:-0} passed, $bad failed (exit code $status)"
    sed 's/^/        /' "$work/log"
  fi
}

new_key() { "$ainfera" keys create --agent "$1" --database "sqlite://$folder/ainfera.db"; }

# suite NAME COMMAND...: a suite as an agent of its own, so that its rows can be told from the others'
suite() {
  local name=$1
  shift
  key=$(new_key "$name")
  AINFERA_CALLS_FILE=$folder/calls/$name AINFERA_URL=$url AINFERA_KEY=$key tally "$gateway: $name" "$@"
}

# example AGENT KEY ROUTED_CALLS COMMAND...: an example must end well, with an answer that quotes the tool, and the row of a call that succeeded
example() {
  local agent=$1 key=$2 calls=$3
  shift 3
  echo "$calls" > "$folder/calls/$agent"
  AINFERA_URL=$url AINFERA_KEY=$key check "example: $agent" \
    bash -o pipefail -c 'timeout 60 "$@" | tee /dev/stderr | { said=$(cat); [[ $said == *returned*18*°C*succeeded* ]]; }' example "$@"
}

suites() {
  gateway=$1
  for major in v1 v2; do
    suite "python-$major" "$cache/python-$major/bin/python" "$here/python/messages.py"
  done
  suite python-openai "$cache/python-openai/bin/python" "$here/python/chat.py"
  suite python-openai-responses "$cache/python-openai/bin/python" "$here/python/responses.py"
  suite typescript env --chdir="$cache/typescript" node --import tsx --test-reporter=tap messages.ts
  suite typescript-openai env --chdir="$cache/typescript" node --import tsx --test-reporter=tap chat.ts
  suite typescript-openai-responses env --chdir="$cache/typescript" node --import tsx --test-reporter=tap responses.ts
  suite ai-sdk env --chdir="$cache/typescript" node --import tsx --test-reporter=tap ai_sdk.ts
}

source "$here/agents.sh"
source "$here/vendors.sh"

### the run

cargo build --quiet --manifest-path "$root/Cargo.toml" --bin ainfera --example tool_round_trip
python_with v1
python_with v2
python_with openai
node_project typescript "$here/typescript"
node_project examples "$root/examples"

programs agents "$here/agents"

check 'the TypeScript tests fit the types' env --chdir="$cache/typescript" node_modules/.bin/tsc
check 'the TypeScript example fits the types' env --chdir="$cache/examples" node_modules/.bin/tsc

start native serve --listen 127.0.0.1:0
key=$(wait_for '^ *ainf_' | tr -d ' ')
example demo "$key" 2 "$root/examples/tool_round_trip.sh"
key=$(new_key example-rust)
example example-rust "$key" 2 "$built/debug/examples/tool_round_trip" --url "$url" --key "$key"
example example-python-v1 "$(new_key example-python-v1)" 4 "$cache/python-v1/bin/python" "$root/examples/tool_round_trip.py"
example example-python-v2 "$(new_key example-python-v2)" 4 "$cache/python-v2/bin/python" "$root/examples/tool_round_trip.py"
example example-python-openai "$(new_key example-python-openai)" 4 "$cache/python-openai/bin/python" "$root/examples/chat_tool_round_trip.py"
example example-curl-chat "$(new_key example-curl-chat)" 2 "$root/examples/chat_tool_round_trip.sh"
example example-typescript "$(new_key example-typescript)" 4 env --chdir="$cache/examples" node_modules/.bin/tsx tool_round_trip.ts
suites native
agents_in_trouble native
stop native

start upstream mock-upstream --listen 127.0.0.1:0
upstream=$url
sed "s|BASE_URL|$upstream|" "$here/translated.toml" > "$work/translated.toml"
start translated serve --config "$work/translated.toml" --listen 127.0.0.1:0
suites translated
stop translated

for kind in anthropic openai_compatible mistral openai_responses gemini; do
  sed "s|BASE_URL|$upstream|; s|KIND|$kind|" "$here/kinds.toml" > "$work/$kind.toml"
  start "$kind" serve --config "$work/$kind.toml" --listen 127.0.0.1:0
  agents "$kind"
  # a provider of the suite's own dialect answers for itself
  [ "$kind" = openai_responses ] || suite python-openai-responses "$cache/python-openai/bin/python" "$here/python/responses.py"
  stop "$kind"
done

vendors
