#!/usr/bin/env bash
# A tool call and its answer over Chat Completions with nothing but curl: the first turn in one piece, the second one streamed.
#
#     AINFERA_KEY=ainf_… examples/chat_tool_round_trip.sh
set -euo pipefail

url=${AINFERA_URL:-http://127.0.0.1:8080}
headers=(-H "authorization: Bearer $AINFERA_KEY" -H 'content-type: application/json')
temporary=$(mktemp -d)
trap 'rm -r "$temporary"' EXIT

question='{"role": "user", "content": "What is the weather in Paris?"}'
tools='[{"type": "function", "function": {"name": "get_weather", "description": "The current weather in a city.",
  "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]'

echo '--- the model calls a tool'
answer=$(curl -sS --fail-with-body "${headers[@]}" "$url/v1/chat/completions" \
  -d '{"model": "ainfera-inference", "messages": ['"$question"'], "tools": '"$tools"'}')
echo "$answer"
grep -q '"finish_reason":"tool_calls"' <<< "$answer"

# the assistant's calls go back as they came, and the result names the call that it answers
calls=$(sed 's/.*"tool_calls":\(\[.*\]\)},"logprobs".*/\1/' <<< "$answer")
call_id=$(sed 's/.*"tool_calls":\[{"id":"\([^"]*\)".*/\1/' <<< "$answer")

echo '--- the tool has answered, and so does the model'
curl -sSN --fail-with-body -D "$temporary/headers" "${headers[@]}" "$url/v1/chat/completions" \
  -d '{"model": "ainfera-inference", "stream": true, "tools": '"$tools"', "messages": ['"$question"',
       {"role": "assistant", "content": null, "tool_calls": '"$calls"'},
       {"role": "tool", "tool_call_id": "'"$call_id"'", "content": "18 °C and sunny in Paris"}]}' |
  sed -un 's/^data: //p' | tee "$temporary/chunks"
# only [DONE] is success: a stream that ends without it was cut
grep -qxF '[DONE]' "$temporary/chunks"

echo '--- what the gateway keeps of it'
inference_id=$(sed -n 's/^x-ainfera-inference-id: \([0-9a-f-]*\).*/\1/p' "$temporary/headers")
curl -sSf "${headers[@]}" "$url/v1/inferences/$inference_id"
echo
