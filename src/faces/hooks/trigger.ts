// Where the outside world starts a flow: /trigger/<word>. The address is the capability; what comes in is kept sealed and
// run by a worker, and the caller gets the execution's id at once, or its end when the flow is a synchronous one.
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { notFound } from '../../kernel/fault.ts';
import type { ExecutionId, TenantId } from '../../kernel/ids.ts';
import { selectExecution } from '../../runner/execution-store.ts';
import { invokeTrigger } from '../../runner/invoke.ts';
import type { Payload } from '../../runner/payload.ts';
import { parseTriggerWord } from '../../runner/trigger-address.ts';
import { toGlobalId } from '../graphql/global-id.ts';
import type { House } from '../house.ts';

const bodyLimitBytes = 6 * 1024 * 1024;
/** A synchronous caller waits this long; then it gets the id and asks later. */
const maxWaitMs = 25_000;
const pollMs = 100;

// Credentials of the caller are no business of a component.
const unseenHeaders = new Set(['authorization', 'api-key', 'cookie', 'proxy-authorization']);

type TriggerRequest = FastifyRequest<{ Params: { word: string; '*'?: string } }>;

export async function registerTriggers(app: FastifyInstance, house: House): Promise<void> {
  await app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: bodyLimitBytes },
      (_request, body, done) => done(null, body),
    );
    for (const url of ['/trigger/:word', '/trigger/:word/*']) {
      scope.route({
        method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
        url,
        bodyLimit: bodyLimitBytes,
        handler: (request, reply) => trigger(house, request as TriggerRequest, reply),
      });
    }
    done();
  });
}

async function trigger(house: House, request: TriggerRequest, reply: FastifyReply): Promise<FastifyReply> {
  const address = parseTriggerWord(request.params.word);
  if (address === null) throw notFound('Trigger');
  const { tenant, flowId } = address;
  const apiKey = request.headers['api-key'];
  const { executionId, isSynchronous } = await house.doors.withTenant(tenant, (tx) =>
    invokeTrigger({
      tx,
      vault: house.vault,
      tenant,
      flowId,
      payload: payloadOf(request),
      apiKey: typeof apiKey === 'string' ? apiKey : null,
    }),
  );
  // As the API names it: the vendor's command line follows an execution by this header.
  const globalId = toGlobalId('InstanceExecutionResult', executionId);
  void reply.header('prismatic-executionid', globalId);
  const wantsEnd = isSynchronous || request.headers['prismatic-synchronous'] === 'true';
  if (!wantsEnd) return reply.code(200).send({ executionId: globalId });
  return reply.code(200).send({ executionId: globalId, ...(await endOf(house, tenant, executionId)) });
}

function payloadOf(request: TriggerRequest): Payload {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && !unseenHeaders.has(name)) headers[name] = String(value);
  }
  const mark = request.url.indexOf('?');
  return {
    headers,
    query: Object.fromEntries(new URLSearchParams(mark === -1 ? '' : request.url.slice(mark + 1))),
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    contentType: request.headers['content-type'] ?? null,
    path: request.params['*'] ?? '',
  };
}

async function endOf(
  house: House,
  tenant: TenantId,
  executionId: ExecutionId,
): Promise<{ readonly status: string; readonly error: string | null }> {
  const untilMs = house.clock.monotonicMs() + maxWaitMs;
  for (;;) {
    const execution = await house.doors.withTenant(tenant, (tx) => selectExecution(tx, executionId));
    const status = execution?.status ?? 'cancelled';
    const isOver = status !== 'queued' && status !== 'running';
    if (isOver || house.clock.monotonicMs() >= untilMs) return { status, error: execution?.error ?? null };
    await sleep(pollMs);
  }
}
