// The load generator: keeps a number of connections busy, each with one request at a time for a random credential,
// and checks every answer. Takes orders from the benchmark, one after the other.
import { readFileSync } from 'node:fs';
import { benchToken } from './bench-token.ts';
import { converse } from './keep-alive-client.ts';
import type { LoadAnswer, LoadOrder, LoadResult, Target } from './wire.ts';

type Question = { readonly request: string; readonly expected: string };

const questionsByTarget = new Map<string, readonly Question[]>();
const latencies = new Float64Array(4_000_000);

process.on('message', async (order: LoadOrder) => {
  process.send?.(await answer(order));
});

async function answer(order: LoadOrder): Promise<LoadAnswer> {
  try {
    return { kind: 'done', result: await run(order) };
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : 'unknown error' };
  }
}

async function run(order: LoadOrder): Promise<LoadResult> {
  const questions = questionsOf(order.target);
  if (order.warmUpMs > 0) await keepBusy(order, questions, order.warmUpMs);
  return await keepBusy(order, questions, order.measureMs);
}

async function keepBusy(
  { target, connections }: LoadOrder,
  questions: readonly Question[],
  forMs: number,
): Promise<LoadResult> {
  let requests = 0;
  let bodyBytes = 0;
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const endAt = startedAt + forMs;
  const one = async (): Promise<void> => {
    let question: Question = { request: '', expected: '' };
    let sentAt = 0;
    await converse(target.port, {
      next: () => {
        question = questions[Math.floor(Math.random() * questions.length)] ?? question;
        sentAt = performance.now();
        return question.request;
      },
      answered: (status, body) => {
        const now = performance.now();
        if (status !== 200)
          throw new Error(`${target.name} answered ${status}: ${body.toString('utf8', 0, 300)}`);
        if (body.indexOf(question.expected, 0, 'latin1') === -1) {
          throw new Error(`${target.name} answered something else than the credential asked for`);
        }
        latencies[requests] = now - sentAt;
        requests += 1;
        bodyBytes += body.length;
        return now < endAt && requests < latencies.length;
      },
    });
  };
  await Promise.all(Array.from({ length: connections }, one));
  const seconds = (performance.now() - startedAt) / 1000;
  const used = process.cpuUsage(cpu);
  const sorted = latencies.subarray(0, requests).sort();
  return {
    requests,
    perSecond: requests / seconds,
    p50Ms: sorted[Math.floor(requests * 0.5)] ?? 0,
    p99Ms: sorted[Math.floor(requests * 0.99)] ?? 0,
    bodyBytes: bodyBytes / requests,
    loadCpu: (used.user + used.system) / 1e6 / seconds,
  };
}

function questionsOf(target: Target): readonly Question[] {
  const known = questionsByTarget.get(target.name);
  if (known !== undefined) return known;
  const head = [
    'Host: 127.0.0.1',
    ...(target.authorization === null ? [] : [`Authorization: ${target.authorization}`]),
  ];
  const request = (path: string) => `GET ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`;
  const questions =
    target.ids === null
      ? [{ request: request(target.path), expected: 'hello' }]
      : (JSON.parse(readFileSync(target.ids, 'utf8')) as string[]).map((id) => ({
          request: request(target.path + id),
          expected: benchToken(id),
        }));
  questionsByTarget.set(target.name, questions);
  return questions;
}
