"""A tool call and its answer through ainfera, with Anthropic's own SDK: first streamed, then in one piece.

    pip install anthropic
    AINFERA_KEY=ainf_… python examples/tool_round_trip.py
"""

import os

import anthropic

client = anthropic.Anthropic(
    base_url=os.environ.get("AINFERA_URL", "http://127.0.0.1:8080"),
    api_key=os.environ["AINFERA_KEY"],
)

QUESTION = {"role": "user", "content": "What is the weather in Paris?"}
TOOLS = [
    {
        "name": "get_weather",
        "description": "The current weather in a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]


def get_weather(city):
    return f"18 °C and sunny in {city}"


def ask_streamed(messages):
    """One turn, printed as it comes. Returns the whole message and the call's id."""
    with client.messages.stream(model="ainfera-inference", max_tokens=1024, messages=messages, tools=TOOLS) as stream:
        for text in stream.text_stream:
            print(text, end="", flush=True)
        print()
        return stream.get_final_message(), stream.response.headers["x-ainfera-inference-id"]


def ask(messages):
    """One turn in one piece. Returns the same as `ask_streamed`."""
    response = client.messages.with_raw_response.create(
        model="ainfera-inference", max_tokens=1024, messages=messages, tools=TOOLS
    )
    message = response.parse()
    print("".join(block.text for block in message.content if block.type == "text"))
    return message, response.headers["x-ainfera-inference-id"]


def run_tools(message):
    """Every result, in one user message: a model may call several tools at once."""
    results = []
    for block in message.content:
        if block.type == "tool_use":
            result = get_weather(**block.input)
            print(f"→ {block.name}({block.input}) = {result}")
            results.append({"type": "tool_result", "tool_use_id": block.id, "content": result})
    return {"role": "user", "content": results}


def row_of(inference_id):
    """What the gateway keeps of a call. It is there when the answer is over."""
    return client.get(f"/v1/inferences/{inference_id}", cast_to=object)


def converse(turn):
    messages = [QUESTION]
    message, inference_id = turn(messages)
    while message.stop_reason == "tool_use":
        messages += [{"role": "assistant", "content": message.content}, run_tools(message)]
        message, inference_id = turn(messages)
    row = row_of(inference_id)
    print(f"x-ainfera-inference-id {inference_id}: {row['outcome_status']}, {row['model_used']}, ${row['cost_usd']}\n")


converse(ask_streamed)
converse(ask)
