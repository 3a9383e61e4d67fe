// Health for supervisors. /livez looks at nothing outside: a database that is away must not restart every process. Neither
// says a version or what stands behind a reason: strangers read them too.
import type { FastifyInstance } from 'fastify';
import type { LoopLag } from '../../kernel/loop-lag.ts';
import type { Readiness } from '../../kernel/readiness.ts';

const maxLagMs = 5_000;

export function registerHealth(
  app: FastifyInstance,
  {
    loop,
    readiness,
  }: { readonly loop: Pick<LoopLag, 'lagMs'>; readonly readiness: Pick<Readiness, 'reason'> },
): void {
  app.get('/livez', async (_request, reply) => {
    const isAlive = loop.lagMs() < maxLagMs;
    reply.code(isAlive ? 200 : 503);
    return { status: isAlive ? 'ok' : 'stuck' };
  });
  app.get('/readyz', async (_request, reply) => {
    const reason = await readiness.reason();
    reply.code(reason === null ? 200 : 503);
    return reason === null ? { status: 'ready' } : { status: 'not ready', reason };
  });
}
