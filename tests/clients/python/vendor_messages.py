"""With one vendor's key alone: a tool loop of Anthropic's official Python SDK on each of its built-in models, pinned, streamed and whole."""

import json

import urllib.request

import anthropic

from tap import KEY, URL, calls, run

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
TOOL = {"name": "get_weather", "description": "The weather in a city.", "input_schema": SCHEMA}
# later ones speak an API version that has no sampling parameters
TAKES_SAMPLING = int(anthropic.__version__.split(".")[0]) < 2


def models_with_tools():
    request = urllib.request.Request(f"{URL}/v1/models?format=ainfera", headers={"x-api-key": KEY})
    with urllib.request.urlopen(request) as answer:
        listed = json.load(answer)
    return [model["slug"] for model in listed if model["type"] == "model" and "tools" in model["capabilities"]]


def client():
    http_client = anthropic.DefaultHttpxClient(event_hooks={"response": [calls.note]})
    return anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=20, http_client=http_client)


def whole(**asked):
    return client().messages.create(**asked)


def streamed(**asked):
    with client().messages.stream(**asked) as stream:
        return stream.get_final_message()


def manners():
    yield {}
    yield {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}
    yield {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    yield {"tool_choice": {"type": "any"}}
    if TAKES_SAMPLING:
        # members that their types do not have any more, and that their API version takes
        yield {"extra_body": {"temperature": 0.2, "top_p": 0.9}}


def tool_loop(model, ask, directive, manner):
    asked = {"model": model, "max_tokens": 9000, "tools": [TOOL]}
    messages = [{"role": "user", "content": f"What is the weather in Oslo? {directive}"}]
    first = ask(**asked, messages=messages, **manner)
    used = [block for block in first.content if block.type == "tool_use"]
    assert first.stop_reason == "tool_use" and used, (model, manner, first)
    results = [{"type": "tool_result", "tool_use_id": block.id, "content": "18 °C"} for block in used]
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    last = ask(**asked, messages=messages, **{name: value for name, value in manner.items() if name != "tool_choice"})
    assert last.stop_reason == "end_turn", (model, manner, last)
    assert "18 °C" in "".join(block.text for block in last.content if block.type == "text"), (model, manner, last)


def test_of(model):
    def test():
        for ask in (whole, streamed):
            for directive in ("[[mock tools=1]]", "[[mock tools=2 thinking=2]]"):
                for manner in manners():
                    tool_loop(model, ask, directive, manner)

    return test


if __name__ == "__main__":
    found = models_with_tools()
    assert found, "the vendor has no built-in models"
    run({f"test_{model}": test_of(model) for model in found})
