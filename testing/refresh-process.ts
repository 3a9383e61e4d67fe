// The refreshing machinery of one process, on a test's house: readers, the background loop, and a heartbeat.
import { randomUUID } from 'node:crypto';
import type { Emulator } from '../providers/emulator.ts';
import { type Clock, systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createEgress, type Egress } from '../src/oauth/egress.ts';
import { type ClusterIdentity, createClusterIdentity } from '../src/refresh/cluster-identity.ts';
import { type BeatWatch, createHeartbeat, type Heartbeat } from '../src/refresh/heartbeat.ts';
import { createTokenReader, type TokenReader } from '../src/refresh/read-token.ts';
import { createReadCredential } from '../src/refresh/reading.ts';
import { createRefreshFlight, type RefreshFlight } from '../src/refresh/refresh-flight.ts';
import { joinGates, type RefreshGate } from '../src/refresh/refresh-gate.ts';
import type { RefreshMeter } from '../src/refresh/refresh-meter.ts';
import { createRefreshOne } from '../src/refresh/refresh-one.ts';
import { productionTimings, type RefreshTimings } from '../src/refresh/refresh-timings.ts';
import { createRefresher, type Refresher } from '../src/refresh/refresher.ts';
import type { Doors } from '../src/storage/doors.ts';
import type { Vault } from '../src/vault/vault.ts';
import type { TestHouse } from './test-house.ts';

/** No reason against refreshing. */
export const openGate: RefreshGate = { mayArm: () => true, refusal: () => null };

export type RefreshProcess = {
  readonly processId: string;
  readonly heartbeat: Heartbeat;
  readonly refresher: Refresher;
  readonly reader: TokenReader;
  readonly flight: RefreshFlight;
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
    { doors, vault: house.testVault.again({ doors }), egress },
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
  const rooms = { doors, vault: house.testVault.again({ doors }), egress };
  return { ...(await refreshProcessOn(rooms, systemClock, identity)), identity };
}

/** The same on rooms that are there already. */
export async function refreshProcessOn(
  rooms: {
    readonly doors: Doors;
    readonly vault: Vault;
    readonly egress: Egress;
    readonly meter?: RefreshMeter;
  },
  clock: Clock = systemClock,
  moreGate: RefreshGate & { readonly watch?: BeatWatch } = openGate,
  timings: RefreshTimings = productionTimings,
): Promise<RefreshProcess> {
  const processId = randomUUID();
  const parts = { ...rooms, clock, random: Math.random, log: silentLog, timings };
  const refreshOne = createRefreshOne(parts);
  const heartbeat = createHeartbeat({
    ...parts,
    processId,
    build: 'test',
    ...(moreGate.watch === undefined ? {} : { watch: moreGate.watch }),
  });
  await heartbeat.beat();
  const gate = joinGates({ mayArm: heartbeat.isSeen, refusal: () => null }, moreGate);
  const flight = createRefreshFlight({ ...parts, processId, gate, refreshOne });
  const readCredential = createReadCredential(parts);
  return {
    processId,
    heartbeat,
    flight,
    refresher: createRefresher({ ...parts, processId, heartbeat, gate, refreshOne }),
    reader: createTokenReader({ clock, doors: rooms.doors, readCredential, fly: flight.fly, gate }),
  };
}
