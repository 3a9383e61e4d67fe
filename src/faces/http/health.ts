// Health for supervisors. /livez looks at nothing outside: a database that is away must not restart every process.
import type { FastifyInstance } from 'fastify';

export type Readiness = { readonly isReady: boolean; readonly reason: string | null };

export function registerHealth(app: FastifyInstance, readiness: () => Promise<Readiness>): void {
  app.get('/livez', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const { isReady, reason } = await readiness();
    reply.code(isReady ? 200 : 503);
    return isReady ? { status: 'ready' } : { status: 'not ready', reason };
  });
}
