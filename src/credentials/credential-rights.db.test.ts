import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainValues, seeCredential, storeCredential } from '../../testing/credential-kit.ts';
import { openTwoTenants, outcomeOf, type TwoTenants } from '../../testing/two-tenants.ts';
import type { Fault } from '../kernel/fault.ts';
import { type CredentialId, newId, type UnitId } from '../kernel/ids.ts';
import { firstPage } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import { getBuiltinType } from './connection-type.ts';
import { createCredential } from './create-credential.ts';
import { type Credential, getCredential, listCredentials } from './credential.ts';
import { deleteCredential } from './delete-credential.ts';
import { disconnectGrant } from './disconnect.ts';
import { updateCredential } from './update-credential.ts';
import { addUse } from './use.ts';
import { openStoredValues } from './values.ts';

let two: TwoTenants;
beforeAll(async () => {
  two = await openTwoTenants();
});
afterAll(async () => {
  await two.house.close();
});

const within = <T>(actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> =>
  two.house.doors.withTenant(actor.tenant, work);
const attempt = (actor: Actor, work: (tx: Tx) => Promise<unknown>) => outcomeOf(() => within(actor, work));
const faultOf = (work: Promise<unknown>): Promise<Fault> =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Fault) => error,
  );
const endpoints = {
  auth_uri: 'https://provider.example/authorize',
  token_uri: 'https://provider.example/token',
};
const store = (
  typeKey: string,
  values: Record<string, string>,
  more: Parameters<typeof storeCredential>[3] = {},
) => storeCredential(two.house, typeKey, values, more);
const open = async (credential: Credential) =>
  Object.fromEntries(
    [
      ...(await within(two.a.owner, (tx) =>
        openStoredValues({
          tx,
          vault: two.house.vault,
          tenant: credential.tenantId,
          credentialId: credential.id,
        }),
      )),
    ].map(([key, value]) => [key, value.revealText()]),
  );

test('what each role may do with credentials of organization, own customer and other customer', async () => {
  const { a, house } = two;
  const vault = house.vault;
  const cast: Record<string, Actor> = {
    owner: a.owner,
    admin: a.admin,
    member: a.member,
    customerAdmin: a.customerAdmin,
    customerUser: a.customerUser,
  };
  const units: Record<string, UnitId> = {
    organization: a.organization.id,
    own: a.customer.id,
    other: a.other.id,
  };
  const table: Record<string, string> = {};
  for (const [who, actor] of Object.entries(cast)) {
    for (const [where, unitId] of Object.entries(units)) {
      const label = `${who} ${where}`;
      const { id } = await store(
        'oauth2',
        { client_id: 'x', client_secret: 'y', ...endpoints },
        { unitId, label },
      );
      const outcomes = [
        await attempt(actor, (tx) => getCredential({ tx, actor, id })),
        await attempt(actor, async (tx) =>
          createCredential({
            tx,
            vault,
            actor,
            unitId,
            label: 'New',
            type: await getBuiltinType(tx, 'api_key'),
            values: plainValues({ api_key: 'k' }),
          }),
        ),
        await attempt(actor, (tx) =>
          updateCredential({ tx, vault, actor, id, values: plainValues({ scopes: 'b' }) }),
        ),
        await attempt(actor, (tx) => disconnectGrant({ tx, vault, actor, credentialId: id })),
        await attempt(actor, (tx) => deleteCredential({ tx, vault, actor, id, typedName: label })),
      ];
      table[label] = outcomes.join(' ');
    }
  }
  const all = 'done done done done done';
  const nothing = 'not_found not_found not_found not_found not_found';
  expect(table).toEqual({
    'owner organization': all,
    'owner own': all,
    'owner other': all,
    'admin organization': all,
    'admin own': all,
    'admin other': all,
    'member organization': all,
    'member own': all,
    'member other': all,
    'customerAdmin organization': nothing,
    'customerAdmin own': all,
    'customerAdmin other': nothing,
    'customerUser organization': nothing,
    'customerUser own': 'done forbidden forbidden forbidden forbidden',
    'customerUser other': nothing,
  });
});

test('nothing of another tenant shows or changes, and absent and foreign are one answer', async () => {
  const { a, b, house } = two;
  const vault = house.vault;
  const theirs = await storeCredential(
    house,
    'api_key',
    { api_key: 'theirs' },
    { at: b, label: 'Same label' },
  );
  await store('api_key', { api_key: 'ours' }, { label: 'Same label' });
  const actor = a.owner;
  const faults: string[] = [];
  for (const id of [theirs.id, newId<CredentialId>()]) {
    const outcomes: Fault[] = [];
    const works: ((tx: Tx) => Promise<unknown>)[] = [
      (tx) => getCredential({ tx, actor, id }),
      (tx) => updateCredential({ tx, vault, actor, id, label: 'Mine' }),
      (tx) => disconnectGrant({ tx, vault, actor, credentialId: id }),
      (tx) => deleteCredential({ tx, vault, actor, id, typedName: 'Same label' }),
      (tx) => addUse(tx, id, { userKind: 'connection', userId: newId<never>() as string }),
    ];
    for (const work of works) outcomes.push(await faultOf(within(actor, work)));
    faults.push(outcomes.map((fault) => `${fault.code} ${fault.public}`).join('\n'));
  }
  expect(faults[0]).toBe(faults[1]);
  const create = (unitId: UnitId) =>
    attempt(actor, async (tx) =>
      createCredential({
        tx,
        vault,
        actor,
        unitId,
        label: 'X',
        type: await getBuiltinType(tx, 'noauth'),
        values: new Map(),
      }),
    );
  expect(await create(b.organization.id)).toBe('not_found');
  expect(await create(b.customer.id)).toBe('not_found');
  const values = await within(actor, (tx) =>
    openStoredValues({ tx, vault, tenant: a.tenant, credentialId: theirs.id }),
  );
  expect(values.size).toBe(0);
  const listed = await within(actor, (tx) =>
    listCredentials({ tx, actor, unitId: null, search: 'Same label', page: firstPage }),
  );
  expect(listed.items.map((item) => item.tenantId)).toEqual([a.tenant]);
  expect((await seeCredential(house, theirs))?.label).toBe('Same label');
});

test('a ciphertext moved to another credential or tenant does not open', async () => {
  const { a, b, house } = two;
  const mine = await store('api_key', { api_key: 'mine' });
  const theirs = await storeCredential(house, 'api_key', { api_key: 'theirs' }, { at: b });
  const sealed = await house.doors.withTenant(b.tenant, (tx) =>
    tx
      .selectFrom('credential_value')
      .select('sealed')
      .where('credential_id', '=', theirs.id)
      .executeTakeFirstOrThrow(),
  );
  await within(a.owner, (tx) =>
    tx
      .updateTable('credential_value')
      .set({ sealed: sealed.sealed })
      .where('credential_id', '=', mine.id)
      .execute(),
  );
  await expect(open(mine)).rejects.toThrow();
});

test('bad input names the field and the cure, keeps the secret to itself and stores nothing', async () => {
  const { a, house } = two;
  const secret = 'hunter2-hunter2-hunter2';
  const full = { client_id: 'id', client_secret: secret, ...endpoints };
  const count = () =>
    within(a.owner, async (tx) => ({
      credentials: (await tx.selectFrom('credential').select('id').execute()).length,
      clients: (await tx.selectFrom('auth_client').select('id').execute()).length,
      registrations: (await tx.selectFrom('registration').select('id').execute()).length,
    }));
  const before = await count();
  const cases: [string, Record<string, string>, object, string][] = [
    ['api_key', { api_key: secret, api_private: secret }, {}, 'values.api_private'],
    ['api_key', {}, {}, 'values.api_key'],
    ['api_key', { api_key: '' }, {}, 'values.api_key'],
    ['api_key', { api_key: `${secret}\0` }, {}, 'values.api_key'],
    ['api_key', { api_key: secret.repeat(3_000) }, {}, 'values.api_key'],
    ['noauth', { username: secret }, {}, 'values.username'],
    ['basic', { username: 'x' }, {}, 'values.password'],
    ['oauth2', { ...full, auth_uri: '' }, {}, 'values.auth_uri'],
    ['oauth2', { ...full, token_uri: 'provider.example/token' }, {}, 'values.token_uri'],
    ['oauth2', { ...full, token_uri: `https://evil.example/#${secret}` }, {}, 'values.token_uri'],
    ['oauth2', { ...full, token_uri: `https://user:${secret}@provider.example/` }, {}, 'values.token_uri'],
    ['oauth2', { ...full, token_uri: 'javascript:alert(1)' }, {}, 'values.token_uri'],
    ['oauth2', { ...full, client_id: '   ' }, {}, 'values.client_id'],
    ['api_key', { api_key: secret }, { label: '' }, 'label'],
    ['api_key', { api_key: secret }, { label: `a\0b` }, 'label'],
    ['api_key', { api_key: secret }, { label: 'x'.repeat(300) }, 'label'],
    ['oauth2', full, { authorizeParams: { 'a b': 'c' } }, 'authorizeParams'],
    ['oauth2', full, { authorizeParams: { prompt: 'a\0b' } }, 'authorizeParams'],
    ['api_key', { api_key: secret }, { templateId: newId<never>() }, 'template'],
    ['api_key', { api_key: secret }, { templateId: 'no uuid' }, 'template'],
  ];
  for (const [type, values, more, field] of cases) {
    const fault = await faultOf(store(type, values, more));
    const said = `${type} ${field}: ${fault.public} ${fault.detail}`;
    expect([said, fault.field, fault.cure === null], said).toEqual([said, field, false]);
    expect(fault.status, said).toBeLessThan(500);
    expect(said).not.toContain(secret);
  }
  const type = within(a.owner, (tx) => getBuiltinType(tx, 'oauth3'));
  await expect(type).rejects.toMatchObject({
    field: 'type',
    public: expect.stringContaining('api_key_secret'),
  });
  expect(await count()).toEqual(before);
  const credential = await store('basic', { username: 'x', password: secret });
  const update = within(a.owner, (tx) =>
    updateCredential({
      tx,
      vault: house.vault,
      actor: a.owner,
      id: credential.id,
      values: plainValues({ username: 'changed', password: '' }),
    }),
  );
  expect((await faultOf(update)).field).toBe('values.password');
  expect(await open(credential)).toEqual({ username: 'x', password: secret });
});
