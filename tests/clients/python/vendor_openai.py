"""With one vendor's key alone: tool loops of OpenAI's official Python SDK on each of its built-in models, over Chat Completions and Responses, pinned,
streamed and whole."""

import json
import urllib.request

import openai

from tap import KEY, URL, calls, run

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
FUNCTION = {"name": "get_weather", "description": "The weather in a city.", "parameters": SCHEMA, "strict": True}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
QUESTION = "What is the weather in Oslo? "


def models_with_tools():
    request = urllib.request.Request(f"{URL}/v1/models?format=ainfera", headers={"x-api-key": KEY})
    with urllib.request.urlopen(request) as answer:
        listed = json.load(answer)
    return [model["slug"] for model in listed if model["type"] == "model" and "tools" in model["capabilities"]]


def client():
    http_client = openai.DefaultHttpxClient(event_hooks={"response": [calls.note]})
    return openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=20, http_client=http_client)


def chat_whole(**asked):
    return client().chat.completions.create(**asked)


def chat_streamed(**asked):
    with client().chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        return stream.get_final_completion()


def responses_whole(**asked):
    return client().responses.create(**asked)


def responses_streamed(**asked):
    with client().responses.stream(**asked) as stream:
        return stream.get_final_response()


def unforced(manner):
    return {name: value for name, value in manner.items() if name != "tool_choice"}


def chat_loop(model, ask, directive, manner):
    asked = {"model": model, "tools": [{"type": "function", "function": FUNCTION}]}
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": QUESTION + directive}]
    first = ask(**asked, messages=messages, **manner).choices[0]
    used = first.message.tool_calls
    assert first.finish_reason == "tool_calls" and used, (model, manner, first)
    # what agents keep of an answer: its text and its calls
    kept = [call.model_dump(include={"id": True, "type": True, "function": {"name", "arguments"}}) for call in used]
    messages.append({"role": "assistant", "content": first.message.content, "tool_calls": kept})
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "18 °C"} for call in used]
    last = ask(**asked, messages=messages, **unforced(manner)).choices[0]
    assert last.finish_reason == "stop" and "18 °C" in last.message.content, (model, manner, last)


def responses_loop(model, ask, directive, manner):
    asked = {"model": model, "tools": [{"type": "function", **FUNCTION}], "store": False, "include": ["reasoning.encrypted_content"]}
    items = [{"role": "user", "content": QUESTION + directive}]
    first = ask(**asked, input=items, **manner)
    used = [item for item in first.output if item.type == "function_call"]
    assert first.status == "completed" and used, (model, manner, first)
    # the SDK's streamed items carry what it parsed, which is no member of the API
    items += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    items += [{"type": "function_call_output", "call_id": item.call_id, "output": "18 °C"} for item in used]
    last = ask(**asked, input=items, **unforced(manner))
    assert last.status == "completed" and "18 °C" in last.output_text, (model, manner, last)


def test_of(model, loop, modes, manners):
    def test():
        for ask in modes:
            for directive in ("[[mock tools=1]]", "[[mock tools=2 thinking=2]]"):
                for manner in manners:
                    loop(model, ask, directive, manner)

    return test


CHAT = [{"temperature": 0.2, "top_p": 0.9, "tool_choice": "required"}, {"max_tokens": 900, "stop": ["END"]}, {"max_completion_tokens": 900}]
CHAT += [{"reasoning_effort": effort} for effort in EFFORTS]
RESPONSES = [{"temperature": 0.2, "top_p": 0.9, "tool_choice": "required"}, {"max_output_tokens": 900}]
RESPONSES += [{"reasoning": {"effort": effort}} for effort in EFFORTS]

if __name__ == "__main__":
    found = models_with_tools()
    assert found, "the vendor has no built-in models"
    chat = {f"test_chat_{model}": test_of(model, chat_loop, (chat_whole, chat_streamed), CHAT) for model in found}
    responses = {
        f"test_responses_{model}": test_of(model, responses_loop, (responses_whole, responses_streamed), RESPONSES) for model in found
    }
    run({**chat, **responses})
