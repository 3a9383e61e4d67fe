import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { Fault } from '../kernel/fault.ts';
import { silentLog } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { createApiToken, hashApiToken, revokeApiToken } from './api-token.ts';
import { type Authority, createAuthority } from './authority.ts';
import { addMembership, disablePrincipal, removeMembership } from './principal.ts';
import { createCustomer, deleteUnit } from './unit.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openTestHouse();
});
afterAll(async () => {
  await house.close();
});

/** The authority of another process, on a clock that only the test moves; it probes when told to. */
function processOn(doors: Doors = house.database.again().doors) {
  let nowMs = Date.parse('2030-01-01T00:00:00Z');
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
  const authority = createAuthority({ doors, clock, log: silentLog });
  const pass = (seconds: number) => {
    nowMs += seconds * 1000;
  };
  return { authority, pass };
}

/** Doors that count tenants' transactions, and that can be shut. */
function watched(doors: Doors) {
  const seen = { transactions: 0, isShut: false };
  const guard = () => {
    if (seen.isShut) throw new Fault('unavailable', 'The database does not answer.');
  };
  const shown: Doors = {
    ...doors,
    withTenant: async (tenant, work) => {
      guard();
      seen.transactions += 1;
      return await doors.withTenant(tenant, work);
    },
    read: async (...asked) => {
      guard();
      return await doors.read(...asked);
    },
  };
  return { doors: shown, seen };
}

async function newService(roleKey = 'admin', unitId = house.organization.id) {
  return await house.addActor(house, unitId, roleKey, `service ${roleKey}`);
}

async function tokenFor(principalId: Awaited<ReturnType<typeof newService>>['principalId'], more = {}) {
  return await house.doors.withTenant(house.tenant, (tx) =>
    createApiToken({ tx, actor: house.owner, principalId, name: 'test', ...more }),
  );
}

const code = async (work: Promise<unknown>) =>
  await work.then(
    () => 'done',
    (error: Fault) => error.code,
  );

let far: ReturnType<typeof processOn>;
let authority: Authority;
beforeEach(async () => {
  far = processOn();
  authority = far.authority;
  await authority.probe();
});

test('a token is stored as its hash only', async () => {
  const { token, id } = await tokenFor((await newService()).principalId);
  const { rows } = await house.doors.withTenant(house.tenant, async (tx) => ({
    rows: await tx.selectFrom('api_token').selectAll().where('id', '=', id).execute(),
  }));
  expect(rows[0]?.hash.toString('hex')).toBe(hashApiToken(token));
  const stored = JSON.stringify(rows);
  expect(stored).not.toContain(token);
  expect(stored).not.toContain(token.slice(25));
  expect(rows[0]?.tail).toBe(token.slice(-4));
});

test('a revoked token is dead in another process at its next probe, and after 3 s even without one', async () => {
  const { token, id } = await tokenFor((await newService()).principalId);
  const slow = processOn();
  await slow.authority.probe();
  for (const one of [authority, slow.authority])
    expect((await one.actorByApiToken(token)).apiTokenId).toBe(id);
  await house.doors.withTenant(house.tenant, (tx) => revokeApiToken({ tx, actor: house.owner, id }));
  await authority.probe();
  expect(await code(authority.actorByApiToken(token))).toBe('not_authenticated');
  slow.pass(3);
  expect(await code(slow.authority.actorByApiToken(token))).toBe('done');
  slow.pass(0.001);
  expect(await code(slow.authority.actorByApiToken(token))).toBe('not_authenticated');
});

test('once started it probes each second, one probe at a time', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    let probes = 0;
    const answers: (() => void)[] = [];
    const doors: Doors = {
      ...house.doors,
      read: async (...asked) => {
        probes += 1;
        if (probes > 2) await new Promise<void>((resolve) => answers.push(resolve));
        return await house.doors.read(...asked);
      },
    };
    const started = processOn(doors).authority;
    await started.start();
    expect(probes).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(probes).toBe(2);
    await started.probe();
    vi.advanceTimersByTime(5_000);
    expect(probes).toBe(3);
    started.stop();
    for (const answer of answers) answer();
    await started.probe();
    vi.advanceTimersByTime(5_000);
    expect(probes).toBeLessThanOrEqual(4);
  } finally {
    vi.useRealTimers();
  }
});

test('within the trusted time an actor costs no statement', async () => {
  const { doors, seen } = watched(house.database.again().doors);
  const near = processOn(doors);
  await near.authority.probe();
  const { token } = await tokenFor((await newService()).principalId);
  await near.authority.actorByApiToken(token);
  const before = seen.transactions;
  for (let turn = 0; turn < 10; turn += 1) await near.authority.actorByApiToken(token);
  expect(seen.transactions).toBe(before);
});

test('while the probe fails nothing is served from memory, and it heals by itself', async () => {
  const { doors, seen } = watched(house.database.again().doors);
  const near = processOn(doors);
  await near.authority.probe();
  const { token } = await tokenFor((await newService()).principalId);
  await near.authority.actorByApiToken(token);
  seen.isShut = true;
  near.pass(2);
  await near.authority.probe();
  expect(await code(near.authority.actorByApiToken(token))).toBe('done');
  near.pass(1.5);
  expect(near.authority.isTrusted()).toBe(false);
  expect(await code(near.authority.actorByApiToken(token))).toBe('unavailable');
  seen.isShut = false;
  expect(await code(near.authority.actorByApiToken(token))).toBe('done');
  await near.authority.probe();
  expect(near.authority.isTrusted()).toBe(true);
});

test('a counter that went back makes everything be forgotten', async () => {
  let no = 7;
  const { doors, seen } = watched(house.doors);
  const near = processOn({ ...doors, read: async () => [[[String(no)]]] });
  let flushes = 0;
  near.authority.onFlush(() => {
    flushes += 1;
  });
  await near.authority.probe();
  const { principalId } = await newService();
  await near.authority.actorByPrincipal(house.tenant, principalId);
  const before = seen.transactions;
  no = 3;
  await near.authority.probe();
  await near.authority.actorByPrincipal(house.tenant, principalId);
  expect({ flushes, loads: seen.transactions - before }).toEqual({ flushes: 2, loads: 1 });
});

test('what is loaded while a flush happens is not remembered', async () => {
  const base = house.database.again().doors;
  let hold: Promise<void> | null = null;
  let loads = 0;
  const near = processOn({
    ...base,
    withTenant: async (tenant, work) => {
      loads += 1;
      const result = await base.withTenant(tenant, work);
      if (hold !== null) await hold;
      return result;
    },
  });
  await near.authority.probe();
  const { principalId } = await newService();
  let release = () => {};
  hold = new Promise((resolve) => {
    release = resolve;
  });
  const loading = near.authority.actorByPrincipal(house.tenant, principalId);
  await house.doors.withTenant(house.tenant, (tx) =>
    disablePrincipal({ tx, actor: house.owner, id: principalId }),
  );
  await near.authority.probe();
  release();
  await loading.catch(() => undefined);
  hold = null;
  expect(await code(near.authority.actorByPrincipal(house.tenant, principalId))).toBe('not_authenticated');
  expect(loads).toBe(2);
});

test('a disabled principal is out, with all tokens', async () => {
  const { principalId } = await newService();
  const { token } = await tokenFor(principalId);
  await authority.actorByApiToken(token);
  await house.doors.withTenant(house.tenant, (tx) =>
    disablePrincipal({ tx, actor: house.owner, id: principalId }),
  );
  await authority.probe();
  expect(await code(authority.actorByApiToken(token))).toBe('not_authenticated');
  expect(await code(authority.actorByPrincipal(house.tenant, principalId))).toBe('not_authenticated');
});

test('a role that is given or taken counts everywhere at the next probe', async () => {
  const { principalId } = await newService('member');
  const may = async () =>
    (await authority.actorByPrincipal(house.tenant, principalId)).memberships.some((m) =>
      m.permissions.has('member.manage'),
    );
  expect(await may()).toBe(false);
  const change = { principalId, unitId: house.organization.id, roleKey: 'admin' };
  await house.doors.withTenant(house.tenant, (tx) => addMembership({ tx, actor: house.owner, ...change }));
  await authority.probe();
  expect(await may()).toBe(true);
  await house.doors.withTenant(house.tenant, (tx) => removeMembership({ tx, actor: house.owner, ...change }));
  await authority.probe();
  expect(await may()).toBe(false);
});

test('users of a deleted customer and their tokens go with it', async () => {
  const unit = await house.doors.withTenant(house.tenant, (tx) =>
    createCustomer({ tx, actor: house.owner, name: 'Short-lived' }),
  );
  const { principalId } = await newService('customer_admin', unit.id);
  const { token } = await tokenFor(principalId);
  await authority.actorByApiToken(token);
  expect(await authority.unitPath(house.tenant, unit.id)).toEqual(unit.path);
  await house.doors.withTenant(house.tenant, (tx) => deleteUnit({ tx, actor: house.owner, id: unit.id }));
  await authority.probe();
  expect(await code(authority.actorByApiToken(token))).toBe('not_authenticated');
  expect(await authority.unitPath(house.tenant, unit.id)).toBe(null);
});
