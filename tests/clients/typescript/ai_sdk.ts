// The AI SDK through both of its providers that we can be: OpenAI-compatible against /v1/chat/completions, Anthropic against /v1/messages.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, type LanguageModel, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';

import { KEY, MODEL, countingFetch, reportCalls } from './client.js';

const baseURL = `${process.env.AINFERA_URL}/v1`;
const settings = { baseURL, apiKey: KEY, fetch: countingFetch };

const providers: [string, (model: string) => LanguageModel][] = [
  ['openai-compatible', createOpenAICompatible({ ...settings, name: 'ainfera', includeUsage: true })],
  ['anthropic', createAnthropic(settings)],
];

const asked: string[] = [];
const tools = {
  get_weather: tool({
    description: 'The weather in a city.',
    inputSchema: jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }),
    execute: async ({ city }) => {
      asked.push(city);
      return `${17 + asked.length} °C`;
    },
  }),
};

/** What a call through the SDK takes; `maxRetries` 0 so that a test sees what the gateway said first. */
function call(model: LanguageModel, prompt: string) {
  return { model, prompt, maxOutputTokens: 500, maxRetries: 0 };
}

/** Every part of a stream, and those that are errors. */
async function partsOf({ fullStream }: { fullStream: AsyncIterable<{ type: string; text?: string }> }) {
  let text = '';
  const errors: unknown[] = [];
  for await (const part of fullStream) {
    if (part.type === 'text-delta') text += part.text;
    if (part.type === 'error') errors.push(part);
  }
  return { text, errors };
}

after(reportCalls);

for (const [name, provider] of providers) {
  const model = provider(MODEL);

  test(`${name}: streamed and whole agree`, async () => {
    for (const prompt of ['hello', '[[mock tokens=30 fault=drip]]', '[[mock tokens=30 fault=split_utf8]]', '[[mock tokens=4 usage=cache]]']) {
      const one = await generateText(call(model, prompt));
      const other = streamText(call(model, prompt));
      const { text, errors } = await partsOf(other);
      assert.deepEqual(errors, []);
      assert.equal(text, one.text);
      assert.deepEqual([await other.finishReason, one.finishReason], ['stop', 'stop']);
      const counts = ({ inputTokens, outputTokens }: { inputTokens?: number; outputTokens?: number }) => [inputTokens, outputTokens];
      assert.deepEqual(counts(await other.usage), counts(one.usage));
      assert(one.usage.inputTokens! > 0 && one.usage.outputTokens! > 0);
    }
  });

  test(`${name}: the SDK's own tool loop`, async () => {
    for (const count of [1, 2]) {
      const looping = { ...call(model, `What is the weather? [[mock tools=${count}]]`), tools, stopWhen: stepCountIs(3) };
      for (const mode of ['whole', 'streamed']) {
        asked.length = 0;
        let text: string;
        if (mode === 'whole') {
          text = (await generateText(looping)).text;
        } else {
          const stream = streamText(looping);
          assert.deepEqual((await partsOf(stream)).errors, []);
          assert.equal((await stream.steps).length, 2);
          text = await stream.text;
        }
        assert.equal(asked.length, count);
        for (let degrees = 18; degrees < 18 + count; degrees++) assert(text.includes(`${degrees} °C`), text);
      }
    }
  });

  test(`${name}: an answer at its limit`, async () => {
    const limited = { ...call(model, '[[mock tokens=10]]'), maxOutputTokens: 4 };
    assert.equal((await generateText(limited)).finishReason, 'length');
    const stream = streamText(limited);
    await partsOf(stream);
    assert.equal(await stream.finishReason, 'length');
  });

  test(`${name}: a refusal is an error with its message`, async () => {
    for (const [slug, prompt, status, message] of [
      ['no-such-model', 'hi', 422, /catalogue/],
      [MODEL, '[[mock fault=refuse_status status=500]]', 503, /all routed models failed/],
    ] as const) {
      await assert.rejects(generateText(call(provider(slug), prompt)), (error) => {
        assert(APICallError.isInstance(error), String(error));
        assert.equal(error.statusCode, status);
        assert.match(error.message, message);
        return true;
      });
      const { text, errors } = await partsOf(streamText({ ...call(provider(slug), prompt), onError: () => {} }));
      assert.deepEqual([text, errors.length], ['', 1]);
    }
  });

  for (const fault of ['fin_at', 'rst_at', 'error_event_at']) {
    test(`${name}: ${fault} after content is an error part`, async () => {
      const { text, errors } = await partsOf(streamText({ ...call(model, `[[mock tokens=20 fault=${fault} at=6]]`), onError: () => {} }));
      assert.notEqual(text, '');
      assert.equal(errors.length, 1);
    });
  }
}
