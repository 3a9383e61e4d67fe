// The composition root: opens what has state, in order, and closes it in the reverse order. Only this file and its
// folder know all rooms.
import { join } from 'node:path';
import { createAccounts } from './accounts/accounts.ts';
import { createChainSealer } from './audit/chain-sealer.ts';
import { createReadAudit } from './audit/read-audit.ts';
import { createAuthorize } from './authorize/authorize.ts';
import { bundledComponents } from './compose/bundled-components.ts';
import { type Ground, openGround } from './compose/ground.ts';
import { openOperator } from './compose/operator.ts';
import { openServer } from './compose/server.ts';
import { startUpkeep } from './compose/upkeep.ts';
import type { Config } from './config.ts';
import { createRevoker, revocationJob } from './credentials/revocation.ts';
import type { House } from './faces/house.ts';
import { createAuthenticate } from './faces/http/authenticate.ts';
import { createActorBySession } from './faces/http/session-actor.ts';
import { createHostPool } from './hosts/pool.ts';
import { registerBundledComponents } from './integrations/component-bundled.ts';
import { createComponentPackages } from './integrations/component-package.ts';
import { systemClock, systemSleep } from './kernel/clock.ts';
import { createClosers } from './kernel/closers.ts';
import { Fault } from './kernel/fault.ts';
import type { Log } from './kernel/log.ts';
import { createMailer } from './mail/create-mailer.ts';
import type { Mailer } from './mail/mailer.ts';
import { createDial, createEgress } from './oauth/egress.ts';
import { identityWarning } from './refresh/cluster-identity.ts';
import { createUseNotes } from './refresh/note-use.ts';
import { createRefresh } from './refresh/refresh.ts';
import { createExpiryWarner } from './refresh/refresh-expiry.ts';
import { createRunner } from './runner/runner.ts';
import type { JobHandler } from './storage/job-handler.ts';
import { startWorker } from './storage/worker.ts';

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

export async function compose(config: Config, log: Log, build: string): Promise<Running> {
  const closers = createClosers({ log, clock: systemClock });
  try {
    // First, for its settings can be wrong, and nothing is opened yet.
    const mailer = createMailer({
      smtpUrl: config.smtpUrl,
      from: config.mailFrom,
      dataDirectory: config.dataDirectory,
      clock: systemClock,
    });
    const ground = await openGround(config, log, build, closers);
    return await openHouse(ground, mailer);
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

async function openHouse(ground: Ground, mailer: Mailer): Promise<Running> {
  const { config, log, clock, closers, database, doors, vault, authority, publicUrl } = ground;
  const random = Math.random;
  const egress = createEgress({ allow: config.egressAllow, log });
  const readAudit = createReadAudit({ doors, log, clock });
  closers.add('read audit', readAudit.drain);
  ground.readiness.add('audit_failing', readAudit.isWriting);
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
  startUpkeep(ground);
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
async function openRunner(ground: Ground, { reader, readAudit, useNotes }: House) {
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
    readAudit,
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

function databaseLost(): never {
  throw new Fault('unavailable', 'The database server ended.', { cure: 'Start Latchkey again.' });
}
