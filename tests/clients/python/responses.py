"""Responses as OpenAI's official Python SDK sees it, streamed and in one piece, and the list of models."""

import asyncio
import json

import openai

from tap import KEY, URL, calls, run

MODEL = "ainfera-inference"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
TOOL = {"type": "function", "name": "get_weather", "description": "The weather in a city.", "parameters": PARAMETERS, "strict": False}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Edits a file."}


def client(**settings):
    """The SDK without its retries: what a test sees is what the gateway said first."""
    settings.setdefault("api_key", KEY)
    http_client = openai.DefaultHttpxClient(event_hooks={"response": [calls.note]})
    return openai.OpenAI(base_url=f"{URL}/v1", max_retries=0, timeout=10, http_client=http_client, **settings)


def params(content, more):
    return {"model": MODEL, "max_output_tokens": 500, "input": content, "store": False, **more}


def whole(content, **more):
    return client().responses.create(**params(content, more))


def streamed(content, **more):
    """With the SDK's own accumulation, which must come to what the last event says."""
    with client().responses.stream(**params(content, more)) as stream:
        events = list(stream)
        response = stream.get_final_response()
    numbers = [event.sequence_number for event in events]
    assert numbers == list(range(len(events))), numbers
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == response.output_text, (text, response)
    return response


def said(response):
    """All of an answer but what is minted for each."""
    minted = {"id", "call_id", "parsed", "parsed_arguments"}
    items = [item.model_dump(exclude_none=True, exclude=minted) for item in response.output]
    for item in items:
        for part in item.get("content") or []:
            part.pop("parsed", None)
    assert response.ainfera["receipt_id"] and response.ainfera["inference_id"], response
    return response.status, items, response.usage.model_dump(exclude_none=True), response.model, response.incomplete_details


def calls_of(response):
    return [item for item in response.output if item.type == "function_call"]


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
    question = {"role": "user", "content": f"What is the weather? {directive}"}
    first = ask([question], tools=[TOOL])
    asked = calls_of(first)
    assert first.status == "completed" and [call.name for call in asked] == ["get_weather"] * expected_calls, first
    assert all(isinstance(json.loads(call.arguments)["city"], str) for call in asked), asked
    assert len({call.call_id for call in asked}) == expected_calls, asked
    items = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    for item in items:
        for part in item.get("content") or []:
            part.pop("parsed", None)
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": f"{18 + at} °C"} for at, call in enumerate(asked)]
    last = ask([question, *items, *results], tools=[TOOL], instructions="Be brief.")
    assert last.status == "completed" and not calls_of(last), last
    for result in results:
        assert result["output"] in last.output_text, last


def test_tool_round_trip():
    round_trip(whole, "", 1)


def test_tool_round_trip_streamed():
    round_trip(streamed, "", 1)


def test_parallel_tool_calls_after_reasoning():
    round_trip(whole, "[[mock tools=2 thinking=2]]", 2)


def test_parallel_tool_calls_after_reasoning_streamed():
    round_trip(streamed, "[[mock tools=3 thinking=2 interleave=true]]", 3)


def test_a_custom_tool_takes_any_text():
    order = '[[mock call=apply_patch arguments={"input":"***\\u0020Begin\\n\\"x\\""}]]'
    for ask in (whole, streamed):
        first = ask(order, tools=[PATCH])
        call = first.output[-1]
        assert (call.type, call.name, call.input) == ("custom_tool_call", "apply_patch", '*** Begin\n"x"'), first
        history = [{"role": "user", "content": "fix it"}, call.model_dump(exclude_none=True)]
        result = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "patched 3 lines"}
        assert "patched 3 lines" in ask([*history, result], tools=[PATCH]).output_text


def test_streamed_and_whole_agree():
    cases = [
        ("hello", {}, "completed"),
        ("[[mock tokens=30]]", {}, "completed"),
        ("[[mock tokens=30 fault=drip]]", {}, "completed"),
        ("[[mock tokens=30 fault=split_utf8]]", {}, "completed"),
        ("[[mock tokens=3 tools=2]]", {"tools": [TOOL]}, "completed"),
        ("[[mock text=none]]", {"tools": [TOOL]}, "completed"),
        ("[[mock tokens=3 usage=cache]]", {}, "completed"),
        ("[[mock tokens=3 thinking=2]]", {}, "completed"),
    ]
    for content, more, status in cases:
        one, other = whole(content, **more), streamed(content, **more)
        assert one.status == status and one.error is None, (content, one)
        assert one.usage.input_tokens > 0 and one.usage.output_tokens > 0, (content, one)
        assert one.usage.total_tokens == one.usage.input_tokens + one.usage.output_tokens, (content, one)
        assert said(one) == said(other), (content, said(one), said(other))


def test_a_limit_makes_the_answer_incomplete():
    one = whole("[[mock tokens=40]]", max_output_tokens=16)
    assert (one.status, one.incomplete_details.reason) == ("incomplete", "max_output_tokens"), one
    *_, last = client().responses.create(**params("[[mock tokens=40]]", {"max_output_tokens": 16}), stream=True)
    assert last.type == "response.incomplete" and last.response.output_text == one.output_text, last
    assert last.response.usage == one.usage, last


def test_an_answer_by_schema():
    schema = {"type": "json_schema", "name": "place", "strict": True, "schema": PARAMETERS}
    for ask in (whole, streamed):
        response = ask("hi", text={"format": schema})
        assert response.status == "completed" and response.text.format.name == "place", response


def test_an_image():
    picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    parts = [{"type": "input_text", "text": "what is it?"}, {"type": "input_image", "image_url": picture, "detail": "auto"}]
    assert "what is it?" in whole([{"role": "user", "content": parts}]).output_text


def test_what_is_refused_before_anybody_is_asked():
    for ask in (whole, streamed):
        bad = error_of(ask, [])
        assert isinstance(bad, openai.BadRequestError) and (bad.param, bad.type) == ("input", "invalid_request_error"), bad
        assert bad.request_id.startswith("req_"), bad
        kept = error_of(ask, "hi", previous_response_id="resp_1")
        assert isinstance(kept, openai.BadRequestError) and kept.param == "previous_response_id", kept
        unknown = error_of(ask, "hi", model="no-such-model")
        assert isinstance(unknown, openai.UnprocessableEntityError) and unknown.code == "model_unavailable", unknown
        floor = error_of(ask, "hi", extra_body={"routing_hint": {"min_quality": "0.99"}})
        assert isinstance(floor, openai.UnprocessableEntityError) and floor.code == "no_candidate_clears_floor", floor


def test_nothing_is_kept():
    response = whole("hi")
    assert response.store is False, response
    for ask in (client().responses.retrieve, client().responses.input_items.list):
        try:
            list(ask(response.id))
        except openai.NotFoundError as error:
            assert error.code == "not_found", error
        else:
            raise AssertionError("it was found")


def test_when_all_models_fail_it_is_a_503():
    for ask in (whole, streamed):
        error = error_of(ask, "[[mock fault=refuse_status status=500]]")
        assert isinstance(error, openai.InternalServerError) and error.status_code == 503, error
        assert error.code == "all_routed_models_failed" and int(error.response.headers["retry-after"]) <= 5, error


def test_a_pinned_model_that_is_overloaded_is_a_529():
    pinned = client().responses.with_raw_response.create(**params("hi", {})).headers["x-ainfera-model"]
    for ask in (whole, streamed):
        error = error_of(ask, "[[mock fault=refuse_status status=529]]", model=pinned)
        assert isinstance(error, openai.InternalServerError) and error.status_code == 529, error
        assert error.code == "pinned_upstream_failed", error


def test_an_error_after_content_raises_in_a_stream():
    for fault in ("fin_at", "rst_at", "error_event_at"):
        heard, raised = "", None
        stream = client().responses.create(**params(f"[[mock tokens=20 fault={fault} at=6]]", {}), stream=True)
        inference_id = stream.response.headers["x-ainfera-inference-id"]
        try:
            for event in stream:
                assert event.type != "response.completed", event
                heard += event.delta if event.type == "response.output_text.delta" else ""
        except openai.APIError as error:
            raised = error
        assert heard and raised is not None and raised.type == "server_error", (fault, heard, raised)
        assert row_of(inference_id)["outcome_status"] == "failed_midstream", fault
        assert error_of(streamed, f"[[mock tokens=20 fault={fault} at=6]]").type == "server_error", fault


def test_an_error_after_content_is_no_partial_success():
    error = error_of(whole, "[[mock tokens=20 fault=fin_at at=6]]")
    assert isinstance(error, openai.InternalServerError) and error.status_code == 502, error
    assert error.code == "stream_incomplete", error


def test_the_row_tells_what_the_answer_cost():
    answer = whole("hi")
    assert answer._request_id.startswith("req_")
    row = row_of(answer.ainfera["inference_id"])
    assert row["outcome_status"] == "succeeded" and float(row["cost_usd"]) > 0, row
    usage = (answer.usage.input_tokens, answer.usage.output_tokens)
    assert (row["usage"]["input_tokens"], row["usage"]["output_tokens"]) == usage, (row, usage)


def test_an_idempotency_key_gives_the_same_answer_again():
    headers = {"idempotency-key": "responses-again"}
    first = whole("[[mock tokens=5]]", extra_headers=headers)
    row_of(first.ainfera["inference_id"])
    assert whole("[[mock tokens=5]]", extra_headers=headers) == first
    assert streamed("[[mock tokens=5]]", extra_headers=headers).id == first.id


def test_many_at_once_without_threads():
    async def note(response):
        calls.note(response)

    async def all_of_them():
        http_client = openai.DefaultAsyncHttpxClient(event_hooks={"response": [note]})
        asynchronous = openai.AsyncOpenAI(api_key=KEY, base_url=f"{URL}/v1", max_retries=0, timeout=10, http_client=http_client)

        async def one(number):
            async with asynchronous.responses.stream(**params(f"number {number}", {})) as stream:
                async for _ in stream:
                    pass
                return await stream.get_final_response()

        async with asynchronous:
            responses = await asyncio.gather(*(one(number) for number in range(8)))
        assert [response.output_text for response in responses] == [f"You said: “number {number}”." for number in range(8)]

    asyncio.run(all_of_them())


def test_a_wrong_key_is_refused():
    for key in ("nonsense", KEY[:-4] + "AAAA"):
        try:
            client(api_key=key).responses.create(**params("hi", {}))
        except openai.AuthenticationError as error:
            assert error.status_code == 401 and error.code == "invalid_api_key"
        else:
            raise AssertionError(f"{key} was let in")


def test_the_list_of_models():
    models = list(client().models.list())
    assert len(models) > 1 and models[0].id == MODEL, models
    assert all(model.object == "model" and model.owned_by for model in models), models
    assert client().models.retrieve(models[1].id) == models[1]


run(dict(globals()))
