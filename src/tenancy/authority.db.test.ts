import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { Fault } from '../kernel/fault.ts';
import { silentLog } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { createApiToken, hashApiToken, revokeApiToken } from './api-token.ts';
import { type Authority, createAuthority } from './authority.ts';
import { bumpAuthority } from './authority-store.ts';
import { addMembership, createPrincipal, disablePrincipal, removeMembership } from './principal.ts';
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
    prepared: async (statement) => {
      guard();
      return await doors.prepared(statement);
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
  expect(Buffer.compare(rows[0]?.hash ?? Buffer.alloc(0), hashApiToken(token))).toBe(0);
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
      prepared: async (statement) => {
        probes += 1;
        if (probes > 2) await new Promise<void>((resolve) => answers.push(resolve));
        return await house.doors.prepared(statement);
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
  const near = processOn({ ...doors, prepared: async () => [{ no }] as never });
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

test('a token expires to the second, also from memory', async () => {
  const expiresAt = new Date('2030-01-01T00:00:02Z');
  const { token } = await tokenFor((await newService()).principalId, { expiresAt });
  expect(await code(authority.actorByApiToken(token))).toBe('done');
  far.pass(1.999);
  expect(await code(authority.actorByApiToken(token))).toBe('done');
  far.pass(0.001);
  await expect(authority.actorByApiToken(token)).rejects.toMatchObject({
    code: 'not_authenticated',
    message: 'The API token has expired.',
  });
});

test('scopes narrow what the principal may, and never add to it', async () => {
  const { principalId } = await newService('customer_user', house.customer.id);
  const { token } = await tokenFor(principalId, { scopes: ['credential.view', 'credential.delete'] });
  const actor = await authority.actorByApiToken(token);
  expect(actor.memberships.flatMap((membership) => [...membership.permissions])).toEqual(['credential.view']);
  const whole = await authority.actorByPrincipal(house.tenant, principalId);
  expect(whole.memberships[0]?.permissions.size).toBeGreaterThan(1);
  const none = await authority.actorByApiToken((await tokenFor(principalId, { scopes: [] })).token);
  expect(none.memberships.flatMap((membership) => [...membership.permissions])).toEqual([]);
});

test('a scoped or expiring token mints no wider, no longer-living and no unasked-for token', async () => {
  const { principalId } = await newService('admin');
  const make = async (maker: string, more: object) => {
    const actor = await authority.actorByApiToken(maker);
    return await code(
      house.doors.withTenant(house.tenant, (tx) =>
        createApiToken({ tx, actor, principalId, name: 'child', ...more }),
      ),
    );
  };
  const weak = await tokenFor(principalId, { scopes: ['credential.view'] });
  expect(await make(weak.token, { scopes: ['credential.view'] })).toBe('forbidden');
  const expiresAt = new Date('2030-06-01T00:00:00Z');
  const able = await tokenFor(principalId, { scopes: ['credential.view', 'token.manage'], expiresAt });
  expect(await make(able.token, { scopes: ['credential.view'], expiresAt })).toBe('done');
  expect(await make(able.token, { scopes: ['credential.view'] })).toBe('forbidden');
  expect(await make(able.token, { scopes: ['credential.view'], expiresAt: new Date('2031-01-01') })).toBe(
    'forbidden',
  );
  expect(await make(able.token, { scopes: ['credential.delete'], expiresAt })).toBe('forbidden');
  expect(await make(able.token, { scopes: null, expiresAt })).toBe('forbidden');
});

test('nobody gets more rights by a token for somebody else', async () => {
  const admin = await newService('admin');
  const make = (principalId: typeof admin.principalId, scopes: string[] | null = null) =>
    code(
      house.doors.withTenant(house.tenant, (tx) =>
        createApiToken({ tx, actor: admin, principalId, name: 'x', scopes }),
      ),
    );
  expect(await make(house.owner.principalId)).toBe('forbidden');
  expect(await make(house.owner.principalId, ['audit.view'])).toBe('forbidden');
  expect(await make(house.owner.principalId, ['credential.view'])).toBe('done');
  expect(await make((await newService('member')).principalId)).toBe('done');
});

test('unknown scopes are named, with the cure', async () => {
  await expect(
    tokenFor((await newService()).principalId, { scopes: ['credential.fly'] }),
  ).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'scopes',
    public: expect.stringContaining('credential.view'),
  });
});

test('texts that are no tokens, and tokens of another tenant, are one and the same answer', async () => {
  const { token } = await tokenFor((await newService()).principalId);
  const other = await house.addTenant('Other');
  const foreign = `lk_${Buffer.from(other.tenant.replaceAll('-', ''), 'hex').toString('base64url')}${token.slice(25)}`;
  for (const text of [
    '',
    'lk_',
    'Bearer x',
    token.slice(0, -1),
    `${token}A`,
    foreign,
    `${token.slice(0, -1)}\0`,
  ]) {
    await expect(authority.actorByApiToken(text)).rejects.toMatchObject({
      code: 'not_authenticated',
      message: 'Not authenticated.',
    });
  }
});

test('somebody else’s token is revoked only by who manages tokens there; to others it does not exist', async () => {
  const user = await newService('customer_user', house.customer.id);
  const admin = await newService('customer_admin', house.customer.id);
  const { id } = await tokenFor(house.owner.principalId);
  const revoke = (actor: typeof user, tokenId: string) =>
    code(house.doors.withTenant(house.tenant, (tx) => revokeApiToken({ tx, actor, id: tokenId })));
  expect(await revoke(user, id)).toBe('not_found');
  expect(await revoke(admin, id)).toBe('not_found');
  const own = await tokenFor(user.principalId);
  expect(await revoke(user, own.id)).toBe('done');
  expect(await revoke(user, own.id)).toBe('not_found');
  const second = await tokenFor(user.principalId);
  expect(await revoke(admin, second.id)).toBe('done');
});

test('an organization keeps an owner, and nobody below one removes one', async () => {
  const fresh = await house.addTenant('Owned');
  const admin = await house.addActor(fresh, fresh.organization.id, 'admin');
  const inFresh = <T>(work: Parameters<typeof house.doors.withTenant<T>>[1]) =>
    house.doors.withTenant(fresh.tenant, work);
  const role = { principalId: fresh.owner.principalId, unitId: fresh.organization.id, roleKey: 'owner' };
  const id = fresh.owner.principalId;
  expect(await code(inFresh((tx) => removeMembership({ tx, actor: admin, ...role })))).toBe('forbidden');
  expect(await code(inFresh((tx) => disablePrincipal({ tx, actor: admin, id })))).toBe('forbidden');
  expect(await code(inFresh((tx) => removeMembership({ tx, actor: fresh.owner, ...role })))).toBe('conflict');
  expect(await code(inFresh((tx) => disablePrincipal({ tx, actor: fresh.owner, id })))).toBe('conflict');
  const next = await inFresh(async (tx) => {
    const made = await createPrincipal({
      tx,
      actor: fresh.owner,
      tenant: fresh.tenant,
      kind: 'service',
      unitId: fresh.organization.id,
      name: 'Second',
    });
    await addMembership({
      tx,
      actor: fresh.owner,
      principalId: made.id,
      unitId: fresh.organization.id,
      roleKey: 'owner',
    });
    return made;
  });
  expect(next.name).toBe('Second');
  expect(await code(inFresh((tx) => disablePrincipal({ tx, actor: fresh.owner, id })))).toBe('done');
});

test('two authorities never mix two tenants with equal principal ids', async () => {
  const other = await house.addTenant('Twin');
  expect(await code(authority.actorByPrincipal(other.tenant, house.owner.principalId))).toBe(
    'not_authenticated',
  );
  expect((await authority.actorByPrincipal(house.tenant, house.owner.principalId)).tenant).toBe(house.tenant);
  expect(await authority.unitPath(other.tenant, house.customer.id)).toBe(null);
  await house.doors.withTenant(house.tenant, bumpAuthority);
});
