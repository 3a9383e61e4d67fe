// The composition root: opens what has state, in order, and closes it in the reverse order. The only file that knows
// all rooms.
import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { createChainSealer } from './audit/chain-sealer.ts';
import { createReadAudit } from './audit/read-audit.ts';
import type { Config } from './config.ts';
import { createRevoker, revocationJob } from './credentials/revocation.ts';
import type { House } from './faces/house.ts';
import { createAuthenticate } from './faces/http/authenticate.ts';
import { registerHealth } from './faces/http/health.ts';
import { createHttpServer } from './faces/http/server.ts';
import { systemClock } from './kernel/clock.ts';
import { Fault } from './kernel/fault.ts';
import { platformTenantId } from './kernel/ids.ts';
import { errorFields, type Log } from './kernel/log.ts';
import { createEgress } from './oauth/egress.ts';
import { createHeartbeat } from './refresh/heartbeat.ts';
import { createUseNotes } from './refresh/note-use.ts';
import { createTokenReader } from './refresh/read-token.ts';
import { createReadCredential } from './refresh/reading.ts';
import { createRefreshFlight } from './refresh/refresh-flight.ts';
import { createRefreshOne } from './refresh/refresh-one.ts';
import { createRefresher } from './refresh/refresher.ts';
import { openDatabase } from './storage/database.ts';
import { createDoors } from './storage/doors.ts';
import { migrate } from './storage/migrate.ts';
import { startWorker } from './storage/worker.ts';
import { createAuthority } from './tenancy/authority.ts';
import { unlockRoot } from './vault/unlock-root.ts';
import { createVault } from './vault/vault.ts';

export type Running = {
  readonly url: string;
  readonly house: House;
  /** True when the root key was made just now. */
  readonly isNew: boolean;
  /** One-time link for the first owner; null once there is one. */
  readonly setupUrl: string | null;
  /** Rejects when the database or the worker ended by itself. */
  readonly failed: Promise<never>;
  readonly close: () => Promise<void>;
};

type Closer = { readonly name: string; readonly close: () => unknown };

export async function compose(config: Config, log: Log, build: string): Promise<Running> {
  const closers: Closer[] = [];
  const onClose = (name: string, close: Closer['close']) => closers.unshift({ name, close });
  const closeAll = async () => {
    for (const closer of closers.splice(0)) {
      await Promise.resolve(closer.close()).catch((error: unknown) =>
        log.warn(`closing ${closer.name} failed`, errorFields(error)),
      );
    }
  };
  try {
    return await open(config, log, build, onClose, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function open(
  config: Config,
  log: Log,
  build: string,
  onClose: (name: string, close: Closer['close']) => void,
  closeAll: () => Promise<void>,
): Promise<Running> {
  const clock = systemClock;
  const random = Math.random;
  const processId = randomUUID();

  const database = await openDatabase({ url: config.databaseUrl, directory: config.dataDirectory, log });
  onClose('database', database.close);
  await migrate(database);
  const doors = createDoors(database, { random: Math.random });

  const root = await unlockRoot({ doors, folder: config.dataDirectory });
  const vault = createVault({ doors, rootKeys: root.rootKeys, installation: root.installation, clock });
  await doors.withTenant(platformTenantId, (tx) => vault.createTenantKey(tx, platformTenantId));
  const authority = createAuthority({ doors, clock, log });
  authority.onFlush(vault.flush);
  await authority.start();
  onClose('authority', authority.stop);

  const egress = createEgress({ allow: config.egressAllow, log });
  const refreshOne = createRefreshOne({ doors, vault, egress, clock, random, log });
  const readCredential = createReadCredential({ doors, vault });
  const fly = createRefreshFlight({ doors, clock, log, processId, refreshOne });
  const reader = createTokenReader({ clock, readCredential, fly });
  const heartbeat = createHeartbeat({ doors, clock, processId, build });
  const refresher = createRefresher({ doors, clock, log, processId, heartbeat, refreshOne });
  const readAudit = createReadAudit({ doors, log });
  onClose('read audit', readAudit.drain);
  const useNotes = createUseNotes({ doors, log });
  useNotes.start();
  onClose('use notes', useNotes.drain);
  const sealer = createChainSealer({ doors, log });
  sealer.start();
  onClose('audit chain', sealer.drain);

  await refresher.start();
  onClose('refresher', refresher.drain);
  const worker = await startWorker(
    database,
    { [revocationJob]: createRevoker({ doors, vault, egress, clock, log }) },
    { concurrency: config.workerConcurrency, log },
  );
  onClose('worker', worker.stop);

  let url = config.publicUrl ?? '';
  const house: House = {
    publicUrl: () => url,
    clock,
    log,
    doors,
    vault,
    authority,
    reader,
    readAudit,
    useNotes,
    authenticate: createAuthenticate({
      actorByApiToken: authority.actorByApiToken,
      actorBySession: async () => null,
    }),
  };
  const app = createHttpServer({
    log,
    trustedHops: config.trustedHops,
    tls: config.tls,
    isHttps: config.tls !== null || (config.publicUrl?.startsWith('https:') ?? false),
  });
  registerHealth(app, async () => {
    const isReady = await doors.locate(async () => true).catch(() => false);
    return { isReady, reason: isReady ? null : 'database' };
  });
  const listening = await listen(app, config);
  url = config.publicUrl ?? listening;
  onClose('server', () => app.close());

  const failed = Promise.race([
    database.lost.then(() => {
      throw new Fault('unavailable', 'The database server ended.', { cure: 'Start Latchkey again.' });
    }),
    worker.ended.then(() => new Promise<never>(() => {})),
  ]) as Promise<never>;
  failed.catch(() => {});
  return { url, house, isNew: root.created, setupUrl: null, failed, close: closeAll };
}

async function listen(app: FastifyInstance, config: Config): Promise<string> {
  try {
    const address = await app.listen({ host: config.host, port: config.port });
    return address.replace(/\/+$/, '');
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      (error.code === 'EADDRINUSE' || error.code === 'EACCES')
    ) {
      throw new Fault(
        'cannot_start',
        `Port ${config.port} on ${config.host} cannot be used (${error.code}).`,
        {
          cure: 'Stop the program that uses it, or set PORT to another one.',
          cause: error,
        },
      );
    }
    throw error;
  }
}
