// One seed of the simulation: three processes on two hosts, eight grants, ten minutes of trouble and twenty of peace, all
// in a moment. The decisions are the product's own; around them is a store in memory, a provider, a network.
import { randomUUID } from 'node:crypto';
import { serializeTokens, tokensPlace } from '../../src/credentials/grant.ts';
import type { GrantRow } from '../../src/credentials/grant-store.ts';
import type { KeptRefresh } from '../../src/credentials/kept-refresh.ts';
import type { Registration, RegistrationId } from '../../src/credentials/registration.ts';
import type { CredentialId, TenantId } from '../../src/kernel/ids.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { Plain } from '../../src/kernel/plain.ts';
import { createAnswerKeeper } from '../../src/refresh/answer-keeper.ts';
import type { DeskHouse } from '../../src/refresh/grant-desk.contract.ts';
import { createPulse } from '../../src/refresh/heartbeat.ts';
import { createProviderAllowance } from '../../src/refresh/provider-allowance.ts';
import { type ProviderGauge, standardGauge } from '../../src/refresh/provider-gauge.ts';
import { joinGates } from '../../src/refresh/refresh-gate.ts';
import { silentRefreshMeter } from '../../src/refresh/refresh-meter.ts';
import { createRefreshOne } from '../../src/refresh/refresh-one.ts';
import { productionTimings, type RefreshTimings } from '../../src/refresh/refresh-timings.ts';
import { createRefresher } from '../../src/refresh/refresher.ts';
import type { Sealed } from '../../src/vault/sealed.ts';
import { seededRandom } from '../chaos/chaos-plan.ts';
import { createSimClock, type SimClock } from './sim-clock.ts';
import { judgeSim, type People, type SimEvidence, watchRows } from './sim-judge.ts';
import { createSimMachine, type SimMachine, type SimNetwork } from './sim-machine.ts';
import { SimProvider } from './sim-provider.ts';
import { type Mutant, plainSealer, SimStore, simDesk, tokensIn } from './sim-store.ts';

/** Looking for work less often costs the simulation less and changes no decision. */
const timings: RefreshTimings = { ...productionTimings, tickMs: 10_000, recoverMs: 10_000 };
const stormMs = 600_000;
/** The longest step between two tries is 15 minutes and a quarter. */
const peaceMs = 1_200_000;
const grantCount = 8;
const processCount = 3;

const tenant = '00000000-0000-4000-8000-000000000001' as TenantId;
const idOf = (no: number) => `00000000-0000-4000-8000-${String(no).padStart(12, '0')}` as CredentialId;

const registration: Registration = {
  tenantId: tenant,
  id: idOf(999) as string as RegistrationId,
  context: 'simulated',
  clientId: 'simulated',
  authorizeUrl: 'https://provider.example/authorize',
  tokenUrl: 'https://provider.example/token',
  refreshUrl: null,
  revokeUrl: null,
  clientAuth: 'none',
};

export type SimReport = {
  readonly complaints: readonly string[];
  readonly requests: number;
  readonly lost: number;
};

type World = {
  readonly clock: SimClock;
  readonly random: () => number;
  readonly network: SimNetwork;
  readonly provider: SimProvider;
  readonly store: SimStore;
  readonly gauges: Map<string, ProviderGauge>;
  /** What lies on the disks: by host, by process. */
  readonly disks: readonly Map<string, Map<string, KeptRefresh>>[];
  readonly machines: SimMachine[];
  readonly mutant: Mutant | null;
};

export async function simulate(seed: number, mutant: Mutant | null = null): Promise<SimReport> {
  const random = seededRandom(seed);
  const clock = createSimClock();
  const network: SimNetwork = { clock, random, isDatabaseAway: false };
  const rotation = (['none', 'grace', 'strict'] as const)[Math.floor(random() * 3)] ?? 'strict';
  const lifeSeconds = 80 + Math.floor(220 * random());
  const provider = new SimProvider({ clock, random, rotation, lifeSeconds });
  const complaints: string[] = [];
  const calledLost = new Set<string>();
  const watch = watchRows(provider, calledLost, (text) => void complaints.push(text));
  const store = new SimStore({ clock, random, timings, registration, mutant, watch });
  const world: World = {
    clock,
    random,
    network,
    provider,
    store,
    gauges: new Map(),
    disks: [new Map(), new Map()],
    machines: [],
    mutant,
  };
  for (let no = 1; no <= grantCount; no += 1) store.insert(newRow(world, idOf(no), lifeSeconds));
  const slots = Array.from({ length: processCount }, (_, slot) => boot(world, slot));
  const people = befall(world, slots, lifeSeconds);
  await clock.run(stormMs);
  calm(world);
  await clock.run(stormMs + peaceMs);
  const evidence: SimEvidence = { ...world, rotation, lifeSeconds, timings, people, calledLost };
  return {
    complaints: [...complaints, ...judgeSim(evidence)].slice(0, 20),
    requests: provider.requests.length,
    lost: [...store.rows.values()].filter((row) => row.lastErrorCode === 'lost_rotation').length,
  };
}

function issue(world: World, id: CredentialId) {
  const { grant, access, refresh } = world.provider.issueGrant();
  const tokens = {
    accessToken: Plain.fromText(access),
    refreshToken: Plain.fromText(refresh),
    tokenType: 'Bearer',
    scope: null,
    extra: {},
    callbackParams: {},
  };
  return { grant, ct: plainSealer(tokensPlace(tenant, id, 1), serializeTokens(tokens)) };
}

function newRow(world: World, credentialId: CredentialId, lifeSeconds: number): GrantRow {
  const now = world.clock.now().getTime();
  const { ct } = issue(world, credentialId);
  return {
    tenantId: tenant,
    credentialId,
    registrationId: registration.id,
    mintedByTenantId: null,
    mintedBy: null,
    providerKey: 'provider.example',
    consentNo: 1,
    tokenNo: 1,
    state: 'active',
    ct,
    issuedAt: new Date(now),
    expiresAt: new Date(now + lifeSeconds * 1000),
    refreshExpiresAt: null,
    expiryAssumed: false,
    refreshDueAt: new Date(now + lifeSeconds * 500 * world.random()),
    refreshedAt: null,
    attemptId: null,
    attemptOwner: null,
    attemptDeadline: null,
    outcomeUnknown: false,
    failCount: 0,
    suspectSince: null,
    lastErrorCode: null,
    lastError: null,
    lastErrorAt: null,
    accountRef: null,
    accountLabel: null,
    grantedScope: null,
    lastUsedAt: null,
    learnedSeconds: null,
  };
}

/** A new process in its slot, with the product's own machinery. */
function boot(world: World, slot: number): SimMachine {
  const { clock, random, network, store, provider, gauges, mutant } = world;
  const machine = createSimMachine(randomUUID(), network);
  world.machines.push(machine);
  const desk = simDesk(store, clock, machine);
  const pulse = createPulse(clock, timings);
  const heartbeat = {
    beat: async () => {
      const startedMs = clock.monotonicMs();
      await machine.query(() => store.beat(machine.id));
      pulse.beaten(startedMs);
    },
    isSeen: pulse.isSeen,
    isWitness: () => mutant === 'take-over without witness' || pulse.isWitness(),
    forgetSilent: async () => {},
    end: async () => {},
  };
  const allowance = createProviderAllowance({
    clock,
    rule: standardGauge,
    moveGauges: (keys, move) =>
      machine.query(() => {
        for (const key of keys) gauges.set(key, move(gauges.get(key) ?? null, key, clock.now()));
      }),
  });
  const parts = {
    desk,
    allowance,
    clock,
    random,
    log: silentLog,
    timings,
    meter: silentRefreshMeter,
    sleep: machine.sleep,
    egress: {
      fetch: (_url: string | URL, request: Parameters<SimProvider['fetch']>[1]) =>
        provider.fetch(machine, request),
    },
  };
  const keeper = createAnswerKeeper({ ...parts, journal: journalOf(world, slot, machine) });
  const refreshOne = createRefreshOne({ ...parts, keeper });
  const gate = joinGates({ mayArm: heartbeat.isSeen, refusal: () => null }, keeper.gate);
  const refresher = createRefresher({ ...parts, keeper, heartbeat, gate, refreshOne, every: machine.every });
  // As a service manager would: a process that cannot reach the database is started again.
  const start = (): void =>
    void refresher.start().catch(() => clock.at(clock.monotonicMs() + 2_000, () => machine.arrive(start)));
  start();
  return machine;
}

/** On the disk of the slot's host, where the next process finds it. */
function journalOf({ disks, store }: World, slot: number, machine: SimMachine) {
  const disk = disks[slot % disks.length] ?? new Map<string, Map<string, KeptRefresh>>();
  let count = 0;
  return {
    keep: (kept: KeptRefresh) =>
      machine.call(4, () => {
        count += 1;
        const own = disk.get(machine.id) ?? new Map<string, KeptRefresh>();
        disk.set(machine.id, own.set(String(count), kept));
        return { id: String(count) };
      }),
    settle: ({ id }: { readonly id: string }) => void disk.get(machine.id)?.delete(id),
    replay: async (take: (kept: KeptRefresh) => Promise<boolean>) => {
      let taken = 0;
      for (const [owner, left] of [...disk]) {
        if (owner === machine.id || left.size === 0) continue;
        if (await machine.query(() => store.isSeen(owner, timings.deadAfterMs / 1000))) continue;
        for (const [id, kept] of [...left]) {
          if (!(await take(kept))) continue;
          left.delete(id);
          taken += 1;
        }
      }
      return taken;
    },
    close: async () => {},
  };
}

const blowShare = 0.15;
const actShare = 0.05;
const refreshOf = (ct: Sealed) => tokensIn(ct).refreshToken?.revealText() ?? null;

/** Trouble until `calm`. */
function befall(world: World, slots: SimMachine[], lifeSeconds: number): People {
  const { clock, random, network, provider, store } = world;
  Object.assign(provider.weather, {
    lost: 0.06 * random(),
    refused: 0.1 * random(),
    throttled: 0.03 * random(),
    spurious: 0.02 * random(),
    slow: 0.05,
  });
  const during = (ms: number, begin: () => void, end: () => void): void => {
    begin();
    clock.at(clock.monotonicMs() + ms, end);
  };
  const blows: ((slot: number) => void)[] = [
    (slot) => {
      slots[slot]?.die();
      clock.at(clock.monotonicMs() + 1_000 + 20_000 * random(), () => {
        slots[slot] = boot(world, slot);
      });
    },
    (slot) => slots[slot]?.pause(200 + 8_000 * random()),
    (slot) => slots[slot]?.pause(20_000 + 60_000 * random()),
    (slot) => slots[slot]?.cutOff(500 + 70_000 * random()),
    (slot) => slots[slot]?.trouble(5_000 + 80_000 * random()),
    () =>
      during(
        500 + 90_000 * random(),
        () => {
          network.isDatabaseAway = true;
        },
        () => {
          network.isDatabaseAway = false;
        },
      ),
    () =>
      during(
        5_000 + 90_000 * random(),
        () => {
          provider.isDown = true;
        },
        () => {
          provider.isDown = false;
        },
      ),
  ];
  let acts = 0;
  const act = (id: CredentialId): void => {
    acts += 1;
    store.consent(id, random() < 0.4 ? null : issue(world, id).ct, { seconds: lifeSeconds });
  };
  // Trouble comes when it hurts: while a request of the process is under way, or its answer is on the way into the database.
  provider.onRequest = (request) => {
    const slot = slots.indexOf(request.by);
    const luck = random();
    const inMs = clock.monotonicMs() + 2_000 * random();
    if (luck < blowShare) {
      const blow = blows[Math.floor(random() * blows.length)];
      clock.at(inMs, () => {
        if (slots[slot] === request.by && request.by.isAlive()) blow?.(slot);
      });
    } else if (luck < blowShare + actShare) {
      const row = [...store.rows.values()].find(
        ({ ct }) => ct !== null && refreshOf(ct) === request.presented,
      );
      if (row !== undefined) clock.at(inMs, () => act(row.credentialId));
    }
  };
  for (let no = 0; no < 4; no += 1) {
    clock.at(random() * (stormMs - 60_000), () => act(idOf(1 + Math.floor(random() * grantCount))));
  }
  return {
    get acts() {
      return acts;
    },
  };
}

function calm({ network, provider }: World): void {
  network.isDatabaseAway = false;
  provider.isDown = false;
  Object.assign(provider.weather, { lost: 0, refused: 0, throttled: 0, spurious: 0, slow: 0 });
  provider.onRequest = () => {};
}

/** The store alone, for the contract. */
export async function openSimDeskHouse(): Promise<DeskHouse> {
  const clock = createSimClock();
  const random = seededRandom(1);
  const network: SimNetwork = { clock, random, isDatabaseAway: false };
  const provider = new SimProvider({ clock, random, rotation: 'strict', lifeSeconds: 1_200 });
  const store = new SimStore({ clock, random, timings, registration, mutant: null, watch: () => {} });
  const world = {
    clock,
    random,
    network,
    provider,
    store,
    gauges: new Map(),
    disks: [],
    machines: [],
    mutant: null,
  };
  let count = 0;
  return {
    deskOf: (id) => simDesk(store, clock, { id, query: async (effect) => effect(), canKeep: () => true }),
    beat: async (id) => store.beat(id),
    addGrant: async (dueInSeconds) => {
      count += 1;
      const row = newRow(world, idOf(count), 1_200);
      store.insert({ ...row, refreshDueAt: new Date(clock.now().getTime() + dueInSeconds * 1000) });
      return { tenant, credentialId: row.credentialId };
    },
    row: async ({ credentialId }) => {
      const row = store.rows.get(credentialId);
      if (row === undefined) throw new Error('there is no grant');
      return { ...row };
    },
    pass: (_target, seconds) => clock.run(clock.monotonicMs() + seconds * 1000),
    disconnect: async ({ credentialId }) => store.consent(credentialId, null, { seconds: 0 }),
    now: clock.now,
    close: async () => {},
  };
}
