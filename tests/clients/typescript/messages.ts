// The Messages API as the official TypeScript SDK sees it, streamed and in one piece.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { calls, client, KEY, MODEL, onceLeft, reportCalls } from './client.js';

type More = Partial<Anthropic.MessageCreateParamsNonStreaming> & Record<string, unknown>;
type Ask = (content: string, more?: More) => Promise<Anthropic.Message>;

const tool: Anthropic.Tool = {
  name: 'get_weather',
  description: 'The weather in a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

function params(content: string, more: More = {}) {
  return { model: MODEL, max_tokens: 500, messages: [{ role: 'user' as const, content }], ...more };
}

const whole: Ask = (content, more) => client().messages.create(params(content, more));

const streamed: Ask = async (content, more) => {
  const stream = client().messages.stream(params(content, more));
  let text = '';
  stream.on('text', (piece) => (text += piece));
  const message = await stream.finalMessage();
  assert.equal(text, textOf(message));
  return message;
};

const modes: [string, Ask][] = [['whole', whole], ['streamed', streamed]];

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}

function toolCalls(message: Anthropic.Message): Anthropic.ToolUseBlock[] {
  return message.content.filter((block) => block.type === 'tool_use');
}

/** All of an answer but its ids, which are new each time. */
function said(message: Anthropic.Message) {
  const blocks = message.content.map((block) => ({ ...block, id: null }));
  return JSON.parse(JSON.stringify({ stop: message.stop_reason, sequence: message.stop_sequence, blocks, usage: message.usage }));
}

async function errorOf(answer: PromiseLike<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> {
  try {
    await answer;
  } catch (error) {
    assert(error instanceof Anthropic.APIError, String(error));
    return error;
  }
  return assert.fail('no error');
}

/** The row is there when the answer is over. */
async function rowOf(inferenceId: string): Promise<Record<string, any>> {
  return client().get(`/v1/inferences/${inferenceId}`);
}

async function roundTrip(ask: Ask, directive: string, expectedCalls: number) {
  const question = `What is the weather? ${directive}`;
  const first = await ask(question, { tools: [tool] });
  assert.equal(first.stop_reason, 'tool_use');
  const asked = toolCalls(first);
  assert.deepEqual(asked.map((call) => call.name), Array(expectedCalls).fill('get_weather'));
  assert.equal(new Set(asked.map((call) => call.id)).size, expectedCalls);
  for (const call of asked) assert.equal(typeof (call.input as { city: string }).city, 'string');
  const results = asked.map((call, position) => ({
    type: 'tool_result' as const, tool_use_id: call.id, content: `${18 + position} °C`,
  }));
  const messages: Anthropic.MessageParam[] = [
    { role: 'user', content: question },
    { role: 'assistant', content: first.content },
    { role: 'user', content: results },
  ];
  const last = await ask('', { tools: [tool], messages });
  assert.equal(last.stop_reason, 'end_turn');
  assert.equal(toolCalls(last).length, 0);
  for (const result of results) assert(textOf(last).includes(result.content), textOf(last));
}

after(reportCalls);

for (const [mode, ask] of modes) {
  test(`tool round trip, ${mode}`, () => roundTrip(ask, '', 1));

  test(`parallel tool calls, ${mode}`, () => roundTrip(ask, '[[mock tools=2]]', 2));

  test(`an unknown model is unprocessable, ${mode}`, async () => {
    const error = await errorOf(ask('hi', { model: 'no-such-model' }));
    assert(error instanceof Anthropic.UnprocessableEntityError);
    assert.equal(error.status, 422);
    assert.equal(error.type, 'invalid_request_error');
    assert.equal(error.errorCode, 'model_unavailable');
  });

  test(`a floor that no model clears is unprocessable, ${mode}`, async () => {
    const error = await errorOf(ask('hi', { routing_hint: { min_quality: '0.99' } }));
    assert(error instanceof Anthropic.UnprocessableEntityError);
    assert.equal(error.errorCode, 'no_candidate_clears_floor');
  });

  test(`when all models fail it is a 503, ${mode}`, async () => {
    const error = await errorOf(ask('[[mock fault=refuse_status status=500]]'));
    assert(error instanceof Anthropic.InternalServerError);
    assert.equal(error.status, 503);
    assert.equal(error.errorCode, 'all_routed_models_failed');
    assert(Number(error.headers?.get('retry-after')) <= 5);
  });

  test(`bad requests are typed, ${mode}`, async () => {
    assert((await errorOf(ask('hi', { messages: [] }))) instanceof Anthropic.BadRequestError);
    // this one is the provider's opinion: the call was admitted, and leaves a row
    const error = await errorOf(ask('[[mock misspelt=1]]'));
    calls.routed++;
    assert(error instanceof Anthropic.BadRequestError);
  });
}

const agreeing: [string, More, string][] = [
  ['hello', {}, 'end_turn'],
  ['[[mock tokens=30]]', {}, 'end_turn'],
  ['[[mock tokens=30 fault=drip]]', {}, 'end_turn'],
  ['[[mock tokens=30 fault=split_utf8]]', {}, 'end_turn'],
  ['[[mock tokens=3 tools=2]]', { tools: [tool] }, 'tool_use'],
  ['[[mock text=none]]', { tools: [tool] }, 'tool_use'],
  ['[[mock tokens=10]]', { max_tokens: 4 }, 'max_tokens'],
  ['[[mock tokens=3 usage=cache]]', {}, 'end_turn'],
];
for (const [content, more, stopReason] of agreeing) {
  test(`streamed and whole agree on ${JSON.stringify(content)}`, async () => {
    const [one, other] = [await whole(content, more), await streamed(content, more)];
    assert.equal(one.stop_reason, stopReason);
    assert(one.usage.input_tokens > 0 && one.usage.output_tokens > 0);
    assert.deepEqual(said(one), said(other));
  });
}

for (const fault of ['fin_at', 'rst_at', 'error_event_at']) {
  test(`${fault} after content rejects the stream`, async () => {
    const stream = client().messages.stream(params(`[[mock tokens=20 fault=${fault} at=6]]`));
    let text = '';
    stream.on('text', (piece) => (text += piece));
    const error = await errorOf(stream.finalMessage());
    assert.notEqual(text, '');
    assert(error.type === 'api_error' || error.type === 'overloaded_error', String(error.type));
    const row = await rowOf(stream.response!.headers.get('x-ainfera-inference-id')!);
    assert.equal(row.outcome_status, 'failed_midstream');
  });
}

test('an error after content is no partial success', async () => {
  const error = await errorOf(whole('[[mock tokens=20 fault=fin_at at=6]]'));
  assert.equal(error.status, 502);
});

test('every answer names its request', async () => {
  const { request_id: id } = await client().messages.create(params('hi')).withResponse();
  assert.match(id!, /^req_/);
  assert.match((await errorOf(whole('hi', { model: 'no-such-model' }))).requestID!, /^req_/);
  const stream = client().messages.stream(params('hi'));
  await stream.finalMessage();
  assert.match(stream.request_id!, /^req_/);
});

test('the row tells what the answer cost', async () => {
  const { data: answer, response } = await client().messages.create(params('hi')).withResponse();
  const row = await rowOf(response.headers.get('x-ainfera-inference-id')!);
  assert.equal(row.outcome_status, 'succeeded');
  assert.equal(row.model_used, response.headers.get('x-ainfera-model'));
  assert.equal(row.usage.input_tokens, answer.usage.input_tokens);
  assert.equal(row.usage.output_tokens, answer.usage.output_tokens);
  assert(Number(row.cost_usd) > 0);
});

test('a client that leaves in the middle leaves a row', async () => {
  const stream = client().messages.stream(params('[[mock tokens=500 delay_ms=20]]'));
  await stream.emitted('text');
  stream.abort();
  await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  const row = await onceLeft(() => rowOf(stream.response!.headers.get('x-ainfera-inference-id')!));
  assert.equal(row.outcome_status, 'client_gone');
});

test('both headers carry the key', async () => {
  const hello = params('hi');
  await client({ authToken: 'not-the-key', defaultHeaders: { 'x-api-key': KEY } }).messages.create(hello);
  assert.equal(calls.lastRequest.get('x-api-key'), KEY);
  await client({ authToken: KEY }).messages.create(hello);
  assert.equal(calls.lastRequest.get('authorization'), `Bearer ${KEY}`);
});

test('a wrong key is refused', async () => {
  for (const apiKey of ['nonsense', `${KEY.slice(0, -4)}AAAA`]) {
    const error = await errorOf(client({ apiKey }).messages.create(params('hi')));
    assert(error instanceof Anthropic.AuthenticationError);
    assert.equal(error.type, 'authentication_error');
  }
});

test('tokens are counted before a call', async () => {
  const count = async (content: string) => (await client().messages.countTokens({ model: MODEL, messages: [{ role: 'user', content }] })).input_tokens;
  const [few, many] = [await count('hi'), await count('hi '.repeat(200))];
  assert(few > 0 && few < 50 && many > few + 100, `${few}, ${many}`);
});

test('the list of models', async () => {
  const models = [];
  for await (const model of client().models.list({ limit: 2 })) models.push(model);
  assert(models.length > 2);
  assert.deepEqual([models[0].id, models[0].type], [MODEL, 'model']);
  assert.deepEqual(await client().models.retrieve(models[1].id), models[1]);
});
