"""A tool call and its answer through ainfera, with OpenAI's own SDK: first streamed, then in one piece.

    pip install openai
    AINFERA_KEY=ainf_… python examples/chat_tool_round_trip.py
"""

import json
import os

import openai

client = openai.OpenAI(
    base_url=os.environ.get("AINFERA_URL", "http://127.0.0.1:8080") + "/v1",
    api_key=os.environ["AINFERA_KEY"],
)

QUESTION = {"role": "user", "content": "What is the weather in Paris?"}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The current weather in a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def get_weather(city):
    return f"18 °C and sunny in {city}"


def ask_streamed(messages):
    """One turn, printed as it comes. Returns the message and the call's id."""
    with client.chat.completions.stream(model="ainfera-inference", messages=messages, tools=TOOLS) as stream:
        for event in stream:
            if event.type == "content.delta":
                print(event.delta, end="", flush=True)
            # the chunk in which the answer ends names the call
            if event.type == "chunk" and hasattr(event.chunk, "ainfera"):
                inference_id = event.chunk.ainfera["inference_id"]
        print()
        return stream.get_final_completion().choices[0].message, inference_id


def ask(messages):
    """One turn in one piece. Returns the same as `ask_streamed`."""
    completion = client.chat.completions.create(model="ainfera-inference", messages=messages, tools=TOOLS)
    message = completion.choices[0].message
    print(message.content or "")
    return message, completion.ainfera["inference_id"]


def run_tools(message):
    """Every result, each in a message of its own: a model may call several tools at once."""
    for call in message.tool_calls:
        result = get_weather(**json.loads(call.function.arguments))
        print(f"→ {call.function.name}({call.function.arguments}) = {result}")
        yield {"role": "tool", "tool_call_id": call.id, "content": result}


def turn_of(message):
    """The assistant's turn as it goes back."""
    calls = [call.model_dump(include={"id": True, "type": True, "function": {"name", "arguments"}}) for call in message.tool_calls]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


def row_of(inference_id):
    """What the gateway keeps of a call. It is there when the answer is over."""
    return client.get(f"/inferences/{inference_id}", cast_to=object)


def converse(turn):
    messages = [QUESTION]
    message, inference_id = turn(messages)
    while message.tool_calls:
        messages += [turn_of(message), *run_tools(message)]
        message, inference_id = turn(messages)
    row = row_of(inference_id)
    print(f"inference {inference_id}: {row['outcome_status']}, {row['model_used']}, ${row['cost_usd']}\n")


converse(ask_streamed)
converse(ask)
