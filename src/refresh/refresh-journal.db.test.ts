// Answers that a process got and could not commit: what becomes of them when it dies, at a provider that takes each refresh
// token once and ends the whole grant when one comes twice.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { createOAuthCredential, seedAccount } from '../../testing/connect-account.ts';
import { grantRow } from '../../testing/credential-kit.ts';
import { openRefreshProcess } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Credential } from '../credentials/credential.ts';
import { disconnectGrant } from '../credentials/disconnect.ts';
import { openTokens } from '../credentials/grant.ts';
import { selectGrant } from '../credentials/grant-store.ts';
import { commitRefreshes, keepRefresh } from '../credentials/kept-refresh.ts';
import { systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Doors } from '../storage/doors.ts';
import { productionTimings } from './refresh-timings.ts';

let house: TestHouse;
let emulator: Emulator;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator({ set: { rotation: 'always', graceSeconds: 0, reuse: 'revoke_family' } });
});
beforeEach(async () => {
  await house.doors.withTenant(house.tenant, (tx) => sql`delete from credential`.execute(tx));
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});

const row = (credential: Credential) => grantRow(house, house.tenant, credential.id);
const refreshes = (grant: string) => emulator.ledger.refreshesOf(grant).length;
const answers = async () =>
  (await readdir(join(house.testVault.folder, 'answers'))).filter((name) => name.endsWith('.answers'));

const answersOf = async (processId: string) =>
  (await readFile(join(house.testVault.folder, 'answers', `${processId}.answers`), 'utf8').catch(() => ''))
    .split('\n')
    .filter((line) => line.includes('"kept"'));

async function due() {
  const credential = await createOAuthCredential(house, emulator);
  const { grant } = await seedAccount(house, emulator, credential, {
    expiresInSeconds: 300,
    dueInSeconds: 0,
  });
  return { credential, grant };
}

/** Doors whose commits fail so many times. */
function failing(times: number): { readonly doors: Doors; readonly failed: () => number } {
  let failed = 0;
  const write: Doors['write'] = async (...asked) => {
    if (failed < times) {
      failed += 1;
      throw new Fault('unavailable', 'The database does not answer.');
    }
    return await house.doors.write(...asked);
  };
  return { doors: { ...house.doors, write }, failed: () => failed };
}

/** A process that got an answer, wrote it down, and died before the database took it. */
async function dieWithAnswer(grant: string): Promise<void> {
  const { doors, failed } = failing(Number.POSITIVE_INFINITY);
  const timings = { ...productionTimings, commitStepsMs: [86_400_000] };
  const dying = await openRefreshProcess(house, emulator, doors, systemClock, timings);
  void dying.refresher.runOnce();
  await expect.poll(failed).toBe(1);
  expect(refreshes(grant)).toBe(1);
  await silence(dying.processId);
}

const silence = (processId: string) =>
  house.doors.asScheduler((tx) =>
    sql`update process set heartbeat_at = clock_timestamp() - interval '1 minute' where id = ${processId}`.execute(
      tx,
    ),
  );

test('the next process commits the answer of one that died, asks for nothing, and nothing is lost', async () => {
  const { credential, grant } = await due();
  await dieWithAnswer(grant);
  const [name = ''] = await answers();
  const written = await readFile(join(house.testVault.folder, 'answers', name), 'utf8');
  const issued = emulator.ledger.refreshesOf(grant)[0]?.accessTokenIssued ?? '';
  expect(written).not.toContain(issued);
  const next = await openRefreshProcess(house, emulator);
  await next.refresher.runOnce();
  expect(await row(credential)).toMatchObject({
    state: 'active',
    token_no: 2,
    attempt_id: null,
    fail_count: 0,
  });
  expect(refreshes(grant)).toBe(1);
  expect(await answers()).toEqual([]);
  const read = await next.reader.readToken({ tenant: house.tenant, credentialId: credential.id });
  expect(read.isDegraded).toBe(false);
});

test.each(['background', 'reader'] as const)(
  'a process that is told to stop while the database is away ends, and the next one has its answer (%s)',
  async (asked) => {
    const { credential, grant } = await due();
    const { doors, failed } = failing(Number.POSITIVE_INFINITY);
    // The wait between two tries must not hold the end up either.
    const timings = { ...productionTimings, commitStepsMs: [10, 86_400_000], drainMs: 300 };
    const ending = await openRefreshProcess(house, emulator, doors, systemClock, timings);
    const target = { tenant: house.tenant, credentialId: credential.id };
    if (asked === 'background') void ending.refresher.runOnce();
    else void ending.reader.forceRefresh(target).catch(() => {});
    await expect.poll(failed).toBeGreaterThan(1);
    await ending.flight.drain();
    await ending.refresher.drain();
    expect(refreshes(grant)).toBe(1);
    await silence(ending.processId);
    const next = await openRefreshProcess(house, emulator);
    await next.refresher.runOnce();
    expect(await row(credential)).toMatchObject({ state: 'active', token_no: 2, attempt_id: null });
    expect(refreshes(grant)).toBe(1);
  },
);

test('whoever has taken over is not pushed aside; and when he is refused, the answer makes the lost grant good', async () => {
  const { credential, grant } = await due();
  await dieWithAnswer(grant);
  const other = await openRefreshProcess(house, emulator);
  const armed = (attemptId: string | null, state: string) =>
    house.doors.withTenant(house.tenant, (tx) =>
      sql`update oauth_grant set attempt_id = ${attemptId}::uuid, attempt_owner = ${attemptId === null ? null : other.processId}::uuid,
        attempt_deadline = ${attemptId === null ? null : new Date(Date.now() + 25_000)}::timestamptz, state = ${state},
        refresh_due_at = case when ${state} = 'needs_reauth' then null else refresh_due_at end, outcome_unknown = true
        where tenant_id = latchkey_tenant() and credential_id = ${credential.id}`.execute(tx),
    );
  const attemptId = '11111111-1111-4111-8111-111111111111';
  await armed(attemptId, 'active');
  const next = await openRefreshProcess(house, emulator);
  await next.refresher.runOnce();
  expect(await row(credential)).toMatchObject({ token_no: 1, attempt_id: attemptId });
  expect((await answers()).length).toBe(1);
  await armed(null, 'needs_reauth');
  await next.refresher.runOnce();
  expect(await row(credential)).toMatchObject({ state: 'active', token_no: 2, last_error_code: null });
  expect(refreshes(grant)).toBe(1);
  expect(await answers()).toEqual([]);
});

test('an answer that a disconnect overtook is given back, and nothing comes to life again', async () => {
  const { credential, grant } = await due();
  await dieWithAnswer(grant);
  await house.doors.withTenant(house.tenant, (tx) =>
    disconnectGrant({ tx, vault: house.vault, actor: house.owner, credentialId: credential.id }),
  );
  const next = await openRefreshProcess(house, emulator);
  await next.refresher.runOnce();
  expect(await row(credential)).toMatchObject({ state: 'disconnected', ct: null });
  const left = await house.doors.withTenant(house.tenant, (tx) =>
    sql<{ reason: string }>`select reason from revocation where tenant_id = latchkey_tenant()
      and credential_id = ${credential.id} order by created_at`.execute(tx),
  );
  expect(left.rows.map(({ reason }) => reason)).toEqual(['disconnected', 'superseded']);
  expect(await answers()).toEqual([]);
});

test('while answers cannot be committed nothing new is sent; then all of it goes on, and nothing was asked twice', async () => {
  const first = await due();
  const { doors, failed } = failing(4);
  const timings = { ...productionTimings, commitStepsMs: [10, 10, 10, 1_500] };
  const one = await openRefreshProcess(house, emulator, doors, systemClock, timings);
  const running = one.refresher.runOnce();
  await expect.poll(failed).toBe(4);
  const second = await due();
  const waiting = await openRefreshProcess(house, emulator, doors, systemClock, timings);
  expect((await row(second.credential)).attempt_id).toBeNull();
  expect(one.gate.mayArm()).toBe(false);
  await running;
  expect(one.gate.mayArm()).toBe(true);
  await one.refresher.runOnce();
  await waiting.refresher.runOnce();
  expect([refreshes(first.grant), refreshes(second.grant)]).toEqual([1, 1]);
  expect(await row(first.credential)).toMatchObject({ state: 'active', token_no: 2 });
  expect(await row(second.credential)).toMatchObject({ state: 'active', token_no: 2 });
});

test('an answer that the database refuses takes no other along, and does not stop refreshing', async () => {
  const all = [await due(), await due(), await due(), await due(), await due(), await due()];
  const early: unknown[] = [];
  let refused: string | null = null;
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const write: Doors['write'] = async (tenant, statements) => {
    const values = statements.flatMap((statement) => statement.values);
    if (refused === null) early.push(...values);
    await held;
    if (refused !== null && values.some((value) => value?.includes(refused ?? '')))
      throw new Error('refused for what is in it');
    return await house.doors.write(tenant, statements);
  };
  const timings = { ...productionTimings, commitStepsMs: [86_400_000] };
  const one = await openRefreshProcess(house, emulator, { ...house.doors, write }, systemClock, timings);
  void one.refresher.runOnce();
  // Three commits are under way; the others have gathered behind them, to be committed together.
  await expect.poll(async () => (await answersOf(one.processId)).length).toBe(6);
  const together = all.filter(({ credential: { id } }) => !JSON.stringify(early).includes(id));
  expect(together.length).toBe(3);
  const odd = together[1] ?? all[0];
  refused = odd?.credential.id ?? null;
  letGo();
  const others = all.filter((each) => each !== odd);
  for (const { credential } of others)
    await expect.poll(async () => (await row(credential)).token_no).toBe(2);
  expect(one.gate.mayArm()).toBe(true);
  expect(odd && (await row(odd.credential))).toMatchObject({ token_no: 1, state: 'active' });
  expect(all.map(({ grant }) => refreshes(grant))).toEqual([1, 1, 1, 1, 1, 1]);
  await silence(one.processId);
  await (await openRefreshProcess(house, emulator)).refresher.runOnce();
  expect(odd && (await row(odd.credential))).toMatchObject({ token_no: 2, state: 'active' });
});

test('a scope that no database can store costs nothing but itself', async () => {
  const { credential } = await due();
  const kept = await house.doors.withTenant(house.tenant, async (tx) => {
    const grant = await selectGrant(tx, credential.id);
    if (grant === null) throw new Error('there is no grant');
    const tokens = await openTokens(tx, house.vault, grant);
    if (tokens === null) throw new Error('there are no tokens');
    const timing = {
      issuedAt: new Date(),
      expiresAt: null,
      refreshDueAt: null,
      refreshExpiresAt: null,
      expiryAssumed: false,
    };
    const seal = await house.vault.sealer(tx, house.tenant);
    return keepRefresh({ seal, grant, tokens: { ...tokens, scope: 'files\0 \ud800read' }, timing });
  });
  expect(await commitRefreshes(house.doors, house.tenant, [kept])).toEqual([true]);
  const stored = await house.doors.withTenant(house.tenant, (tx) => selectGrant(tx, credential.id));
  expect(stored?.grantedScope).toBe('files read');
});
