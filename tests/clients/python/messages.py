"""The Messages API as the official Python SDK sees it, streamed and in one piece. Runs under both majors of the SDK."""

import anthropic

from tap import KEY, URL, calls, run

MODEL = "ainfera-inference"
TOOL = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def client(**settings):
    """The SDK without its retries: what a test sees is what the gateway said first."""
    if "auth_token" not in settings:
        settings.setdefault("api_key", KEY)
    http_client = anthropic.DefaultHttpxClient(event_hooks={"response": [calls.note]})
    return anthropic.Anthropic(base_url=URL, max_retries=0, timeout=10, http_client=http_client, **settings)


def user(content):
    return {"role": "user", "content": content}


def whole(content, **more):
    return client().messages.create(**{"model": MODEL, "max_tokens": 500, "messages": [user(content)], **more})


def streamed(content, **more):
    with client().messages.stream(**{"model": MODEL, "max_tokens": 500, "messages": [user(content)], **more}) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text == text_of(message), (text, message)
    return message


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def tool_calls(message):
    return [block for block in message.content if block.type == "tool_use"]


def said(message):
    """All of an answer but its ids, which are new each time."""
    blocks = [block.model_dump(exclude={"id"}, exclude_none=True) for block in message.content]
    return message.stop_reason, message.stop_sequence, blocks, message.usage.model_dump(exclude_none=True)


def error_of(ask, content, **more):
    try:
        answer = ask(content, **more)
    except anthropic.APIError as error:
        return error
    raise AssertionError(f"no error, but {answer}")


def row_of(inference_id):
    """The row is there when the answer is over."""
    return client().get(f"/v1/inferences/{inference_id}", cast_to=object)


def round_trip(ask, directive, expected_calls):
    question = f"What is the weather? {directive}"
    first = ask(question, tools=[TOOL])
    assert first.stop_reason == "tool_use", first
    asked = tool_calls(first)
    assert [call.name for call in asked] == ["get_weather"] * expected_calls, first
    assert all(isinstance(call.input["city"], str) for call in asked), asked
    assert len({call.id for call in asked}) == expected_calls, asked
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"{18 + position} °C"}
        for position, call in enumerate(asked)
    ]
    history = [user(question), {"role": "assistant", "content": first.content}, user(results)]
    last = ask(None, tools=[TOOL], messages=history)
    assert last.stop_reason == "end_turn" and not tool_calls(last), last
    for result in results:
        assert result["content"] in text_of(last), last


def test_tool_round_trip():
    round_trip(whole, "", 1)


def test_tool_round_trip_streamed():
    round_trip(streamed, "", 1)


def test_parallel_tool_calls():
    round_trip(whole, "[[mock tools=2]]", 2)


def test_parallel_tool_calls_streamed():
    round_trip(streamed, "[[mock tools=2]]", 2)


def test_streamed_and_whole_agree():
    cases = [
        ("hello", {}, "end_turn"),
        ("[[mock tokens=30]]", {}, "end_turn"),
        ("[[mock tokens=30 fault=drip]]", {}, "end_turn"),
        ("[[mock tokens=30 fault=split_utf8]]", {}, "end_turn"),
        ("[[mock tokens=3 tools=2]]", {"tools": [TOOL]}, "tool_use"),
        ("[[mock text=none]]", {"tools": [TOOL]}, "tool_use"),
        ("[[mock tokens=10]]", {"max_tokens": 4}, "max_tokens"),
        ("[[mock tokens=3 usage=cache]]", {}, "end_turn"),
    ]
    for content, more, stop_reason in cases:
        one, other = whole(content, **more), streamed(content, **more)
        assert one.stop_reason == stop_reason, (content, one)
        assert one.usage.input_tokens > 0 and one.usage.output_tokens > 0, (content, one)
        assert said(one) == said(other), (content, said(one), said(other))


def test_stop_sequences():
    for ask in (whole, streamed):
        message = ask("[[mock tokens=8]]", stop_sequences=["light"])
        assert "light" not in text_of(message), message
        # a Chat Completions provider does not say that it was a stop sequence
        assert message.stop_reason in ("stop_sequence", "end_turn"), message


def test_a_pinned_model_answers_itself():
    model = client().messages.with_raw_response.create(model=MODEL, max_tokens=9, messages=[user("hi")]).headers["x-ainfera-model"]
    for ask in (whole, streamed):
        assert ask("hi", model=model).model == model


def test_an_unknown_model_is_unprocessable():
    for ask in (whole, streamed):
        error = error_of(ask, "hi", model="no-such-model")
        assert isinstance(error, anthropic.UnprocessableEntityError) and error.status_code == 422, error
        assert error.body["error"]["type"] == "invalid_request_error", error.body
        assert error.body["error"]["details"]["error_code"] == "model_unavailable", error.body


def test_a_floor_that_no_model_clears_is_unprocessable():
    for ask in (whole, streamed):
        error = error_of(ask, "hi", extra_body={"routing_hint": {"min_quality": "0.99"}})
        assert isinstance(error, anthropic.UnprocessableEntityError) and error.status_code == 422, error
        assert error.body["error"]["details"]["error_code"] == "no_candidate_clears_floor", error.body


def test_when_all_models_fail_it_is_a_503():
    for ask in (whole, streamed):
        error = error_of(ask, "[[mock fault=refuse_status status=500]]")
        assert isinstance(error, anthropic.InternalServerError) and error.status_code == 503, error
        assert error.body["error"]["details"]["error_code"] == "all_routed_models_failed", error.body
        assert int(error.response.headers["retry-after"]) <= 5, error.response.headers


def test_when_one_model_fails_another_answers():
    ask = client().messages.with_raw_response.create
    usual = ask(model=MODEL, max_tokens=9, messages=[user("hi")]).headers["x-ainfera-model"]
    for fault in ("reset_before_head", "empty_stream", "refuse_status status=529"):
        other = ask(model=MODEL, max_tokens=99, messages=[user(f"[[mock model={usual} fault={fault}]]")])
        assert other.headers["x-ainfera-model"] != usual, (fault, other.headers)
        assert other.parse().stop_reason == "end_turn", fault


def test_an_error_after_content_raises_in_a_stream():
    for fault in ("fin_at", "rst_at", "error_event_at"):
        heard, raised = [], None
        try:
            messages = [user(f"[[mock tokens=20 fault={fault} at=6]]")]
            with client().messages.stream(model=MODEL, max_tokens=99, messages=messages) as stream:
                inference_id = stream.response.headers["x-ainfera-inference-id"]
                heard.extend(stream.text_stream)
        except anthropic.APIStatusError as error:
            raised = error
        assert heard and raised is not None, (fault, heard, raised)
        assert raised.body["type"] == "error" and raised.request_id.startswith("req_"), raised.body
        row = row_of(inference_id)
        assert row["outcome_status"] == "failed_midstream", (fault, row)


def test_an_error_after_content_is_no_partial_success():
    error = error_of(whole, "[[mock tokens=20 fault=fin_at at=6]]")
    assert isinstance(error, anthropic.InternalServerError) and error.status_code == 502, error


def test_bad_requests_are_typed():
    for ask in (whole, streamed):
        error = error_of(ask, "hi", messages=[])
        assert isinstance(error, anthropic.BadRequestError), error
        # this one is the provider's opinion: the call was admitted, and leaves a row
        error = error_of(ask, "[[mock misspelt=1]]")
        calls.routed += 1
        assert isinstance(error, anthropic.BadRequestError), error


def test_every_answer_names_its_request():
    assert whole("hi")._request_id.startswith("req_")
    assert error_of(whole, "hi", model="no-such-model").request_id.startswith("req_")
    with client().messages.stream(model=MODEL, max_tokens=9, messages=[user("hi")]) as stream:
        assert stream.response.headers["request-id"].startswith("req_")
        stream.until_done()


def test_the_row_tells_what_the_answer_cost():
    answer = client().messages.with_raw_response.create(model=MODEL, max_tokens=99, messages=[user("hi")])
    row = row_of(answer.headers["x-ainfera-inference-id"])
    usage = answer.parse().usage
    assert row["outcome_status"] == "succeeded" and row["model_used"] == answer.headers["x-ainfera-model"], row
    assert row["usage"]["input_tokens"] == usage.input_tokens and row["usage"]["output_tokens"] == usage.output_tokens, row
    assert float(row["cost_usd"]) > 0, row


def test_both_headers_carry_the_key():
    ways = {
        "x-api-key": client(auth_token="not-the-key", default_headers={"x-api-key": KEY}),
        "authorization": client(auth_token=KEY),
        # the header that this major of the SDK takes for an api_key
        None: client(),
    }
    for header, sdk in ways.items():
        assert text_of(sdk.messages.create(model=MODEL, max_tokens=9, messages=[user("hi")]))
        assert header is None or KEY in calls.last_request.headers[header]


def test_a_wrong_key_is_refused():
    for key in ("nonsense", KEY[:-4] + "AAAA"):
        try:
            client(api_key=key).messages.create(model=MODEL, max_tokens=9, messages=[user("hi")])
        except anthropic.AuthenticationError as error:
            assert error.status_code == 401 and error.body["error"]["type"] == "authentication_error"
        else:
            raise AssertionError(f"{key} was let in")


def test_tokens_are_counted_before_a_call():
    few = client().messages.count_tokens(model=MODEL, messages=[user("hi")]).input_tokens
    many = client().messages.count_tokens(model=MODEL, messages=[user("hi " * 200)], tools=[TOOL]).input_tokens
    assert 0 < few < 50 and many > few + 100, (few, many)


def test_the_list_of_models():
    pages = client().models.list(limit=2)
    models = list(pages)
    assert pages.has_more and len(models) > 2 and models[0].id == MODEL, models
    assert all(model.type == "model" and model.display_name and model.created_at for model in models), models
    assert client().models.retrieve(models[1].id) == models[1]


run(dict(globals()))
