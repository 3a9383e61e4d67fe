// The server that the world reaches, with every face on it.
import type { FastifyInstance } from 'fastify';
import type { AccountHouse } from '../faces/account/exchange.ts';
import { registerAccount } from '../faces/account/register-account.ts';
import { registerTriggers } from '../faces/hooks/trigger.ts';
import type { House } from '../faces/house.ts';
import { registerHealth } from '../faces/http/health.ts';
import { registerLazyFace } from '../faces/http/lazy-face.ts';
import { addConditions } from '../faces/http/readiness-conditions.ts';
import { createHttpServer, type HttpOptions } from '../faces/http/server.ts';
import { registerJsonApi } from '../faces/jsonapi/register.ts';
import { registerMetrics } from '../faces/metrics/register-metrics.ts';
import { registerOAuthPages } from '../faces/oauth/register.ts';
import { registerPages } from '../faces/pages/register-pages.ts';
import { registerWhy, type WhyRooms } from '../faces/why/register-why.ts';
import { type LoopLag, watchLoopLag } from '../kernel/loop-lag.ts';
import type { Ground } from './ground.ts';
import { listen } from './listen.ts';

export type Furnished = House & AccountHouse & WhyRooms;

export async function openServer(ground: Ground, house: Furnished): Promise<void> {
  const { config, log, closers } = ground;
  const options: HttpOptions = {
    log,
    trustedHops: config.trustedHops,
    tls: ground.tls,
    isHttps: ground.publicUrl.startsWith('https:'),
  };
  const app = createHttpServer(options);
  registerHealth(app, { loop: watchLoop(ground), readiness: addConditions(ground) });
  registerMetrics(app, ground.metrics, config.metricsToken);
  await registerFaces(app, house, options);
  await listen(app, config.host, ground.port);
  closers.add('server', () => app.close());
}

/** One line per face. */
async function registerFaces(app: FastifyInstance, house: Furnished, options: HttpOptions): Promise<void> {
  registerPages(app);
  registerWhy(app, house);
  await registerAccount(app, house);
  registerLazyFace(app, ['/api', '/api/results/:link'], async () => {
    const { registerGraphql } = await import('../faces/graphql/register-graphql.ts');
    const face = createHttpServer({ ...options, tls: null });
    await registerGraphql(face, house);
    return face;
  });
  await registerOAuthPages(app, house);
  await registerJsonApi(app, house);
  await registerTriggers(app, house);
}

function watchLoop({ clock, closers }: Ground): LoopLag {
  const loop = watchLoopLag({ clock });
  closers.add('loop watch', loop.stop);
  return loop;
}
