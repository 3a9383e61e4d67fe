// The composition root: opens what has state, in order, and closes it in the reverse order. The only file that knows
// all rooms.
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { createAccounts } from './accounts/accounts.ts';
import { createChainSealer } from './audit/chain-sealer.ts';
import { createReadAudit } from './audit/read-audit.ts';
import { createAuthorize } from './authorize/authorize.ts';
import { bundledComponents } from './compose/bundled-components.ts';
import { choosePort, listen, urlHost } from './compose/listen.ts';
import { forgetOldDays, tendKeys } from './compose/upkeep.ts';
import type { Config } from './config.ts';
import { createRevoker, revocationJob } from './credentials/revocation.ts';
import type { AccountHouse } from './faces/account/exchange.ts';
import { registerAccount } from './faces/account/register-account.ts';
import { registerTriggers } from './faces/hooks/trigger.ts';
import type { House } from './faces/house.ts';
import { createAuthenticate } from './faces/http/authenticate.ts';
import { registerHealth } from './faces/http/health.ts';
import { registerLazyFace } from './faces/http/lazy-face.ts';
import { addConditions } from './faces/http/readiness-conditions.ts';
import { createHttpServer, type HttpOptions } from './faces/http/server.ts';
import { createActorBySession } from './faces/http/session-actor.ts';
import { registerJsonApi } from './faces/jsonapi/register.ts';
import { createMetrics, type Metrics } from './faces/metrics/metrics.ts';
import { registerMetrics, registerOpenMetrics } from './faces/metrics/register-metrics.ts';
import { registerOAuthPages } from './faces/oauth/register.ts';
import { operatorSocket } from './faces/operator/operator-socket.ts';
import { registerOperator } from './faces/operator/register.ts';
import { registerPages } from './faces/pages/register-pages.ts';
import { registerWhy, type WhyRooms } from './faces/why/register-why.ts';
import { createHostPool, type HostPool } from './hosts/pool.ts';
import { registerBundledComponents } from './integrations/component-bundled.ts';
import { createComponentPackages } from './integrations/component-package.ts';
import { type Clock, systemClock, systemSleep } from './kernel/clock.ts';
import { type Closers, createClosers } from './kernel/closers.ts';
import { Fault } from './kernel/fault.ts';
import { platformTenantId } from './kernel/ids.ts';
import type { Log } from './kernel/log.ts';
import { type LoopLag, watchLoopLag } from './kernel/loop-lag.ts';
import { createReadiness, type Readiness } from './kernel/readiness.ts';
import { createMailer } from './mail/create-mailer.ts';
import { createDial, createEgress } from './oauth/egress.ts';
import {
  type ClusterIdentity,
  createClusterIdentity,
  identityInWords,
  identityWarning,
} from './refresh/cluster-identity.ts';
import { createHeartbeat, type Heartbeat } from './refresh/heartbeat.ts';
import { createUseNotes } from './refresh/note-use.ts';
import { createRefresh } from './refresh/refresh.ts';
import { createExpiryWarner } from './refresh/refresh-expiry.ts';
import type { RefreshGate } from './refresh/refresh-gate.ts';
import { takeOver } from './refresh/take-over.ts';
import { createRunner } from './runner/runner.ts';
import { type Database, openDatabase } from './storage/database.ts';
import { createDoors, type Doors } from './storage/doors.ts';
import type { JobHandler } from './storage/job-handler.ts';
import { migrate } from './storage/migrate.ts';
import { startWorker } from './storage/worker.ts';
import { type Authority, createAuthority } from './tenancy/authority.ts';
import { type UnlockedRoot, unlockRoot } from './vault/unlock-root.ts';
import { createVault } from './vault/vault.ts';

export type Running = {
  readonly url: string;
  readonly house: House;
  /** True when the root key was made just now. */
  readonly isNew: boolean;
  /** One-time link for the first owner; null once there is one. */
  readonly setupUrl: string | null;
  /** What keeps tokens from being refreshed, for whoever started us; null when nothing does. */
  readonly warning: string | null;
  /** Rejects when the database or the worker ended by itself. */
  readonly failed: Promise<never>;
  readonly close: () => Promise<void>;
};

type Ground = {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly closers: Closers;
  readonly database: Database;
  readonly doors: Doors;
  readonly vault: ReturnType<typeof createVault>;
  readonly root: UnlockedRoot;
  readonly authority: Authority;
  readonly processId: string;
  readonly build: string;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly identity: ClusterIdentity;
  readonly heartbeat: Heartbeat;
  readonly port: number;
  /** Base URL for browsers and providers, without a trailing slash. */
  readonly publicUrl: string;
};

export async function compose(config: Config, log: Log, build: string): Promise<Running> {
  const closers = createClosers({ log, clock: systemClock });
  try {
    const ground = await openGround(config, log, build, closers);
    return await openHouse(ground);
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

async function openGround(config: Config, log: Log, build: string, closers: Closers): Promise<Ground> {
  const clock = systemClock;
  const port = await choosePort(config.host, config.port);
  const database = await openDatabase({ url: config.databaseUrl, directory: config.dataDirectory, log });
  // The embedded one stops its server, and kills it when that takes too long.
  closers.add('database', database.close, 8_000);
  await migrate(database);
  const doors = createDoors(database, { random: Math.random });
  const root = await unlockRoot({ doors, folder: config.dataDirectory });
  const authority = createAuthority({ doors, clock, log });
  const vault = createVault({
    doors,
    rootKeys: root.rootKeys,
    installation: root.installation,
    clock,
    isFresh: authority.isTrusted,
  });
  const processId = randomUUID();
  const identity = createClusterIdentity({ log, location: locationOf(config, database) });
  const heartbeat = createHeartbeat({ doors, clock, processId, build, watch: identity.watch });
  authority.onFlush(vault.flush);
  await doors.withTenant(platformTenantId, (tx) => vault.createTenantKey(tx, platformTenantId));
  await authority.start();
  closers.add('authority', authority.stop);
  return {
    config,
    log,
    clock,
    closers,
    database,
    doors,
    vault,
    authority,
    root,
    processId,
    build,
    identity,
    heartbeat,
    readiness: createReadiness({ clock }),
    metrics: createMetrics({ doors, clock, log, isLocked: () => identity.refusal() !== null }),
    port,
    publicUrl:
      config.publicUrl ?? `${config.tls === null ? 'http' : 'https'}://${urlHost(config.host)}:${port}`,
  };
}

async function openHouse(ground: Ground): Promise<Running> {
  const { config, log, clock, closers, database, doors, vault, authority, publicUrl } = ground;
  const random = Math.random;
  const egress = createEgress({ allow: config.egressAllow, log });
  const mailer = createMailer({
    smtpUrl: config.smtpUrl,
    from: config.mailFrom,
    dataDirectory: config.dataDirectory,
    clock,
  });
  const readAudit = createReadAudit({ doors, log });
  closers.add('read audit', readAudit.drain);
  const useNotes = createUseNotes({ doors, log });
  useNotes.start();
  closers.add('use notes', useNotes.drain);
  const sealer = createChainSealer({ doors, log });
  sealer.start();
  closers.add('audit chain', sealer.drain);

  const authorize = createAuthorize({
    doors,
    vault,
    egress,
    clock,
    random,
    mailer,
    publicUrl,
    log,
    allowHeadless: false,
    pinnedProviders: [],
  });
  const { reader, gate, hurry } = await openRefresh(ground, egress, random);
  const isHttps = publicUrl.startsWith('https:');
  const accounts = await createAccounts({ database, doors, vault, authority, clock, log, isHttps });
  const actorBySession = createActorBySession({ accounts, publicUrl: () => publicUrl });
  const house: House = {
    publicUrl: () => publicUrl,
    clock,
    random,
    log,
    doors,
    vault,
    authority,
    reader,
    authorize,
    readAudit,
    useNotes,
    actorBySession,
    authenticate: createAuthenticate({ actorByApiToken: authority.actorByApiToken, actorBySession }),
  };
  const worker = await openWorker(ground, {
    [revocationJob]: createRevoker({ ...ground, egress, mayRevoke: ground.identity.isConfirmed }),
    ...authorize.jobHandlers,
  });
  const { worker: runs, isolation } = await openRunner(ground, house);
  await openServer(ground, { ...house, accounts, gate });
  await openOperator(ground, { isolation, gate });
  tendKeys(ground);
  forgetOldDays(ground);
  const setupToken = await accounts.ensureSetupLink();
  // The worker also ends when we stop it; by itself it ends only by rejecting.
  const failed = Promise.race([
    database.lost.then(databaseLost),
    ...[worker, runs].map((one) => one.ended.then(() => new Promise<never>(() => {}))),
  ]);
  failed.catch(() => {});
  return {
    url: publicUrl,
    house,
    isNew: ground.root.created,
    setupUrl: setupToken === null ? null : `${publicUrl}/setup?token=${setupToken}`,
    warning: identityWarning(ground.identity.state()),
    failed,
    close: () => {
      // First of all: steps and requests may take all of the time, and nothing may be sent whose answer we would not await.
      hurry();
      return closers.closeAll();
    },
  };
}

async function openRefresh(ground: Ground, egress: ReturnType<typeof createEgress>, random: () => number) {
  const { closers, doors, vault, clock, log, processId, heartbeat, identity } = ground;
  const { refresher, flight, reader, gate, commitGate, hurry } = createRefresh({
    doors,
    vault,
    egress,
    clock,
    sleep: systemSleep,
    random,
    log,
    processId,
    heartbeat,
    gates: [identity],
    journalFolder: join(ground.config.dataDirectory, 'answers'),
    isAlone: ground.database.engine === 'embedded',
    forcedWindowSeconds: ground.config.forcedRefreshWindowSeconds,
    meter: ground.metrics.meter,
  });
  await refresher.start();
  closers.add('refresher', refresher.drain, 3_000);
  ground.readiness.add('commits_failing', commitGate.mayArm);
  const warner = createExpiryWarner({ doors, log });
  warner.start();
  closers.add('warnings of refresh tokens', warner.stop);
  // A step that ran until the end may have asked for one just then.
  closers.add('readers’ refreshes', flight.drain, 5_000);
  return { gate, reader, hurry };
}

async function openWorker(ground: Ground, handlers: Readonly<Record<string, JobHandler>>) {
  const { config, log, database, closers } = ground;
  const worker = await startWorker(database, handlers, { concurrency: config.workerConcurrency, log });
  closers.add('worker', worker.stop);
  return worker;
}

/** Executions have a worker of their own: one holds its place for as long as it runs, and mail must not wait for it. */
async function openRunner(ground: Ground, { reader, useNotes }: House) {
  const { config, log, clock, closers, database, doors, vault, processId, publicUrl } = ground;
  const pool = createHostPool({
    log,
    dial: createDial({ allow: config.egressAllow, log }),
    maxProcesses: config.executionConcurrency,
  });
  closers.add('host processes', pool.close);
  const stored = await registerBundledComponents({ doors, pool, log, folder: bundledComponents() });
  if (stored > 0) log.info('stored bundled components', { count: stored });
  const runner = createRunner({
    doors,
    vault,
    reader,
    useNotes,
    pool,
    packages: createComponentPackages({ doors, folder: join(config.dataDirectory, 'components') }),
    clock,
    log,
    publicUrl,
    processId,
    customerLimit: config.customerConcurrency,
    stepTimeoutMs: config.stepTimeoutSeconds * 1000,
  });
  const worker = await startWorker(database, runner.handlers, {
    concurrency: config.executionConcurrency,
    log,
    isSecond: true,
    graceMs: executionGraceMs,
  });
  closers.add('executions', worker.stop);
  runner.start();
  closers.add('runner', runner.stop);
  return { worker, isolation: pool.isolation };
}

/** Less than what those who stop us wait before they kill. */
const executionGraceMs = 7_000;

async function openServer(ground: Ground, house: Furnished): Promise<void> {
  const { config, log, closers } = ground;
  const options: HttpOptions = {
    log,
    trustedHops: config.trustedHops,
    tls: config.tls,
    isHttps: ground.publicUrl.startsWith('https:'),
  };
  const app = createHttpServer(options);
  registerHealth(app, { loop: watchLoop(ground), readiness: addConditions(ground) });
  registerMetrics(app, ground.metrics, config.metricsToken);
  await registerFaces(app, house, options);
  await listen(app, config.host, ground.port);
  closers.add('server', () => app.close());
}

function watchLoop({ clock, closers }: Ground): LoopLag {
  const loop = watchLoopLag({ clock });
  closers.add('loop watch', loop.stop);
  return loop;
}

/** The embedded engine's folder cannot be named by hand: the setting would be copied along with it. */
function locationOf({ databaseLocation }: Config, { engine, location }: Database): string {
  return engine === 'embedded' || databaseLocation === null ? location : `named ${databaseLocation}`;
}

/** Only whoever may enter the data directory reaches it; a socket left by a killed process is replaced. */
async function openOperator(
  ground: Ground,
  { isolation, gate }: Pick<HostPool, 'isolation'> & { readonly gate: RefreshGate },
): Promise<void> {
  const { config, log, clock, doors, vault, root, closers, database, build, identity, heartbeat } = ground;
  const { folder, path } = operatorSocket(config.dataDirectory);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(path, { force: true });
  const app = createHttpServer({ log, trustedHops: 0, tls: null, isHttps: false });
  registerOperator(app, {
    doors,
    clock,
    gate,
    vault,
    rootKeys: root.rootKeys,
    installation: root.installation,
    dataDirectory: config.dataDirectory,
    takeOver: (actor) => takeOver({ doors, identity, heartbeat, actor }),
    describe: async () => {
      const { kind, reason } = await isolation();
      return {
        version: build,
        node: process.version,
        engine: database.engine,
        url: ground.publicUrl,
        identity: identityInWords(identity.state()),
        components: reason === null ? kind : `${kind}: ${reason}`,
      };
    },
  });
  registerOpenMetrics(app, ground.metrics);
  await app.listen({ path });
  await chmod(path, 0o600);
  closers.add('operator socket', () => app.close());
}

type Furnished = House & AccountHouse & WhyRooms;

/** One line per face. */
async function registerFaces(app: FastifyInstance, house: Furnished, options: HttpOptions): Promise<void> {
  registerPages(app);
  registerWhy(app, house);
  await registerAccount(app, house);
  registerLazyFace(app, ['/api', '/api/results/:link'], async () => {
    const { registerGraphql } = await import('./faces/graphql/register-graphql.ts');
    const face = createHttpServer({ ...options, tls: null });
    await registerGraphql(face, house);
    return face;
  });
  await registerOAuthPages(app, house);
  await registerJsonApi(app, house);
  await registerTriggers(app, house);
}

function databaseLost(): never {
  throw new Fault('unavailable', 'The database server ended.', { cure: 'Start Latchkey again.' });
}
