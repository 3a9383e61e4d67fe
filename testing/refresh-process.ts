// The refreshing machinery of one process, on a test's house: readers, the background loop, and a heartbeat.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Emulator } from '../providers/emulator.ts';
import { type Clock, systemClock, systemSleep } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createEgress, type Egress } from '../src/oauth/egress.ts';
import { type ClusterIdentity, createClusterIdentity } from '../src/refresh/cluster-identity.ts';
import { type BeatWatch, createHeartbeat, type Heartbeat } from '../src/refresh/heartbeat.ts';
import type { ProviderAllowance } from '../src/refresh/provider-allowance.ts';
import { createRefresh, type Refresh } from '../src/refresh/refresh.ts';
import type { RefreshGate } from '../src/refresh/refresh-gate.ts';
import type { RefreshMeter } from '../src/refresh/refresh-meter.ts';
import { productionTimings, type RefreshTimings } from '../src/refresh/refresh-timings.ts';
import type { Doors } from '../src/storage/doors.ts';
import type { Vault } from '../src/vault/vault.ts';
import type { TestHouse } from './test-house.ts';

/** A provider that may always be asked: for tests that make one fail, and go on to the next case. */
const openAllowance: ProviderAllowance = {
  fetch: async () => {},
  available: () => Number.POSITIVE_INFINITY,
  spend: () => {},
  takeForReader: async () => true,
  began: () => {},
  ended: () => {},
  isIncident: () => false,
  tell: async () => {},
};

/** No reason against refreshing. */
export const openGate: RefreshGate = { mayArm: () => true, refusal: () => null };

export type RefreshProcess = Pick<Refresh, 'refresher' | 'reader' | 'flight' | 'gate'> & {
  readonly processId: string;
  readonly heartbeat: Heartbeat;
};

/** Its heart has beaten once when this resolves. Give it other doors to be another process. */
export async function openRefreshProcess(
  house: Pick<TestHouse, 'doors' | 'testVault'>,
  provider: Pick<Emulator, 'url'>,
  doors: Doors = house.doors,
  clock: Clock = systemClock,
  timings: RefreshTimings = productionTimings,
): Promise<RefreshProcess> {
  const egress = createEgress({ allow: [new URL(provider.url).host], log: silentLog });
  return await refreshProcessOn(
    { doors, vault: house.testVault.again({ doors }), egress, folder: house.testVault.folder },
    clock,
    openGate,
    timings,
  );
}

export type StandingProcess = RefreshProcess & { readonly identity: ClusterIdentity };

/** One that looks at the database it stands on, and finds it at `location`. */
export async function openStandingProcess(
  house: Pick<TestHouse, 'testVault'>,
  provider: Pick<Emulator, 'url'>,
  { doors, location }: { readonly doors: Doors; readonly location: string },
): Promise<StandingProcess> {
  const egress = createEgress({ allow: [new URL(provider.url).host], log: silentLog });
  const identity = createClusterIdentity({ log: silentLog, location });
  const { folder } = house.testVault;
  const rooms = { doors, vault: house.testVault.again({ doors }), egress, folder };
  return { ...(await refreshProcessOn(rooms, systemClock, identity)), identity };
}

/** The same on rooms that are there already. */
export async function refreshProcessOn(
  rooms: {
    readonly doors: Doors;
    readonly vault: Vault;
    readonly egress: Egress;
    readonly meter?: RefreshMeter;
    /** Of the house: answers lie there until they are committed. */
    readonly folder: string;
    /** Without it a provider may be asked as often as anybody likes, however it answers. */
    readonly allowance?: ProviderAllowance;
    readonly forcedWindowSeconds?: number;
  },
  clock: Clock = systemClock,
  moreGate: RefreshGate & { readonly watch?: BeatWatch } = openGate,
  timings: RefreshTimings = productionTimings,
): Promise<RefreshProcess> {
  const processId = randomUUID();
  const parts = { ...rooms, clock, random: Math.random, log: silentLog, timings };
  const heartbeat = createHeartbeat({
    ...parts,
    processId,
    build: 'test',
    ...(moreGate.watch === undefined ? {} : { watch: moreGate.watch }),
  });
  await heartbeat.beat();
  const { refresher, reader, flight, gate } = createRefresh({
    ...parts,
    sleep: systemSleep,
    processId,
    heartbeat,
    allowance: rooms.allowance ?? openAllowance,
    gates: [moreGate],
    journalFolder: join(rooms.folder, 'answers'),
    isAlone: false,
    forcedWindowSeconds: rooms.forcedWindowSeconds ?? 5,
  });
  return { processId, heartbeat, refresher, reader, flight, gate };
}
