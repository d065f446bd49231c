# Claude Code and Codex through the gateway in $url: sourced by run.sh, whose functions it uses.
#
# Each agent's loop is real: the scripted provider asks for a command, the agent runs it, and its output must come back in the last answer.

# agent_said NAME PATTERN COMMAND...: the command ends well and says what matches
agent_said() {
  local name=$1 pattern=$2
  shift 2
  check "$name" bash -o pipefail -c 'pattern=$1; shift; timeout 90 "$@" < /dev/null | tee /dev/stderr | { said=$(cat); [[ $said =~ $pattern ]]; }' agent "$pattern" "$@"
}

# claude_code NAME CALLS PATTERN ARGUMENTS...: as an agent of its own, in a folder of its own
claude_code() {
  local name=$1 calls=$2 pattern=$3 home=$work/homes/$gateway-$1
  shift 3
  mkdir -p "$home/project"
  echo "$calls" > "$folder/calls/$name"
  agent_said "$gateway: $name" "$pattern" env --chdir="$home/project" -i PATH=/usr/bin:/bin HOME="$home" CLAUDE_CONFIG_DIR="$home/.claude" \
    DISABLE_TELEMETRY=1 DISABLE_AUTOUPDATER=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 \
    "$ainfera" launch claude --url "$url" --key "$(new_key "$name")" \
    --program "$cache/agents/node_modules/@anthropic-ai/claude-code-linux-x64/claude" -- --bare --output-format json "$@"
}

codex() {
  local name=$1 calls=$2 pattern=$3 home=$work/homes/$gateway-$1
  shift 3
  mkdir -p "$home/project"
  echo "$calls" > "$folder/calls/$name"
  agent_said "$gateway: $name" "$pattern" env --chdir="$home/project" -i PATH="$PATH" HOME="$home" CODEX_HOME="$home" \
    "$ainfera" launch codex --url "$url" --key "$(new_key "$name")" --program "$cache/agents/node_modules/.bin/codex" -- \
    exec --skip-git-repo-check --sandbox danger-full-access "$@"
}

# agents GATEWAY: one tool loop of each, two calls each
agents() {
  gateway=$1
  claude_code claude-code 2 'returned: .*forty-two' -p 'go [[mock call=Bash arguments={"command":"echo\u0020forty-two"}]]' --allowedTools Bash
  codex codex 2 'returned: .*forty-two' 'go [[mock call=exec_command arguments={"cmd":"echo\u0020forty-two"}]]'
}

# agents_in_trouble GATEWAY: what an agent does itself about a provider's faults; each of its attempts is a call with a row
agents_in_trouble() {
  gateway=$1
  # every candidate is overloaded once: the agent hears 529 and comes again
  claude_code claude-code-overloaded 2 'You said: .*one' -p 'one [[mock status=529 times=3]]' --tools ''
  # the answer breaks off after its head: the agent asks again, for the whole answer at once
  claude_code claude-code-error-event 2 'You said: .*two' -p 'two [[mock fault=error_event_at at=4 times=1]]' --tools ''
  claude_code claude-code-cut 2 'You said: .*three' -p 'three [[mock fault=fin_at at=5 times=1]]' --tools ''
  codex codex-overloaded 2 'You said: ' 'four [[mock tools=0 status=529 times=3]]'
  codex codex-error-event 2 'You said: ' 'five [[mock tools=0 fault=error_event_at at=5 times=1]]'
  codex codex-cut 2 'You said: ' 'six [[mock tools=0 fault=fin_at at=5 times=1]]'
}
