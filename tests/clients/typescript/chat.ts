// Chat Completions as OpenAI's official TypeScript SDK sees it, streamed and in one piece.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import OpenAI from 'openai';

import { countingFetch, KEY, MODEL, onceLeft, reportCalls } from './client.js';

type Completion = OpenAI.ChatCompletion & { ainfera?: Record<string, string> };
type More = Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> & Record<string, unknown>;
type Ask = (content: string, more?: More) => Promise<Completion>;

const tool: OpenAI.ChatCompletionFunctionTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

/** The SDK without its retries: what a test sees is what the gateway said first. */
function client(apiKey = KEY): OpenAI {
  return new OpenAI({ baseURL: `${process.env.AINFERA_URL}/v1`, apiKey, maxRetries: 0, timeout: 10_000, fetch: countingFetch });
}

function params(content: string, more: More = {}) {
  return { model: MODEL, max_completion_tokens: 500, messages: [{ role: 'user' as const, content }], ...more };
}

const whole: Ask = (content, more) => client().chat.completions.create(params(content, more));

const streamed: Ask = async (content, more) => {
  const stream = client().chat.completions.stream({ ...params(content, more), stream: true, stream_options: { include_usage: true } });
  let text = '';
  let ainfera: Record<string, string> | undefined;
  stream.on('content', (piece) => (text += piece));
  stream.on('chunk', (chunk) => (ainfera = (chunk as unknown as Completion).ainfera ?? ainfera));
  const completion: Completion = await stream.finalChatCompletion();
  assert.equal(text, completion.choices[0].message.content ?? '');
  return { ...completion, ainfera };
};

const modes: [string, Ask][] = [['whole', whole], ['streamed', streamed]];

function callsOf(completion: Completion): OpenAI.ChatCompletionMessageFunctionToolCall[] {
  return (completion.choices[0].message.tool_calls ?? []).filter((call) => call.type === 'function');
}

/** All of an answer but what is minted for each. */
function said(completion: Completion) {
  assert(completion.ainfera?.receipt_id && completion.ainfera.audit_verify_url);
  const { finish_reason, message } = completion.choices[0];
  const calls = callsOf(completion).map(({ function: { name, arguments: text } }) => [name, JSON.parse(text)]);
  return { finish_reason, content: message.content || null, calls, usage: completion.usage, model: completion.model };
}

async function errorOf(answer: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await answer;
  } catch (error) {
    assert(error instanceof OpenAI.APIError, String(error));
    return error;
  }
  return assert.fail('no error');
}

/** The row is there when the answer is over. */
async function rowOf(inferenceId: string): Promise<any> {
  return client().get(`/inferences/${inferenceId}`);
}

after(reportCalls);

for (const [mode, ask] of modes) {
  for (const count of [1, 2]) {
    test(`${mode}: a round trip with ${count} calls`, async () => {
      const question = `What is the weather? [[mock tools=${count}]]`;
      const first = await ask(question, { tools: [tool] });
      assert.equal(first.choices[0].finish_reason, 'tool_calls');
      const calls = callsOf(first);
      assert.equal(new Set(calls.map((call) => call.id)).size, count);
      const results = calls.map((call, position) => ({ role: 'tool' as const, tool_call_id: call.id, content: `${18 + position} °C` }));
      const last = await ask('', {
        tools: [tool],
        messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: question }, first.choices[0].message, ...results],
      });
      assert.equal(last.choices[0].finish_reason, 'stop');
      for (const { content } of results) assert(last.choices[0].message.content!.includes(content));
    });
  }

  test(`${mode}: what is refused is typed`, async () => {
    const unknown = await errorOf(ask('hi', { model: 'no-such-model' }));
    assert(unknown instanceof OpenAI.UnprocessableEntityError);
    assert.equal(unknown.code, 'model_unavailable');
    const bad = await errorOf(ask('hi', { messages: [] }));
    assert(bad instanceof OpenAI.BadRequestError);
    assert.deepEqual([bad.param, bad.type], ['messages', 'invalid_request_error']);
    assert.match(bad.requestID!, /^req_/);
    const floor = await errorOf(ask('hi', { routing_hint: { min_quality: '0.99' } }));
    assert.deepEqual([floor.status, floor.code], [422, 'no_candidate_clears_floor']);
    const failed = await errorOf(ask('[[mock fault=refuse_status status=500]]'));
    assert.deepEqual([failed.status, failed.code], [503, 'all_routed_models_failed']);
  });
}

const agreeing: [string, More, string][] = [
  ['hello', {}, 'stop'],
  ['[[mock tokens=30 fault=drip]]', {}, 'stop'],
  ['[[mock tokens=30 fault=split_utf8]]', {}, 'stop'],
  ['[[mock tokens=3 tools=2 interleave=true]]', { tools: [tool] }, 'tool_calls'],
  ['[[mock text=none]]', { tools: [tool] }, 'tool_calls'],
  ['[[mock tokens=10]]', { max_completion_tokens: 4 }, 'length'],
  ['[[mock tokens=3 usage=cache]]', {}, 'stop'],
  ['[[mock tokens=3 thinking=2]]', {}, 'stop'],
];
for (const [content, more, finishReason] of agreeing) {
  test(`streamed and whole agree on ${JSON.stringify(content)}`, async () => {
    const [one, other] = [await whole(content, more), await streamed(content, more)];
    assert.equal(one.choices[0].finish_reason, finishReason);
    assert(one.usage!.prompt_tokens > 0 && one.usage!.completion_tokens > 0);
    assert.deepEqual(said(one), said(other));
  });
}

test('usage comes to those who ask', async () => {
  for await (const chunk of await client().chat.completions.create({ ...params('hi'), stream: true })) assert.equal(chunk.usage, undefined);
});

for (const fault of ['fin_at', 'rst_at', 'error_event_at']) {
  test(`${fault} after content rejects the stream`, async () => {
    const { data: stream, response } = await client()
      .chat.completions.create({ ...params(`[[mock tokens=20 fault=${fault} at=6]]`), stream: true })
      .withResponse();
    let text = '';
    const error = await errorOf(
      (async () => {
        for await (const chunk of stream) text += chunk.choices[0].delta.content ?? '';
      })(),
    );
    assert.notEqual(text, '');
    assert.equal(error.type, 'server_error');
    assert.equal((await rowOf(response.headers.get('x-ainfera-inference-id')!)).outcome_status, 'failed_midstream');
  });
}

test('the row tells what the answer cost', async () => {
  const answer = await whole('hi');
  const row = await rowOf(answer.ainfera!.inference_id);
  assert.deepEqual([row.usage.input_tokens, row.usage.output_tokens], [answer.usage!.prompt_tokens, answer.usage!.completion_tokens]);
  assert(Number(row.cost_usd) > 0);
});

test('a client that leaves in the middle leaves a row', async () => {
  const { data: stream, response } = await client()
    .chat.completions.create({ ...params('[[mock tokens=500 delay_ms=20]]'), stream: true })
    .withResponse();
  for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
  const row = await onceLeft(() => rowOf(response.headers.get('x-ainfera-inference-id')!));
  assert.equal(row.outcome_status, 'client_gone');
});

test('a wrong key is refused', async () => {
  const error = await errorOf(client('nonsense').chat.completions.create(params('hi')));
  assert(error instanceof OpenAI.AuthenticationError);
  assert.equal(error.code, 'invalid_api_key');
});
