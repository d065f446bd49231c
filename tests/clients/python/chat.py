"""Chat Completions and the flat endpoint as OpenAI's official Python SDK sees them, streamed and in one piece."""

import json

import openai

from tap import KEY, URL, calls, run

MODEL = "ainfera-inference"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather in a city.", "parameters": PARAMETERS}}


def client(**settings):
    """The SDK without its retries: what a test sees is what the gateway said first."""
    settings.setdefault("api_key", KEY)
    http_client = openai.DefaultHttpxClient(event_hooks={"response": [calls.note]})
    return openai.OpenAI(base_url=f"{URL}/v1", max_retries=0, timeout=10, http_client=http_client, **settings)


def user(content):
    return {"role": "user", "content": content}


def whole(content, **more):
    return client().chat.completions.create(**{"model": MODEL, "max_completion_tokens": 500, "messages": [user(content)], **more})


def streamed(content, **more):
    more = {"model": MODEL, "max_completion_tokens": 500, "messages": [user(content)], "stream_options": {"include_usage": True}, **more}
    with client().chat.completions.stream(**more) as stream:
        events = list(stream)
        completion = stream.get_final_completion()
    text = "".join(event.delta for event in events if event.type == "content.delta")
    assert text == (completion.choices[0].message.content or ""), (text, completion)
    # the SDK keeps members that it does not know with the chunk that has them
    (completion.ainfera,) = [event.chunk.ainfera for event in events if event.type == "chunk" and hasattr(event.chunk, "ainfera")]
    return completion


def said(completion):
    """All of an answer but what is minted for each."""
    message = completion.choices[0].message.model_dump(exclude_none=True, exclude={"parsed"})
    for call in message.get("tool_calls", []):
        for minted in ("id", "index"):
            call.pop(minted, None)
        call["function"].pop("parsed_arguments", None)
    message["content"] = message.get("content") or None
    assert completion.ainfera["receipt_id"] and completion.ainfera["audit_verify_url"], completion
    return completion.choices[0].finish_reason, message, completion.usage.model_dump(exclude_none=True), completion.model


def error_of(ask, content, **more):
    try:
        answer = ask(content, **more)
    except openai.APIError as error:
        return error
    raise AssertionError(f"no error, but {answer}")


def row_of(inference_id):
    """The row is there when the answer is over."""
    return client().get(f"/inferences/{inference_id}", cast_to=object)


def round_trip(ask, directive, expected_calls):
    question = f"What is the weather? {directive}"
    first = ask(question, tools=[TOOL])
    assert first.choices[0].finish_reason == "tool_calls", first
    asked = first.choices[0].message.tool_calls
    assert [call.function.name for call in asked] == ["get_weather"] * expected_calls, first
    assert all(isinstance(json.loads(call.function.arguments)["city"], str) for call in asked), asked
    assert len({call.id for call in asked}) == expected_calls, asked
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"{18 + position} °C"} for position, call in enumerate(asked)]
    turn = {"role": "assistant", "content": first.choices[0].message.content}
    turn["tool_calls"] = [call.model_dump(include={"id": True, "type": True, "function": {"name", "arguments"}}) for call in asked]
    last = ask(None, tools=[TOOL], messages=[{"role": "developer", "content": "Be brief."}, user(question), turn, *results])
    assert last.choices[0].finish_reason == "stop" and not last.choices[0].message.tool_calls, last
    for result in results:
        assert result["content"] in last.choices[0].message.content, last


def test_tool_round_trip():
    round_trip(whole, "", 1)


def test_tool_round_trip_streamed():
    round_trip(streamed, "", 1)


def test_parallel_tool_calls():
    round_trip(whole, "[[mock tools=2]]", 2)


def test_parallel_tool_calls_streamed():
    round_trip(streamed, "[[mock tools=3 interleave=true]]", 3)


def test_streamed_and_whole_agree():
    cases = [
        ("hello", {}, "stop"),
        ("[[mock tokens=30]]", {}, "stop"),
        ("[[mock tokens=30 fault=drip]]", {}, "stop"),
        ("[[mock tokens=30 fault=split_utf8]]", {}, "stop"),
        ("[[mock tokens=3 tools=2]]", {"tools": [TOOL]}, "tool_calls"),
        ("[[mock text=none]]", {"tools": [TOOL]}, "tool_calls"),
        ("[[mock tokens=3 usage=cache]]", {}, "stop"),
        ("[[mock tokens=3 thinking=2]]", {}, "stop"),
    ]
    for content, more, finish_reason in cases:
        one, other = whole(content, **more), streamed(content, **more)
        assert one.choices[0].finish_reason == finish_reason, (content, one)
        assert one.usage.prompt_tokens > 0 and one.usage.completion_tokens > 0, (content, one)
        assert one.usage.total_tokens == one.usage.prompt_tokens + one.usage.completion_tokens, (content, one)
        assert said(one) == said(other), (content, said(one), said(other))


def test_a_limit_ends_the_answer():
    limit = {"model": MODEL, "max_completion_tokens": 4, "messages": [user("[[mock tokens=10]]")]}
    one = whole(None, **limit)
    chunks = list(client().chat.completions.create(stream=True, **limit))
    assert one.choices[0].finish_reason == chunks[-1].choices[0].finish_reason == "length", (one, chunks)
    assert one.choices[0].message.content == "".join(chunk.choices[0].delta.content or "" for chunk in chunks), (one, chunks)
    # the SDK's own helper refuses such an answer
    try:
        streamed(None, **limit)
    except openai.LengthFinishReasonError as error:
        assert error.completion.usage.completion_tokens == one.usage.completion_tokens
    else:
        raise AssertionError("no error")


def test_usage_comes_to_those_who_ask():
    usual = {"model": MODEL, "messages": [user("hi")], "stream": True}
    assert all(chunk.usage is None for chunk in client().chat.completions.create(**usual))
    *_, last = client().chat.completions.create(**usual, stream_options={"include_usage": True})
    assert last.choices == [] and last.usage.total_tokens > 0, last


def test_stop_sequences():
    for ask in (whole, streamed):
        for stop in ("light", ["light"]):
            completion = ask("[[mock tokens=8]]", stop=stop)
            assert "light" not in completion.choices[0].message.content, completion
            assert completion.choices[0].finish_reason == "stop", completion


def test_an_image_and_a_call_that_is_forced():
    picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    content = [{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": picture}}]
    for ask in (whole, streamed):
        completion = ask(content, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "get_weather"}})
        assert completion.choices[0].message.tool_calls[0].function.name == "get_weather", completion


def test_a_pinned_model_answers_itself():
    raw = client().chat.completions.with_raw_response.create(model=MODEL, messages=[user("hi")])
    model = raw.headers["x-ainfera-model"]
    for ask in (whole, streamed):
        assert ask("hi", model=model).model == model


def test_what_is_refused_before_anybody_is_asked():
    for ask in (whole, streamed):
        error = error_of(ask, "hi", model="no-such-model")
        assert isinstance(error, openai.UnprocessableEntityError) and error.code == "model_unavailable", error
        error = error_of(ask, "hi", extra_body={"routing_hint": {"min_quality": "0.99"}})
        assert isinstance(error, openai.UnprocessableEntityError) and error.code == "no_candidate_clears_floor", error
        error = error_of(ask, "hi", messages=[])
        assert isinstance(error, openai.BadRequestError) and error.param == "messages", error
        error = error_of(ask, "hi", n=2)
        assert isinstance(error, openai.BadRequestError) and error.param == "n", error
        assert error.type == "invalid_request_error" and error.request_id.startswith("req_"), error


def test_when_all_models_fail_it_is_a_503():
    for ask in (whole, streamed):
        error = error_of(ask, "[[mock fault=refuse_status status=500]]")
        assert isinstance(error, openai.InternalServerError) and error.status_code == 503, error
        assert error.code == "all_routed_models_failed" and int(error.response.headers["retry-after"]) <= 5, error


def test_when_one_model_fails_another_answers():
    ask = client().chat.completions.with_raw_response.create
    usual = ask(model=MODEL, messages=[user("hi")]).headers["x-ainfera-model"]
    for fault in ("reset_before_head", "empty_stream", "refuse_status status=529"):
        other = ask(model=MODEL, messages=[user(f"[[mock model={usual} fault={fault}]]")])
        assert other.headers["x-ainfera-model"] != usual, (fault, other.headers)
        assert other.parse().choices[0].finish_reason == "stop", fault


def test_an_error_after_content_raises_in_a_stream():
    for fault in ("fin_at", "rst_at", "error_event_at"):
        heard, raised = "", None
        stream = client().chat.completions.create(model=MODEL, stream=True, messages=[user(f"[[mock tokens=20 fault={fault} at=6]]")])
        inference_id = stream.response.headers["x-ainfera-inference-id"]
        try:
            for chunk in stream:
                heard += chunk.choices[0].delta.content or ""
        except openai.APIError as error:
            raised = error
        assert heard and raised is not None and raised.type == "server_error", (fault, heard, raised)
        assert row_of(inference_id)["outcome_status"] == "failed_midstream", fault


def test_an_error_after_content_is_no_partial_success():
    error = error_of(whole, "[[mock tokens=20 fault=fin_at at=6]]")
    assert isinstance(error, openai.InternalServerError) and error.status_code == 502, error
    assert error.code == "stream_incomplete", error


def test_the_row_tells_what_the_answer_cost():
    answer = whole("hi")
    assert answer._request_id.startswith("req_")
    row = row_of(answer.ainfera["inference_id"])
    usage = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert row["outcome_status"] == "succeeded" and float(row["cost_usd"]) > 0, row
    assert (row["usage"]["input_tokens"], row["usage"]["output_tokens"]) == usage, (row, usage)


def test_an_idempotency_key_gives_the_same_answer_again():
    headers = {"idempotency-key": "chat-again"}
    first = whole("[[mock tokens=5]]", extra_headers=headers)
    row_of(first.ainfera["inference_id"])
    assert whole("[[mock tokens=5]]", extra_headers=headers) == first
    assert streamed("[[mock tokens=5]]", extra_headers=headers).id == first.id


def test_the_flat_endpoint():
    answer = client().post("/inference", body={"model": MODEL, "messages": [user("hi")]}, cast_to=object)
    row = row_of(answer["inference_id"])
    assert answer["cost_usd"] == row["cost_usd"] and answer["model_used"] == row["model_used"], (answer, row)
    assert answer["content"] == "You said: “hi”." and answer["finish_reason"] == "stop", answer
    try:
        client().post("/inference", body={"model": MODEL, "messages": [user("hi")], "stream": True}, cast_to=object)
    except openai.APIStatusError as error:
        assert error.status_code == 501 and error.body == "streaming_not_supported", error.body
    else:
        raise AssertionError("it streamed")


def test_a_wrong_key_is_refused():
    for key in ("nonsense", KEY[:-4] + "AAAA"):
        try:
            client(api_key=key).chat.completions.create(model=MODEL, messages=[user("hi")])
        except openai.AuthenticationError as error:
            assert error.status_code == 401 and error.code == "invalid_api_key"
        else:
            raise AssertionError(f"{key} was let in")


run(dict(globals()))
