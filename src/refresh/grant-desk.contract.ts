// What every place where grants are kept must answer alike: the tables of PostgreSQL, and the store in memory on which the
// decisions of refreshing are simulated. Without it, the simulation would say nothing about the product.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { GrantRow } from '../credentials/grant-store.ts';
import { Plain } from '../kernel/plain.ts';
import type { FailureDecision } from './failure-rule.ts';
import type { Armed, GrantDesk, Prepared, Target } from './grant-desk.ts';
import { attemptDeadlineSeconds, productionTimings } from './refresh-timings.ts';

export type DeskHouse = {
  /** As that process has it. */
  readonly deskOf: (processId: string) => GrantDesk;
  readonly beat: (processId: string) => Promise<void>;
  /** A grant with tokens, due now or later. */
  readonly addGrant: (dueInSeconds: number) => Promise<Target>;
  readonly row: (target: Target) => Promise<GrantRow>;
  /** As if so much time had passed for the grant and for every heart. */
  readonly pass: (target: Target, seconds: number) => Promise<void>;
  readonly disconnect: (target: Target) => Promise<void>;
  readonly now: () => Date;
  readonly close: () => Promise<void>;
};

const { settleMs } = productionTimings;
const waitMs = attemptDeadlineSeconds(productionTimings) * 1000 + settleMs;

const failure: FailureDecision = {
  state: 'degraded',
  retryAfterSeconds: 5,
  outcomeUnknown: false,
  isSuspect: false,
  errorCode: 'unavailable',
  errorText: 'Words.',
  tripsClient: false,
};

export function grantDeskContract(open: () => Promise<DeskHouse>): void {
  let house: DeskHouse;
  let one: GrantDesk;
  let other: GrantDesk;
  let ones: string;
  beforeAll(async () => {
    house = await open();
  });
  afterAll(() => house.close());
  beforeEach(async () => {
    ones = randomUUID();
    const others = randomUUID();
    one = house.deskOf(ones);
    other = house.deskOf(others);
    await house.beat(ones);
    await house.beat(others);
  });

  const isDue = async (target: Target) =>
    (await one.dueGrants(1_000)).some(({ credentialId }) => credentialId === target.credentialId);
  async function arm(desk: GrantDesk, target: Target): Promise<Armed> {
    const chosen = (await desk.dueGrants(1_000)).filter((due) => due.credentialId === target.credentialId);
    const [armed] = await desk.armDue(chosen);
    if (armed === undefined) throw new Error('it was not armed');
    return armed;
  }
  async function prepare(desk: GrantDesk, armed: Armed): Promise<Prepared> {
    const prepared = await desk.prepare(armed);
    if (prepared === null) throw new Error('the arming does not stand');
    return prepared;
  }
  const keep = (prepared: Prepared, token: string) =>
    prepared.keep(
      { ...prepared.tokens, accessToken: Plain.fromText(token) },
      {
        issuedAt: house.now(),
        expiresAt: new Date(house.now().getTime() + 3_600_000),
        refreshDueAt: new Date(house.now().getTime() + 2_700_000),
        refreshExpiresAt: null,
        expiryAssumed: false,
      },
    );
  const dueInMs = async (target: Target) =>
    ((await house.row(target)).refreshDueAt?.getTime() ?? Number.NaN) - house.now().getTime();

  test('what is due is found and armed once; what sleeps is neither', async () => {
    const due = await house.addGrant(-1);
    const asleep = await house.addGrant(600);
    expect([await isDue(due), await isDue(asleep)]).toEqual([true, false]);
    const chosen = (await one.dueGrants(1_000)).filter(
      ({ credentialId }) => credentialId === due.credentialId,
    );
    const armed = await Promise.all([one.armDue(chosen), other.armDue(chosen)]);
    expect(armed.flat()).toHaveLength(1);
    expect(await isDue(due)).toBe(false);
    const { attemptDeadline } = await house.row(due);
    const leftMs = (attemptDeadline?.getTime() ?? 0) - house.now().getTime();
    expect(leftMs).toBeGreaterThan(waitMs - settleMs - 5_000);
    expect(leftMs).toBeLessThanOrEqual(waitMs - settleMs + 100);
  });

  test('a reader arms what is as it was seen, healthy or due again, and free', async () => {
    const target = await house.addGrant(600);
    const seen = await house.row(target);
    expect(await one.armOne(target, { ...seen, tokenNo: seen.tokenNo - 1 })).toBe(null);
    const armed = await one.armOne(target, seen);
    expect(armed).not.toBe(null);
    expect(await other.armOne(target, seen)).toBe(null);
    if (armed === null) return;
    await one.fail(armed, await prepare(one, armed), failure);
    expect(await one.armOne(target, seen)).toBe(null);
    await house.pass(target, 6);
    expect(await one.armOne(target, seen)).not.toBe(null);
  });

  test('an answer is committed once, to the counters under which it was armed', async () => {
    const target = await house.addGrant(-1);
    const armed = await arm(one, target);
    const prepared = await prepare(one, armed);
    const kept = keep(prepared, 'new');
    expect([await one.commit(kept), await one.commit(kept)]).toEqual([true, false]);
    const row = await house.row(target);
    expect(row).toMatchObject({ state: 'active', tokenNo: prepared.grant.tokenNo + 1, attemptId: null });
    expect(await one.prepare(armed)).toBe(null);
    expect(await one.fail(armed, prepared, failure)).toBe(false);
  });

  test('a disconnect wins over what is under way', async () => {
    const target = await house.addGrant(-1);
    const armed = await arm(one, target);
    const prepared = await prepare(one, armed);
    await house.disconnect(target);
    expect(await one.commit(keep(prepared, 'late'))).toBe(false);
    expect(await one.fail(armed, prepared, failure)).toBe(false);
    expect(await house.row(target)).toMatchObject({ state: 'disconnected', ct: null, attemptId: null });
  });

  test('a failure waits for its time; an unknown one for the deadline and the settling time', async () => {
    const target = await house.addGrant(-1);
    const armed = await arm(one, target);
    const prepared = await prepare(one, armed);
    expect(await one.fail(armed, prepared, failure)).toBe(true);
    const waitedMs = await dueInMs(target);
    expect(waitedMs).toBeGreaterThan(2_000);
    expect(waitedMs).toBeLessThanOrEqual(5_100);
    await house.pass(target, 6);
    const again = await arm(one, target);
    await one.fail(again, await prepare(one, again), { ...failure, outcomeUnknown: true, isSuspect: true });
    const unknownMs = await dueInMs(target);
    expect(unknownMs).toBeGreaterThan(waitMs - 5_000);
    expect(unknownMs).toBeLessThanOrEqual(waitMs + 100);
    const row = await house.row(target);
    expect(row).toMatchObject({ failCount: 2, outcomeUnknown: true, lastErrorCode: 'unavailable' });
    expect(row.suspectSince).not.toBe(null);
  });

  test('what was given back is free again', async () => {
    const target = await house.addGrant(-1);
    const armed = await arm(one, target);
    await one.release(armed, 0);
    await house.pass(target, 1);
    expect(await house.row(target)).toMatchObject({ attemptId: null, failCount: 0, outcomeUnknown: false });
    expect(await isDue(target)).toBe(true);
  });

  test('an attempt is taken over only when its owner is silent and it has settled; its outcome is unknown then', async () => {
    const target = await house.addGrant(-1);
    await arm(one, target);
    await house.pass(target, waitMs / 1000 - 10);
    await other.recover([]);
    expect((await house.row(target)).attemptId).not.toBe(null);
    await house.pass(target, 20);
    await house.beat(ones);
    await other.recover([]);
    expect((await house.row(target)).attemptId).not.toBe(null);
    await house.pass(target, 20);
    expect(await other.recover([])).toBeGreaterThan(0);
    expect(await house.row(target)).toMatchObject({ attemptId: null, outcomeUnknown: true, failCount: 0 });
  });

  test('an answer that a dead process left is offered, and waits while a successor asks', async () => {
    const target = await house.addGrant(-1);
    const armed = await arm(one, target);
    const kept = keep(await prepare(one, armed), 'left');
    await house.pass(target, waitMs / 1000 + 20);
    await other.recover([]);
    await house.pass(target, 4);
    const successor = await arm(other, target);
    expect(await other.replay(kept)).toBe('busy');
    await other.release(successor, 0);
    await house.pass(target, 1);
    expect(await other.replay(kept)).toBe('committed');
    expect(await other.replay(kept)).toBe('superseded');
  });
}
