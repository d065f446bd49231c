// A tool call and its answer through ainfera, with Anthropic's own SDK: first streamed, then in one piece.
//
//     cd examples && npm ci
//     AINFERA_KEY=ainf_… npx tsx tool_round_trip.ts

import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({
  baseURL: process.env.AINFERA_URL ?? 'http://127.0.0.1:8080',
  apiKey: process.env.AINFERA_KEY,
});

const question: Anthropic.MessageParam = { role: 'user', content: 'What is the weather in Paris?' };
const tools: Anthropic.Tool[] = [
  {
    name: 'get_weather',
    description: 'The current weather in a city.',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
];

function getWeather({ city }: { city: string }): string {
  return `18 °C and sunny in ${city}`;
}

type Turn = { message: Anthropic.Message; inferenceId: string | null };

/** One turn, printed as it comes. */
async function askStreamed(messages: Anthropic.MessageParam[]): Promise<Turn> {
  const stream = client.messages.stream({ model: 'ainfera-inference', max_tokens: 1024, messages, tools });
  stream.on('text', (text) => process.stdout.write(text));
  const message = await stream.finalMessage();
  process.stdout.write('\n');
  return { message, inferenceId: stream.response?.headers.get('x-ainfera-inference-id') ?? null };
}

/** One turn in one piece. */
async function ask(messages: Anthropic.MessageParam[]): Promise<Turn> {
  const call = client.messages.create({ model: 'ainfera-inference', max_tokens: 1024, messages, tools });
  const { data: message, response } = await call.withResponse();
  console.log(message.content.map((block) => (block.type === 'text' ? block.text : '')).join(''));
  return { message, inferenceId: response.headers.get('x-ainfera-inference-id') };
}

/** Every result, in one user message: a model may call several tools at once. */
function runTools(message: Anthropic.Message): Anthropic.MessageParam {
  const calls = message.content.filter((block) => block.type === 'tool_use');
  const content = calls.map((call): Anthropic.ToolResultBlockParam => {
    const result = getWeather(call.input as { city: string });
    console.log(`→ ${call.name}(${JSON.stringify(call.input)}) = ${result}`);
    return { type: 'tool_result', tool_use_id: call.id, content: result };
  });
  return { role: 'user', content };
}

type Row = { outcome_status: string; model_used: string; cost_usd: string };

/** What the gateway keeps of a call. It is there when the answer is over. */
async function rowOf(inferenceId: string | null): Promise<Row> {
  return client.get(`/v1/inferences/${inferenceId}`);
}

async function converse(turn: (messages: Anthropic.MessageParam[]) => Promise<Turn>) {
  const messages = [question];
  let { message, inferenceId } = await turn(messages);
  while (message.stop_reason === 'tool_use') {
    messages.push({ role: 'assistant', content: message.content }, runTools(message));
    ({ message, inferenceId } = await turn(messages));
  }
  const row = await rowOf(inferenceId);
  console.log(`x-ainfera-inference-id ${inferenceId}: ${row.outcome_status}, ${row.model_used}, $${row.cost_usd}\n`);
}

await converse(askStreamed);
await converse(ask);
