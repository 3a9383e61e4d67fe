// One run: the webhook is called, the execution is watched to its end through the API.
import { decode } from '@msgpack/msgpack';
import type { Ask } from './graphql-client.ts';
import { hold, waitFor } from './step-failure.ts';

export type Run = {
  readonly executionId: string;
  /** Null when it succeeded. */
  readonly error: string | null;
  readonly steps: readonly { readonly name: string; readonly resultsUrl: string }[];
  readonly logs: readonly { readonly severity: string; readonly message: string }[];
  readonly durationMs: number;
};

type Result = {
  readonly id: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly error: string | null;
  readonly stepResults: { readonly nodes: readonly { displayStepName: string; resultsUrl: string }[] };
  readonly logs: { readonly nodes: readonly { readonly severity: string; readonly message: string }[] };
};

const endsWithinSeconds = 20;

/** `album` becomes the folder in which the run writes. */
export async function runOnce(options: {
  readonly ask: Ask;
  readonly webhookUrl: string;
  readonly instanceId: string;
  readonly album: string;
}): Promise<Run> {
  const { ask, webhookUrl, instanceId, album } = options;
  const begin = performance.now();
  const response = await fetch(webhookUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ album }),
  });
  const text = await response.text();
  hold(response.ok, `the webhook is taken (${response.status} ${text.slice(0, 200)})`);
  const { executionId } = JSON.parse(text) as { executionId?: string };
  hold(typeof executionId === 'string', 'the webhook answers with the id of the execution');
  const result = await waitFor(`the end of ${album}`, endsWithinSeconds, async () => {
    const found = await readResult(ask, instanceId, executionId);
    return found?.endedAt == null ? null : found;
  });
  return {
    executionId,
    error: result.error,
    steps: result.stepResults.nodes.map((node) => ({
      name: node.displayStepName,
      resultsUrl: node.resultsUrl,
    })),
    logs: result.logs.nodes,
    durationMs: Math.round(performance.now() - begin),
  };
}

async function readResult(ask: Ask, instance: string, executionId: string): Promise<Result | null> {
  const answer = await ask<{ executionResults: { nodes: readonly Result[] } }>(
    `query($instance: ID!) { executionResults(instance: $instance, first: 10) { nodes {
       id startedAt endedAt error
       stepResults(orderBy: {field: STARTED_AT, direction: ASC}) { nodes { displayStepName resultsUrl } }
       logs(orderBy: {field: TIMESTAMP, direction: ASC}) { nodes { severity message } } } } }`,
    { instance },
  );
  return answer.executionResults.nodes.find((node) => node.id === executionId) ?? null;
}

/** What a step gave: MessagePack of `{data, contentType}` behind an address that is good for minutes. */
export async function readStepResult(done: Run, name: string): Promise<unknown> {
  const url = done.steps.find((step) => step.name === name)?.resultsUrl ?? '';
  hold(url !== '', `the step ${name} has a result`);
  const response = await fetch(url);
  hold(response.ok, `the result of ${name} can be fetched (${response.status})`);
  const result = decode(await response.arrayBuffer());
  return typeof result === 'object' && result !== null && 'data' in result ? result.data : null;
}
