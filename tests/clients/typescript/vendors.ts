// With one vendor's key alone: tool loops of the official TypeScript SDKs on each of its built-in models, by Messages, Chat Completions and Responses,
// pinned, streamed and whole.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

import { client as anthropic, countingFetch, KEY, reportCalls } from './client.js';

const schema = { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const question = 'What is the weather in Oslo?';
const directives = ['[[mock tools=1]]', '[[mock tools=2 thinking=2]]'];

const openai = new OpenAI({ baseURL: `${process.env.AINFERA_URL}/v1`, apiKey: KEY, maxRetries: 0, timeout: 20_000, fetch: countingFetch });

const listed = await fetch(`${process.env.AINFERA_URL}/v1/models?format=ainfera`, { headers: { 'x-api-key': KEY } });
const models = ((await listed.json()) as { slug: string; type: string; capabilities: string[] }[])
  .filter((model) => model.type === 'model' && model.capabilities.includes('tools'))
  .map((model) => model.slug);
assert(models.length > 0, 'the vendor has no built-in models');

type Mode = 'whole' | 'streamed';

async function messages(mode: Mode, asked: Anthropic.MessageCreateParamsNonStreaming): Promise<Anthropic.Message> {
  return mode === 'whole' ? anthropic().messages.create(asked) : anthropic().messages.stream(asked).finalMessage();
}

async function messagesLoop(model: string, mode: Mode, directive: string, manner: Partial<Anthropic.MessageCreateParamsNonStreaming>) {
  const asked = { model, max_tokens: 9000, tools: [{ name: 'get_weather', input_schema: schema }] };
  const turns: Anthropic.MessageParam[] = [{ role: 'user', content: `${question} ${directive}` }];
  const first = await messages(mode, { ...asked, messages: turns, ...manner });
  assert.equal(first.stop_reason, 'tool_use', `${model} ${JSON.stringify(manner)}`);
  const used = first.content.filter((block) => block.type === 'tool_use');
  const results = used.map((block) => ({ type: 'tool_result' as const, tool_use_id: block.id, content: '18 °C' }));
  turns.push({ role: 'assistant', content: first.content }, { role: 'user', content: results });
  const last = await messages(mode, { ...asked, messages: turns, ...manner, tool_choice: undefined });
  assert.equal(last.stop_reason, 'end_turn', `${model} ${JSON.stringify(manner)}`);
}

async function chat(mode: Mode, asked: OpenAI.ChatCompletionCreateParamsNonStreaming): Promise<OpenAI.ChatCompletion> {
  return mode === 'whole'
    ? openai.chat.completions.create(asked)
    : openai.chat.completions.stream({ ...asked, stream: true }).finalChatCompletion();
}

async function chatLoop(model: string, mode: Mode, directive: string, manner: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>) {
  const tools: OpenAI.ChatCompletionTool[] = [{ type: 'function', function: { name: 'get_weather', parameters: schema, strict: true } }];
  const turns: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: `${question} ${directive}` }];
  const first = (await chat(mode, { model, tools, messages: turns, ...manner })).choices[0];
  assert.equal(first.finish_reason, 'tool_calls', `${model} ${JSON.stringify(manner)}`);
  const used = (first.message.tool_calls ?? []).filter((call) => call.type === 'function');
  const kept = used.map(({ id, function: { name, arguments: text } }) => ({ id, type: 'function' as const, function: { name, arguments: text } }));
  turns.push({ role: 'assistant', content: first.message.content, tool_calls: kept });
  turns.push(...used.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: '18 °C' })));
  const last = (await chat(mode, { model, tools, messages: turns, ...manner, tool_choice: undefined })).choices[0];
  assert.equal(last.finish_reason, 'stop', `${model} ${JSON.stringify(manner)}`);
}

type ResponseParams = OpenAI.Responses.ResponseCreateParamsNonStreaming;

async function responses(mode: Mode, asked: ResponseParams): Promise<OpenAI.Responses.Response> {
  if (mode === 'whole') return openai.responses.create(asked);
  return openai.responses.stream(asked as Parameters<OpenAI['responses']['stream']>[0]).finalResponse();
}

async function responsesLoop(model: string, mode: Mode, directive: string, manner: Partial<ResponseParams>) {
  const tools: OpenAI.Responses.Tool[] = [{ type: 'function', name: 'get_weather', parameters: schema, strict: true }];
  const asked = { model, tools, store: false, include: ['reasoning.encrypted_content' as const] };
  const items: OpenAI.Responses.ResponseInputItem[] = [{ role: 'user', content: `${question} ${directive}` }];
  const first = await responses(mode, { ...asked, input: items, ...manner });
  const used = first.output.filter((item) => item.type === 'function_call');
  assert(used.length > 0, `${model} ${JSON.stringify(manner)}`);
  // what the SDK parsed of a call is no member of the API
  items.push(...(JSON.parse(JSON.stringify(first.output, (name, value) => (name === 'parsed_arguments' ? undefined : value))) as typeof items));
  items.push(...used.map(({ call_id }) => ({ type: 'function_call_output' as const, call_id, output: '18 °C' })));
  const last = await responses(mode, { ...asked, input: items, ...manner, tool_choice: undefined });
  assert.equal(last.status, 'completed', `${model} ${JSON.stringify(manner)}`);
}

const forced = { temperature: 0.2, top_p: 0.9, tool_choice: 'required' as const };

for (const model of models) {
  for (const mode of ['whole', 'streamed'] as const) {
    test(`${model}: tool loops, ${mode}`, async () => {
      for (const directive of directives) {
        await messagesLoop(model, mode, directive, {});
        await messagesLoop(model, mode, directive, { tool_choice: { type: 'any' } });
        await messagesLoop(model, mode, directive, { thinking: { type: 'adaptive' }, output_config: { effort: 'max' } });
        await chatLoop(model, mode, directive, forced);
        await chatLoop(model, mode, directive, { max_completion_tokens: 900, stop: ['END'] });
        await responsesLoop(model, mode, directive, forced);
        for (const effort of ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const) {
          await chatLoop(model, mode, directive, { reasoning_effort: effort });
          await responsesLoop(model, mode, directive, { reasoning: { effort } });
        }
      }
    });
  }
}

after(reportCalls);
