// One chaos run from the first process to the verdict: calm, storm, calm again, judgement.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { fingerprint } from '../../providers/ledger-record.ts';
import type { CredentialId } from '../../src/kernel/ids.ts';
import { createReadCredential } from '../../src/refresh/reading.ts';
import { handOver } from '../child-house.ts';
import { createOAuthCredential, seedAccount } from '../connect-account.ts';
import { copyDatabase } from '../copied-database.ts';
import { grantRow } from '../credential-kit.ts';
import { startTestServer } from '../database-server.ts';
import { type Rotation, rotations } from '../fault-table.ts';
import { openTestHouse, type TestHouse } from '../test-house.ts';
import type { ChaosNews } from './chaos-child.ts';
import { startCrew } from './chaos-crew.ts';
import { type ChaosGrant, type ChaosVerdict, type Ending, judgeChaos } from './chaos-judge.ts';
import { type ChaosPlan, seededRandom } from './chaos-plan.ts';
import { rage } from './chaos-storm.ts';
import { stalledMs, watchStalls } from './machine-stalls.ts';

export type ChaosReport = ChaosVerdict & {
  readonly counts: Readonly<Record<string, number>>;
  readonly reads: number;
  readonly refused: number;
  readonly seconds: number;
  /** Of these, in which the machine held everybody up. */
  readonly stalledSeconds: number;
};

const calmMs = 5_000;
const quietWithinMs = 20_000;

export async function runChaos(plan: ChaosPlan): Promise<ChaosReport> {
  const startedMs = Date.now();
  // Crashes must lose nothing that was committed; the machine itself does not crash.
  const server = await startTestServer({ fsync: 'off' });
  const closers: (() => Promise<void>)[] = [server.stop];
  try {
    const house = await openTestHouse(await copyDatabase(server.server));
    closers.push(house.close);
    const emulators = {
      none: await emulatorOf('none', plan),
      grace: await emulatorOf('grace', plan),
      strict: await emulatorOf('strict', plan),
    };
    closers.push(...Object.values(emulators).map((emulator) => emulator.close));
    const grants = await connectAll(house, emulators, plan);
    return await play(plan, { house, emulators: Object.values(emulators), grants, startedMs });
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

const emulatorOf = (rotation: Rotation, plan: ChaosPlan): Promise<Emulator> =>
  startEmulator({
    set: {
      ...rotations[rotation],
      accessTokenSeconds: plan.lifeSeconds,
      latency: { kind: 'uniform', minMs: 60, maxMs: 250 },
    },
  });

async function connectAll(
  house: TestHouse,
  emulators: Readonly<Record<Rotation, Emulator>>,
  plan: ChaosPlan,
): Promise<readonly ChaosGrant[]> {
  const grants: ChaosGrant[] = [];
  for (const rotation of ['none', 'grace', 'strict'] as const) {
    const emulator = emulators[rotation];
    for (let number = 0; number < plan.grantsEach; number += 1) {
      const credential = await createOAuthCredential(house, emulator, { label: `${rotation} ${number}` });
      const timing = {
        expiresInSeconds: plan.lifeSeconds,
        dueInSeconds: (plan.lifeSeconds * number) / plan.grantsEach,
      };
      const { grant } = await seedAccount(house, emulator, credential, timing);
      grants.push({ rotation, emulator, credentialId: credential.id, grant });
    }
  }
  return grants;
}

type Scene = {
  readonly house: TestHouse;
  readonly emulators: readonly Emulator[];
  readonly grants: readonly ChaosGrant[];
  readonly startedMs: number;
};

async function play(plan: ChaosPlan, scene: Scene): Promise<ChaosReport> {
  const { house, emulators, grants } = scene;
  const handed = new Map<CredentialId, Set<string>>();
  const refused: { credentialId: CredentialId; code: string }[] = [];
  let reads = 0;
  const hear = (news: ChaosNews): void => {
    reads += news.reads ?? 0;
    for (const [id, print] of news.handed ?? []) handed.set(id, (handed.get(id) ?? new Set()).add(print));
    for (const [credentialId, code] of news.refused ?? []) refused.push({ credentialId, code });
  };
  const credentials = grants.map(({ credentialId }) => credentialId);
  const given = { ...handOver(house), credentials, readers: plan.readersEach };
  const crew = await startCrew({ size: plan.processes, house: given, hear });
  const watch = watchStalls({
    processes: crew.processes,
    folder: house.testVault.folder,
    database: house.database.login('owner'),
  });
  try {
    plan.say(`${plan.processes} processes are up after ${seconds(scene)} s`);
    await sleep(calmMs);
    const storm = await rage({
      plan,
      crew,
      emulators,
      database: house.database,
      random: seededRandom(plan.seed),
    });
    plan.say(`the storm is over after ${seconds(scene)} s: ${JSON.stringify(storm.counts)}`);
    await crew.allUp();
    await quiet(house, grants);
    await crew.end();
    const endings = await lookAtEndings(house, grants);
    const { blows, fallen } = crew;
    const { stalls } = watch;
    const evidence = { blows, stalls, fallen, crashesMs: storm.crashesMs, handed, refused, endings };
    const verdict = judgeChaos(grants, evidence);
    const stalled = stalledMs(stalls, { name: null, fromMs: scene.startedMs, toMs: Date.now() });
    return {
      ...verdict,
      counts: storm.counts,
      reads,
      refused: refused.length,
      seconds: seconds(scene),
      stalledSeconds: Math.round(stalled / 1000),
    };
  } finally {
    await watch.end();
    await crew.abandon();
  }
}

const seconds = ({ startedMs }: Scene) => Math.round((Date.now() - startedMs) / 1000);

/** Until every grant that can live has a living token and nothing is left over of the storm; or until time is up. */
async function quiet(house: TestHouse, grants: readonly ChaosGrant[]): Promise<void> {
  const untilMs = Date.now() + quietWithinMs;
  const dead = new Set(
    grants.filter((one) => one.emulator.isLiveGrant(one.grant) === false).map((one) => one.credentialId),
  );
  const living = grants.map(({ credentialId }) => credentialId).filter((id) => !dead.has(id));
  await sleep(calmMs);
  while (Date.now() < untilMs) {
    const found = await house.doors.withTenant(house.tenant, (tx) =>
      sql<{ restless: number }>`select count(*)::int as restless from oauth_grant
        where (credential_id = any(${living}::uuid[])
            and (state <> 'active' or expires_at < clock_timestamp() + interval '1 s'))
          or (attempt_id is not null and attempt_deadline < clock_timestamp())`.execute(tx),
    );
    if (found.rows[0]?.restless === 0) return;
    await sleep(200);
  }
}

async function lookAtEndings(
  house: TestHouse,
  grants: readonly ChaosGrant[],
): Promise<ReadonlyMap<CredentialId, Ending>> {
  const read = createReadCredential({ doors: house.doors, vault: house.testVault.again() });
  const endings = new Map<CredentialId, Ending>();
  for (const { credentialId } of grants) {
    const row = await grantRow(house, house.tenant, credentialId);
    const reading = await read(house.tenant, credentialId);
    const token = reading?.grant?.tokens?.accessToken.revealText() ?? null;
    endings.set(credentialId, { row, stored: token === null ? null : fingerprint(token) });
  }
  return endings;
}
