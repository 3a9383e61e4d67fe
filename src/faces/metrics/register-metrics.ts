// GET /metrics. On the operator's socket for whoever may open it; on the port only where a token is set, and only with it.
import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { Fault } from '../../kernel/fault.ts';
import type { Plain } from '../../kernel/plain.ts';
import type { Metrics } from './metrics.ts';

type Scraped = Pick<Metrics, 'scrape'>;

/** Without a token there is nothing at that address, like anywhere else. */
export function registerMetrics(app: FastifyInstance, metrics: Scraped, token: Plain | null): void {
  if (token === null) return;
  const expected = Buffer.from(`Bearer ${token.revealText()}`, 'utf8');
  app.get('/metrics', async (request, reply) => {
    const given = Buffer.from(request.headers.authorization ?? '', 'utf8');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new Fault('not_authenticated', 'Metrics are for who has their token.', {
        cure: 'Send LATCHKEY_METRICS_TOKEN as "Authorization: Bearer <token>".',
      });
    }
    const { type, text } = await metrics.scrape();
    return reply.type(type).send(text);
  });
}

export function registerOpenMetrics(app: FastifyInstance, metrics: Scraped): void {
  app.get('/metrics', async (_request, reply) => {
    const { type, text } = await metrics.scrape();
    return reply.type(type).send(text);
  });
}
