#!/usr/bin/env bash
# A tool call and its answer with nothing but curl: the first turn in one piece, the second one streamed.
#
#     AINFERA_KEY=ainf_… examples/tool_round_trip.sh
set -euo pipefail

url=${AINFERA_URL:-http://127.0.0.1:8080}
headers=(-H "x-api-key: $AINFERA_KEY" -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json')
temporary=$(mktemp -d)
trap 'rm -r "$temporary"' EXIT

question='{"role": "user", "content": "What is the weather in Paris?"}'
tools='[{"name": "get_weather", "description": "The current weather in a city.",
  "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]'

echo '--- the model calls a tool'
answer=$(curl -sS --fail-with-body "${headers[@]}" "$url/v1/messages" \
  -d '{"model": "ainfera-inference", "max_tokens": 1024, "messages": ['"$question"'], "tools": '"$tools"'}')
echo "$answer"
grep -q '"stop_reason":"tool_use"' <<< "$answer"

# the assistant's turn goes back as it came, and the result names the call that it answers
content=$(sed 's/.*"content":\(\[.*\]\),"stop_reason".*/\1/' <<< "$answer")
call_id=$(grep -o '"type":"tool_use","id":"[^"]*"' <<< "$answer" | cut -d '"' -f 8)
result='{"type": "tool_result", "tool_use_id": "'"$call_id"'", "content": "18 °C and sunny in Paris"}'

echo '--- the tool has answered, and so does the model'
curl -sSN --fail-with-body -D "$temporary/headers" "${headers[@]}" "$url/v1/messages" \
  -d '{"model": "ainfera-inference", "max_tokens": 1024, "stream": true, "tools": '"$tools"', "messages": ['"$question"',
       {"role": "assistant", "content": '"$content"'}, {"role": "user", "content": ['"$result"']}]}' |
  sed -un 's/^data: //p' | tee "$temporary/events"
# only message_stop is success: a stream that ends without it was cut
grep -q '"type":"message_stop"' "$temporary/events"

echo '--- what the gateway keeps of it'
inference_id=$(sed -n 's/^x-ainfera-inference-id: \([0-9a-f-]*\).*/\1/p' "$temporary/headers")
curl -sSf "${headers[@]}" "$url/v1/inferences/$inference_id"
echo
