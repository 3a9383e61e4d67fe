import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Fault } from '../kernel/fault.ts';
import { silentLog } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { createApiToken, revokeApiToken } from './api-token.ts';
import { type Authority, createAuthority } from './authority.ts';
import { bumpAuthority, selectApiToken } from './authority-store.ts';
import { addMembership, createPrincipal, disablePrincipal, removeMembership } from './principal.ts';
import { createWorkspace } from './unit.ts';

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
  expect(await make(able.token, { scopes: ['credential.view'], expiresAt: new Date('2031-01-01') })).toBe(
    'forbidden',
  );
  expect(await make(able.token, { scopes: ['credential.delete'], expiresAt })).toBe('forbidden');
  expect(await make(able.token, { scopes: null, expiresAt })).toBe('forbidden');
});

test('a token made by an expiring one ends with it unless an earlier end is asked for, and says when', async () => {
  const { principalId } = await newService('admin');
  const expiresAt = new Date('2030-06-01T00:00:00Z');
  const earlier = new Date('2030-05-01T00:00:00Z');
  const makerOf = async (more: object) =>
    await authority.actorByApiToken((await tokenFor(principalId, more)).token);
  const make = async (actor: Awaited<ReturnType<typeof makerOf>>, asked: Date | null) =>
    await house.doors.withTenant(house.tenant, async (tx) => {
      const made = await createApiToken({
        tx,
        actor,
        principalId,
        name: 'child',
        scopes: ['credential.view'],
        expiresAt: asked,
      });
      return [made.expiresAt, (await selectApiToken(tx, made.id))?.expiresAt];
    });
  const ending = await makerOf({ expiresAt });
  expect(await make(ending, null)).toEqual([expiresAt, expiresAt]);
  expect(await make(ending, earlier)).toEqual([earlier, earlier]);
  expect(await make(await makerOf({}), null)).toEqual([null, null]);
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

test('nobody ends a token of somebody who holds more rights', async () => {
  const workspace = await house.doors.withTenant(house.tenant, (tx) =>
    createWorkspace({ tx, actor: house.owner, customerId: house.customer.id, name: 'Of secrets' }),
  );
  const admin = await newService('customer_admin', house.customer.id);
  const integrator = await newService('integrator', workspace.id);
  const guest = await newService('guest', workspace.id);
  const revoke = async (principalId: typeof admin.principalId) => {
    const { id } = await tokenFor(principalId);
    return await code(house.doors.withTenant(house.tenant, (tx) => revokeApiToken({ tx, actor: admin, id })));
  };
  expect(await revoke(integrator.principalId)).toBe('forbidden');
  expect(await revoke(guest.principalId)).toBe('done');
});

test('a narrow token ends itself, and no other one of its principal', async () => {
  const { principalId } = await newService('admin');
  const narrow = await tokenFor(principalId, { scopes: ['credential.view'] });
  const able = await tokenFor(principalId, { scopes: ['token.manage'] });
  const other = await tokenFor(principalId);
  const revoke = async (by: string, id: string) => {
    const actor = await authority.actorByApiToken(by);
    return await code(house.doors.withTenant(house.tenant, (tx) => revokeApiToken({ tx, actor, id })));
  };
  expect(await revoke(narrow.token, other.id)).toBe('not_found');
  expect(await revoke(narrow.token, narrow.id)).toBe('done');
  expect(await revoke(able.token, other.id)).toBe('done');
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
