// What everything stands on: port, database, keys, who may do what. Opened before anything is served.
import { randomUUID } from 'node:crypto';
import type { Config } from '../config.ts';
import { createMetrics, type Metrics } from '../faces/metrics/metrics.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Closers } from '../kernel/closers.ts';
import { platformTenantId } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import { createReadiness, type Readiness } from '../kernel/readiness.ts';
import { type ClusterIdentity, createClusterIdentity } from '../refresh/cluster-identity.ts';
import { createHeartbeat, type Heartbeat } from '../refresh/heartbeat.ts';
import { type Database, openDatabase } from '../storage/database.ts';
import { createDoors, type Doors } from '../storage/doors.ts';
import { migrate } from '../storage/migrate.ts';
import { type Authority, createAuthority } from '../tenancy/authority.ts';
import { type UnlockedRoot, unlockRoot } from '../vault/unlock-root.ts';
import { createVault } from '../vault/vault.ts';
import { choosePort, urlHost } from './listen.ts';
import { readTlsFiles, type TlsPair } from './tls-files.ts';

export type Ground = {
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
  /** Null where http is served. */
  readonly tls: TlsPair | null;
  /** Base URL for browsers and providers, without a trailing slash. */
  readonly publicUrl: string;
};

export async function openGround(config: Config, log: Log, build: string, closers: Closers): Promise<Ground> {
  const clock = systemClock;
  const tls = readTlsFiles(config.tls);
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
    tls,
    publicUrl:
      config.publicUrl ?? `${config.tls === null ? 'http' : 'https'}://${urlHost(config.host)}:${port}`,
  };
}

/** The embedded engine's folder cannot be named by hand: the setting would be copied along with it. */
function locationOf({ databaseLocation }: Config, { engine, location }: Database): string {
  return engine === 'embedded' || databaseLocation === null ? location : `named ${databaseLocation}`;
}
