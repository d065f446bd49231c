// Responses as OpenAI's official TypeScript SDK sees it, streamed and in one piece, and the list of models.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import OpenAI from 'openai';
import type { Response as Answer, ResponseCreateParamsNonStreaming, ResponseInputItem, Tool } from 'openai/resources/responses/responses';

import { countingFetch, KEY, MODEL, onceLeft, reportCalls } from './client.js';

type Told = Answer & { ainfera?: Record<string, string> };
type More = Partial<ResponseCreateParamsNonStreaming> & Record<string, unknown>;
type Input = string | ResponseInputItem[];
type Ask = (input: Input, more?: More) => Promise<Told>;

const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const tool: Tool = { type: 'function', name: 'get_weather', description: 'The weather in a city.', parameters: schema, strict: false };

/** The SDK without its retries: what a test sees is what the gateway said first. */
function client(apiKey = KEY): OpenAI {
  return new OpenAI({ baseURL: `${process.env.AINFERA_URL}/v1`, apiKey, maxRetries: 0, timeout: 10_000, fetch: countingFetch });
}

function params(input: Input, more: More = {}) {
  return { model: MODEL, max_output_tokens: 500, input, store: false, ...more };
}

const whole: Ask = (input, more) => client().responses.create(params(input, more));

/** With the SDK's own accumulation, which must come to what the last event says. */
const streamed: Ask = async (input, more) => {
  const stream = client().responses.stream(params(input, more) as Parameters<OpenAI['responses']['stream']>[0]);
  let text = '';
  let next = 0;
  stream.on('event', (event) => assert.equal(event.sequence_number, next++));
  stream.on('response.output_text.delta', (event) => (text += event.delta));
  const response = await stream.finalResponse();
  assert.equal(text, response.output_text);
  return response;
};

const modes: [string, Ask][] = [['whole', whole], ['streamed', streamed]];

function callsOf(response: Answer) {
  return response.output.filter((item) => item.type === 'function_call');
}

/** All of an answer but what is minted for each. */
function said(response: Told) {
  assert(response.ainfera?.receipt_id && response.ainfera.inference_id);
  const items = response.output.map((item) => {
    if (item.type === 'message') return item.content.map((part) => (part.type === 'output_text' ? part.text : part.refusal));
    if (item.type === 'function_call') return [item.name, JSON.parse(item.arguments)];
    return item.type === 'reasoning' ? item.summary : item;
  });
  return { status: response.status, incomplete: response.incomplete_details, items, usage: response.usage, model: response.model };
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
    test(`${mode}: a round trip with reasoning and ${count} calls`, async () => {
      const question: ResponseInputItem = { role: 'user', content: `What is the weather? [[mock thinking=2 tools=${count}]]` };
      const first = await ask([question], { tools: [tool] });
      const calls = callsOf(first);
      assert.equal(first.status, 'completed');
      assert.equal(new Set(calls.map((call) => call.call_id)).size, count);
      const results = calls.map((call, position) => ({ type: 'function_call_output' as const, call_id: call.call_id, output: `${18 + position} °C` }));
      const history = [question, ...(first.output as ResponseInputItem[]), ...results];
      const last = await ask(history, { tools: [tool], instructions: 'Be brief.' });
      assert.equal(callsOf(last).length, 0);
      for (const { output } of results) assert(last.output_text.includes(output));
    });
  }

  test(`${mode}: an answer by schema`, async () => {
    const response = await ask('hi', { text: { format: { type: 'json_schema', name: 'place', strict: true, schema } }, max_output_tokens: 500 });
    assert.equal(response.status, 'completed');
  });

  test(`${mode}: what is refused is typed`, async () => {
    const unknown = await errorOf(ask('hi', { model: 'no-such-model' }));
    assert(unknown instanceof OpenAI.UnprocessableEntityError);
    assert.equal(unknown.code, 'model_unavailable');
    const bad = await errorOf(ask([]));
    assert(bad instanceof OpenAI.BadRequestError);
    assert.deepEqual([bad.param, bad.type], ['input', 'invalid_request_error']);
    assert.match(bad.requestID!, /^req_/);
    const kept = await errorOf(ask('hi', { previous_response_id: 'resp_1' }));
    assert.deepEqual([kept.status, kept.param], [400, 'previous_response_id']);
    const floor = await errorOf(ask('hi', { routing_hint: { min_quality: '0.99' } }));
    assert.deepEqual([floor.status, floor.code], [422, 'no_candidate_clears_floor']);
    const failed = await errorOf(ask('[[mock fault=refuse_status status=500]]'));
    assert.deepEqual([failed.status, failed.code], [503, 'all_routed_models_failed']);
  });
}

const agreeing: [string, More, string][] = [
  ['hello', {}, 'completed'],
  ['[[mock tokens=30 fault=drip]]', {}, 'completed'],
  ['[[mock tokens=30 fault=split_utf8]]', {}, 'completed'],
  ['[[mock tokens=3 tools=2 interleave=true]]', { tools: [tool] }, 'completed'],
  ['[[mock text=none]]', { tools: [tool] }, 'completed'],
  ['[[mock tokens=40]]', { max_output_tokens: 16 }, 'incomplete'],
  ['[[mock tokens=3 usage=cache]]', {}, 'completed'],
  ['[[mock tokens=3 thinking=2]]', {}, 'completed'],
];
for (const [content, more, status] of agreeing) {
  test(`streamed and whole agree on ${JSON.stringify(content)}`, async () => {
    const [one, other] = [await whole(content, more), await streamed(content, more)];
    assert.equal(one.status, status);
    assert(one.usage!.input_tokens > 0 && one.usage!.output_tokens > 0);
    assert.deepEqual(said(one), said(other));
  });
}

for (const fault of ['fin_at', 'rst_at', 'error_event_at']) {
  test(`${fault} after content rejects the stream`, async () => {
    const { data: stream, response } = await client()
      .responses.create({ ...params(`[[mock tokens=20 fault=${fault} at=6]]`), stream: true })
      .withResponse();
    let text = '';
    const error = await errorOf(
      (async () => {
        for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
      })(),
    );
    assert.notEqual(text, '');
    assert.equal(error.type, 'server_error');
    assert.equal((await rowOf(response.headers.get('x-ainfera-inference-id')!)).outcome_status, 'failed_midstream');
  });
}

test('a pinned model that is overloaded is a 529', async () => {
  const { response } = await client().responses.create(params('hi')).withResponse();
  const error = await errorOf(whole('[[mock fault=refuse_status status=529]]', { model: response.headers.get('x-ainfera-model')! }));
  assert.deepEqual([error.status, error.code], [529, 'pinned_upstream_failed']);
});

test('the row tells what the answer cost', async () => {
  const answer = await whole('hi');
  const row = await rowOf(answer.ainfera!.inference_id);
  assert.deepEqual([row.usage.input_tokens, row.usage.output_tokens], [answer.usage!.input_tokens, answer.usage!.output_tokens]);
  assert(Number(row.cost_usd) > 0);
});

test('nothing is kept', async () => {
  const answer = await whole('hi');
  assert.equal((await errorOf(client().responses.retrieve(answer.id))).status, 404);
});

test('a client that leaves in the middle leaves a row', async () => {
  const { data: stream, response } = await client()
    .responses.create({ ...params('[[mock tokens=500 delay_ms=20]]'), stream: true })
    .withResponse();
  for await (const event of stream) if (event.type === 'response.output_text.delta') break;
  const row = await onceLeft(() => rowOf(response.headers.get('x-ainfera-inference-id')!));
  assert.equal(row.outcome_status, 'client_gone');
});

test('a wrong key is refused', async () => {
  const error = await errorOf(client('nonsense').responses.create(params('hi')));
  assert(error instanceof OpenAI.AuthenticationError);
  assert.equal(error.code, 'invalid_api_key');
});

test('the list of models', async () => {
  const models = [];
  for await (const model of client().models.list()) models.push(model);
  assert(models.length > 1);
  assert.deepEqual([models[0].id, models[0].object], [MODEL, 'model']);
  assert.deepEqual(await client().models.retrieve(models[1].id), models[1]);
});
