import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { faultSchema } from '../../providers/fault.ts';
import { handOver } from '../../testing/child-house.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { grantRow } from '../../testing/credential-kit.ts';
import type { ChildOrder, RefreshChildHouse } from '../../testing/refresh-child.ts';
import { openRefreshProcess, type RefreshProcess } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Credential } from '../credentials/credential.ts';

// Whole processes start here, on whatever machine.
vi.setConfig({ testTimeout: 120_000 });

let house: TestHouse;
let emulator: Emulator;
let survivor: RefreshProcess;
const strict = { set: { rotation: 'always', graceSeconds: 0, reuse: 'revoke_family' } } as const;
const children: ChildProcess[] = [];
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator(strict);
  survivor = await openRefreshProcess(house, emulator);
});
beforeEach(async () => {
  await emulator.setMode(strict);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});

type Child = {
  readonly processId: string;
  /** The next line that it says. */
  readonly hear: () => Promise<Record<string, unknown>>;
  readonly order: (order: ChildOrder) => void;
  readonly kill: () => Promise<void>;
};

async function startChild(options: { readonly stopsBeforeSending?: boolean } = {}): Promise<Child> {
  const given: RefreshChildHouse = {
    ...handOver(house),
    provider: emulator.url,
    stopsBeforeSending: options.stopsBeforeSending ?? false,
  };
  const program = join(import.meta.dirname, '..', '..', 'testing', 'refresh-child.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hear = async () => JSON.parse(String((await lines.next()).value)) as Record<string, unknown>;
  child.stdin.write(`${JSON.stringify(given)}\n`);
  const { processId } = await hear();
  return {
    processId: String(processId),
    hear,
    order: (order) => void child.stdin.write(`${JSON.stringify(order)}\n`),
    kill: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function connected(timing = { expiresInSeconds: 300, dueInSeconds: 0 }): Promise<Credential> {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, timing);
  return credential;
}
const row = (credential: Credential) => grantRow(house, house.tenant, credential.id);
const refreshes = () => emulator.ledger.records().filter((record) => record.kind === 'refresh');

/** As if this much time had passed for the attempt, and for the heart of its owner. */
async function pass(credential: Credential, seconds: { readonly deadline: number; readonly heart: number }) {
  await house.doors.asScheduler(async (tx) => {
    await sql`update process set heartbeat_at = heartbeat_at - make_interval(secs => ${seconds.heart})
      where id = (select attempt_owner from oauth_grant where credential_id = ${credential.id})`.execute(tx);
    await sql`update oauth_grant set attempt_deadline = attempt_deadline - make_interval(secs => ${seconds.deadline})
      where credential_id = ${credential.id}`.execute(tx);
  });
}

/** After a take-over the next try comes within 3 s. */
const makeDue = (credential: Credential) =>
  house.doors.asScheduler((tx) =>
    sql`update oauth_grant set refresh_due_at = clock_timestamp() where credential_id = ${credential.id}`.execute(
      tx,
    ),
  );

test('killed between arming and sending: taken over once its heart is silent, never before, and nothing is lost', async () => {
  const credential = await connected();
  const child = await startChild({ stopsBeforeSending: true });
  child.order({ order: 'refresh' });
  expect(await child.hear()).toEqual({ armed: true });
  await child.kill();
  const count = refreshes().length;
  // The deadline is long past, but who says that the process is dead? Its heart has beaten just now.
  await pass(credential, { deadline: 60, heart: 0 });
  await survivor.refresher.runOnce();
  expect(await row(credential)).toMatchObject({ token_no: 1, outcome_unknown: false });
  expect((await row(credential)).attempt_id).not.toBe(null);
  await pass(credential, { deadline: 0, heart: 16 });
  await survivor.refresher.runOnce();
  await makeDue(credential);
  await survivor.refresher.runOnce();
  expect(await row(credential)).toMatchObject({
    state: 'active',
    token_no: 2,
    attempt_id: null,
    outcome_unknown: false,
  });
  expect(refreshes().length).toBe(count + 1);
});

test('killed after sending, before the provider acted: the retry finds the old refresh token good', async () => {
  const credential = await connected();
  emulator.schedule([faultSchema.parse({ fault: 'hang', when: 'before', on: 'refresh' })]);
  const child = await startChild();
  child.order({ order: 'refresh' });
  await emulator.whenHanging(1);
  await child.kill();
  await pass(credential, { deadline: 60, heart: 16 });
  await survivor.refresher.runOnce();
  expect(await row(credential)).toMatchObject({ attempt_id: null, outcome_unknown: true, token_no: 1 });
  await makeDue(credential);
  await survivor.refresher.runOnce();
  expect(await row(credential)).toMatchObject({ state: 'active', token_no: 2, outcome_unknown: false });
});

test('killed after a strict provider rotated: lost, and called so at once; a grace provider makes it good', async () => {
  const outcomes: Record<string, unknown> = {};
  for (const [name, set] of Object.entries({
    strict: strict.set,
    grace: { rotation: 'always', graceSeconds: 600, reuse: 'revoke_family' } as const,
  })) {
    await emulator.setMode({ set });
    const credential = await connected();
    emulator.schedule([faultSchema.parse({ fault: 'hang', when: 'after', on: 'refresh' })]);
    const child = await startChild();
    child.order({ order: 'refresh' });
    await emulator.whenHanging(1);
    await child.kill();
    emulator.release();
    await pass(credential, { deadline: 60, heart: 16 });
    await survivor.refresher.runOnce();
    await makeDue(credential);
    await survivor.refresher.runOnce();
    const { state, last_error_code: code } = await row(credential);
    outcomes[name] = `${state} ${code}`;
  }
  expect(outcomes).toEqual({ strict: 'needs_reauth lost_rotation', grace: 'active null' });
});

test('three processes with readers and background loops spend one request per stampede, and the family survives', async () => {
  const credential = await connected({ expiresInSeconds: -5, dueInSeconds: 0 });
  emulator.adjust({ latency: { kind: 'fixed', ms: 100 } });
  const trio = await Promise.all([startChild(), startChild(), startChild()]);
  const grant = emulator.ledger.records().findLast((record) => record.kind === 'code')?.grant ?? '';
  const rounds = 4;
  for (let round = 1; round <= rounds; round += 1) {
    for (const child of trio) child.order({ order: 'read', credentialId: credential.id, readers: 20 });
    const background = survivor.refresher.runOnce();
    const heard = await Promise.all(trio.map((child) => child.hear()));
    await background;
    expect(heard.map((one) => one.failed)).toEqual([0, 0, 0]);
    expect(new Set(heard.flatMap((one) => one.tokens as string[])).size).toBe(1);
    expect(emulator.ledger.refreshesOf(grant)).toHaveLength(round);
    await house.doors.withTenant(house.tenant, (tx) =>
      sql`update oauth_grant set expires_at = clock_timestamp() - interval '1 s', refresh_due_at = clock_timestamp()
        where credential_id = ${credential.id}`.execute(tx),
    );
  }
  expect(emulator.ledger.outstandingMax(grant)).toBe(1);
  expect(
    emulator.ledger
      .refreshesOf(grant)
      .every((record) => record.outcome === 'issued' && !record.presentedAgain),
  ).toBe(true);
  expect(await row(credential)).toMatchObject({ state: 'active', token_no: rounds + 1, fail_count: 0 });
});

test('60 forced refreshes and 500 readers of an expired token, over three processes: one token request each', async () => {
  const credential = await connected({ expiresInSeconds: 300, dueInSeconds: 200 });
  emulator.adjust({ latency: { kind: 'fixed', ms: 200 } });
  const trio = await Promise.all([startChild(), startChild(), startChild()]);
  const grant = emulator.ledger.records().findLast((record) => record.kind === 'code')?.grant ?? '';
  const ask = async (order: 'read' | 'force', readers: readonly number[]) => {
    for (const [at, child] of trio.entries()) {
      child.order({ order, credentialId: credential.id, readers: readers[at] ?? 0 });
    }
    const heard = await Promise.all(trio.map((child) => child.hear()));
    return {
      failed: heard.map((one) => one.failed),
      tokens: [...new Set(heard.flatMap((one) => one.tokens as string[]))].map((hash) => hash.slice(0, 12)),
    };
  };
  const issued = () => emulator.ledger.refreshesOf(grant).map((record) => record.accessTokenIssued);
  const forced = await ask('force', [20, 20, 20]);
  expect(issued()).toHaveLength(1);
  expect(forced).toEqual({ failed: [0, 0, 0], tokens: issued() });
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`update oauth_grant set expires_at = clock_timestamp() - interval '1 s' where credential_id = ${credential.id}`.execute(
      tx,
    ),
  );
  const read = await ask('read', [167, 167, 166]);
  expect(issued()).toHaveLength(2);
  expect(read).toEqual({ failed: [0, 0, 0], tokens: issued().slice(1) });
  expect(emulator.ledger.outstandingMax(grant)).toBe(1);
});

test('after a gap in its own heartbeats a process calls nobody dead until it has watched for long enough', async () => {
  let nowMs = 0;
  const clock = { now: () => new Date(), monotonicMs: () => nowMs };
  const { heartbeat } = await openRefreshProcess(house, emulator, house.doors, clock);
  const seen: boolean[] = [];
  const pass = async (ms: number) => {
    nowMs += ms;
    await heartbeat.beat();
    seen.push(heartbeat.isWitness());
  };
  for (const ms of [3_000, 3_000, 3_000, 3_000, 3_000, 11_000, 3_000, 3_000, 3_000, 3_000, 3_000])
    await pass(ms);
  expect(seen.map(Number).join('')).toBe('00001000001');
  nowMs += 10_001;
  expect(heartbeat.isWitness()).toBe(false);
});
