// The SDK without its retries: what a test sees is what the gateway said first. Every routed call is counted, because it owes one row,
// which run.sh compares with the database.

import { writeFileSync } from 'node:fs';

import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';

export const KEY = process.env.AINFERA_KEY!;
export const MODEL = 'ainfera-inference';

export const calls = { routed: 0, lastRequest: new Headers() };

// refused before the call is admitted or rejected: such a call leaves no row
const NOT_ADMITTED = [400, 401];

export async function countingFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  calls.lastRequest = new Headers(init?.headers);
  const body = typeof init?.body === 'string' ? JSON.parse(init.body) : {};
  // counting is no call
  if (body.model === MODEL && !String(input).includes('/count_tokens') && !NOT_ADMITTED.includes(response.status)) calls.routed++;
  return response;
}

export function client(options: ClientOptions = { apiKey: KEY }): Anthropic {
  return new Anthropic({ baseURL: process.env.AINFERA_URL, maxRetries: 0, timeout: 10_000, fetch: countingFetch, ...options });
}

// The row of a call whose client has left: the gateway sees that when it next looks at the socket, and nobody can wait for that but by asking again.
export async function onceLeft<Row>(rowOf: () => Promise<Row>): Promise<Row> {
  for (const deadline = Date.now() + 10_000; ; ) {
    try {
      return await rowOf();
    } catch (error) {
      if ((error as { status?: number }).status !== 404 || Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function reportCalls(): void {
  writeFileSync(process.env.AINFERA_CALLS_FILE!, String(calls.routed));
}
