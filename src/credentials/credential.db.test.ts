import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainValues, seeCredential, storeCredential } from '../../testing/credential-kit.ts';
import { openTwoTenants, outcomeOf, type TwoTenants } from '../../testing/two-tenants.ts';
import type { Fault } from '../kernel/fault.ts';
import { type CredentialId, newId, type UnitId } from '../kernel/ids.ts';
import { firstPage } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import { createWorkspace } from '../tenancy/unit.ts';
import { getBuiltinType, listBuiltinTypes } from './connection-type.ts';
import { createCredential } from './create-credential.ts';
import { type Credential, getCredential, listCredentials } from './credential.ts';
import { deleteCredential } from './delete-credential.ts';
import { disconnectGrant } from './disconnect.ts';
import { updateCredential } from './update-credential.ts';
import { addUse, removeUse } from './use.ts';
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

test('the built-in types have exactly the keys and shown fields that integrations know', async () => {
  const types = await within(two.a.owner, (tx) => listBuiltinTypes(tx, firstPage));
  const shown = types.items.map((type) => [
    type.key,
    type.fields.filter((field) => field.shown).map((field) => field.key),
  ]);
  expect(Object.fromEntries(shown)).toEqual({
    api_key_secret: ['api_key', 'api_secret'],
    basic: ['username', 'password'],
    private_key: ['username', 'private_key'],
    api_key: ['api_key'],
    oauth2: ['client_id', 'client_secret', 'scopes', 'auth_uri', 'token_uri'],
    noauth: [],
  });
});

test('every built-in type can be stored and is ready for use, oauth2 once it is connected', async () => {
  const pem = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'A'.repeat(300)}\n-----END OPENSSH PRIVATE KEY-----\n`;
  const given = {
    api_key_secret: { api_key: 'AKIA', api_secret: 's3cr3t' },
    basic: { username: 'ada', password: 'p\u00e4ss w\u00f6rd 🔑' },
    private_key: { username: 'ada', private_key: pem },
    api_key: { api_key: 'eyJhbGciOi.J9.x' },
    noauth: {},
    oauth2: { client_id: 'id', client_secret: 'secret', scopes: 'a b', ...endpoints },
  };
  for (const [key, values] of Object.entries(given)) {
    const credential = await store(key, values);
    expect(credential.connectionType.key).toBe(key);
    expect(credential.isReadyForUse).toBe(key !== 'oauth2');
    expect(credential.grant?.state ?? null).toBe(key === 'oauth2' ? 'pending' : null);
    const own = key === 'oauth2' ? { scopes: 'a b' } : values;
    expect(await open(credential)).toEqual(own);
    expect(credential.fieldKeys).toEqual(Object.keys(own).sort());
  }
});

test('credentials stand at organization, customer and workspace; each actor sees those of its unit and beneath', async () => {
  const { a } = two;
  const workspace = await within(a.owner, (tx) =>
    createWorkspace({ tx, actor: a.owner, customerId: a.customer.id, name: 'W', externalId: 'w1' }),
  );
  const at = (unitId: UnitId, label: string) => store('api_key', { api_key: 'k' }, { unitId, label });
  const levels = {
    organization: await at(a.organization.id, 'level organization'),
    customer: await at(a.customer.id, 'level customer'),
    other: await at(a.other.id, 'level other'),
    workspace: await at(workspace.id, 'level workspace'),
  };
  const seenBy = async (actor: Actor) => {
    const listed = await within(actor, (tx) =>
      listCredentials({ tx, actor, unitId: null, search: 'level ', page: firstPage }),
    );
    const got: string[] = [];
    for (const [name, credential] of Object.entries(levels)) {
      const outcome = await attempt(actor, (tx) => getCredential({ tx, actor, id: credential.id }));
      if (outcome === 'done') got.push(`level ${name}`);
    }
    expect(listed.items.map((item) => item.label).sort()).toEqual(got.sort());
    expect(listed.totalCount).toBe(got.length);
    return got;
  };
  const all = Object.keys(levels)
    .map((name) => `level ${name}`)
    .sort();
  expect(await seenBy(a.owner)).toEqual(all);
  expect(await seenBy(a.member)).toEqual(all);
  expect(await seenBy(a.customerAdmin)).toEqual(['level customer', 'level workspace']);
  expect(await seenBy(a.customerUser)).toEqual(['level customer', 'level workspace']);
  const inWorkspace = await two.house.addActor(a, workspace.id, 'customer_user').catch(() => null);
  expect(inWorkspace).toBe(null);
  const only = async (unitId: UnitId, includeBeneath: boolean) =>
    (
      await within(a.owner, (tx) =>
        listCredentials({ tx, actor: a.owner, unitId, includeBeneath, search: 'level ', page: firstPage }),
      )
    ).items.map((item) => item.label);
  expect(await only(a.customer.id, false)).toEqual(['level customer']);
  expect(await only(a.customer.id, true)).toEqual(['level customer', 'level workspace']);
  expect(await only(workspace.id, false)).toEqual(['level workspace']);
});

test('lists are searched literally, whatever the case, in pages that neither repeat nor miss one', async () => {
  const { a } = two;
  for (const label of ['100% Dropbox', '1000 Dropbox', 'under_score', 'under-score']) {
    await store('noauth', {}, { label, unitId: a.other.id });
  }
  const search = async (text: string) =>
    (
      await within(a.owner, (tx) =>
        listCredentials({ tx, actor: a.owner, unitId: a.other.id, search: text, page: firstPage }),
      )
    ).items.map((item) => item.label);
  expect(await search('100%')).toEqual(['100% Dropbox']);
  expect(await search('r_S')).toEqual(['under_score']);
  expect((await search('dropBOX')).sort()).toEqual(['100% Dropbox', '1000 Dropbox']);
  expect(await search("' or 1=1 --")).toEqual([]);
  const labels: (string | null)[] = [];
  for (let offset = 0; ; offset += 2) {
    const page = await within(a.owner, (tx) =>
      listCredentials({ tx, actor: a.owner, unitId: a.other.id, search: 'er', page: { offset, limit: 2 } }),
    );
    labels.push(...page.items.map((item) => item.label));
    if (labels.length >= page.totalCount) break;
  }
  expect(labels.length).toBe(new Set(labels).size);
});

test('no function shows a value that was stored: what comes back is searched for canaries', async () => {
  const { a, house } = two;
  const canary = (name: string) => `canary-${name}-${newId<never>() as string}`;
  const values = { client_id: 'public-id', client_secret: canary('secret'), scopes: 'a', ...endpoints };
  const oauth = await store('oauth2', values, { label: 'canary' });
  const secrets = { api_key: canary('key'), api_secret: canary('second') };
  const plain = await store('api_key_secret', secrets, { label: 'canary too' });
  const update = (id: CredentialId, change: Record<string, string>) =>
    within(a.owner, (tx) =>
      updateCredential({ tx, vault: house.vault, actor: a.owner, id, values: plainValues(change) }),
    );
  const shown: unknown[] = [
    oauth,
    plain,
    await update(plain.id, { api_secret: secrets.api_secret }),
    await update(oauth.id, { client_secret: values.client_secret }),
    await within(a.owner, (tx) => getCredential({ tx, actor: a.owner, id: plain.id })),
    await within(a.owner, (tx) =>
      listCredentials({ tx, actor: a.owner, unitId: null, search: 'canary', page: firstPage }),
    ),
    await faultOf(update(plain.id, { api_secret: `${secrets.api_secret}\0` })),
    await faultOf(update(plain.id, { [secrets.api_key.slice(0, 3)]: secrets.api_key })),
  ];
  const everything = shown.map((one) => `${JSON.stringify(one)} ${inspect(one, { depth: 20 })}`).join('\n');
  expect(everything).not.toMatch(/canary-/);
  const rows = await within(a.owner, async (tx) => ({
    audit: await tx.selectFrom('audit_event').selectAll().execute(),
    log: await tx.selectFrom('connection_log').selectAll().execute(),
  }));
  expect(JSON.stringify(rows)).not.toMatch(/canary-/);
});

test('an update with the same value answers exactly like one with another value', async () => {
  const { a, house } = two;
  const credential = await store('api_key', { api_key: 'the same' });
  const update = async (value: string) => {
    const { updatedAt: _at, ...rest } = await within(a.owner, (tx) =>
      updateCredential({
        tx,
        vault: house.vault,
        actor: a.owner,
        id: credential.id,
        values: plainValues({ api_key: value }),
      }),
    );
    return rest;
  };
  expect(await update('the same')).toEqual(await update('quite another one'));
});

test('one field changes and the others stay, unopened and as they were', async () => {
  const { a, house } = two;
  const credential = await store('basic', { username: 'ada', password: 'one' });
  const stored = () =>
    within(a.owner, (tx) =>
      tx
        .selectFrom('credential_value')
        .selectAll()
        .where('credential_id', '=', credential.id)
        .orderBy('field_key')
        .execute(),
    );
  const [before] = [await stored()];
  await within(a.owner, (tx) =>
    updateCredential({
      tx,
      vault: house.vault,
      actor: a.owner,
      id: credential.id,
      values: plainValues({ password: 'two' }),
    }),
  );
  const after = await stored();
  expect(await open(credential)).toEqual({ username: 'ada', password: 'two' });
  expect(after.find((row) => row.field_key === 'username')).toEqual(
    before.find((row) => row.field_key === 'username'),
  );
  expect(after.find((row) => row.field_key === 'password')?.sealed).not.toEqual(
    before.find((row) => row.field_key === 'password')?.sealed,
  );
});

test('a value that is cleared and set again never gets a number that another value had', async () => {
  const { a, house } = two;
  const credential = await store('oauth2', {
    client_id: 'x',
    client_secret: 'y',
    scopes: 'first',
    ...endpoints,
  });
  const set = (scopes: string) =>
    within(a.owner, (tx) =>
      updateCredential({
        tx,
        vault: house.vault,
        actor: a.owner,
        id: credential.id,
        values: plainValues({ scopes }),
      }),
    );
  const numbers: number[] = [];
  for (const scopes of ['second', '', 'third', '', 'fourth']) {
    await set(scopes);
    const row = await within(a.owner, (tx) =>
      tx
        .selectFrom('credential_value')
        .select('value_no')
        .where('credential_id', '=', credential.id)
        .where('field_key', '=', 'scopes')
        .executeTakeFirst(),
    );
    if (row !== undefined) numbers.push(Number(row.value_no));
  }
  expect(new Set(numbers).size).toBe(3);
  expect([...numbers].sort((x, y) => x - y)).toEqual(numbers);
  expect(await open(credential)).toEqual({ scopes: 'fourth' });
});

test('two writers of one new field both succeed, and the value can be opened', async () => {
  const { a, house } = two;
  const credential = await store('oauth2', { client_id: 'x', client_secret: 'y', ...endpoints });
  await Promise.all(
    ['one', 'two', 'three'].map((scopes) =>
      within(a.owner, (tx) =>
        updateCredential({
          tx,
          vault: house.vault,
          actor: a.owner,
          id: credential.id,
          values: plainValues({ scopes }),
        }),
      ),
    ),
  );
  expect(['one', 'two', 'three']).toContain((await open(credential)).scopes);
});

test('deleting wants the exact name, code point by code point, on the server', async () => {
  const { a, house } = two;
  const credential = await store('api_key', { api_key: 'k' }, { label: 'Dropbox Prod' });
  const remove = (typedName: string | null) =>
    attempt(a.owner, (tx) =>
      deleteCredential({ tx, vault: house.vault, actor: a.owner, id: credential.id, typedName }),
    );
  for (const wrong of [
    '',
    'dropbox prod',
    ' Dropbox Prod',
    'Dropbox Prod ',
    'Dropbox  Prod',
    'Dr\u043epbox Prod',
    'Dropbox\u00a0Prod',
    'Dropbox Prod\u200b',
  ]) {
    expect([wrong, await remove(wrong)]).toEqual([wrong, 'name_mismatch']);
  }
  expect(await seeCredential(house, credential)).not.toBe(null);
  expect(await remove('Dropbox Prod')).toBe('done');
  expect(await seeCredential(house, credential)).toBe(null);
  expect(await remove('Dropbox Prod')).toBe('not_found');
});

test('the name to type is the one at that moment, also while somebody renames it', async () => {
  const { a, house } = two;
  const credential = await store('api_key', { api_key: 'k' }, { label: 'Old name' });
  let renamed = () => {};
  const isRenamed = new Promise<void>((resolve) => {
    renamed = resolve;
  });
  let deletion: Promise<string> = Promise.resolve('');
  await within(a.owner, async (tx) => {
    await updateCredential({ tx, vault: house.vault, actor: a.owner, id: credential.id, label: 'New name' });
    deletion = attempt(a.owner, (other) =>
      deleteCredential({
        tx: other,
        vault: house.vault,
        actor: a.owner,
        id: credential.id,
        typedName: 'Old name',
      }),
    );
    renamed();
  });
  await isRenamed;
  expect(await deletion).toBe('name_mismatch');
});

test('a credential in use is not deleted, and the answer says where it is used', async () => {
  const { a, house } = two;
  const credential = await store('api_key', { api_key: 'k' }, { label: 'Used' });
  const use = { userKind: 'connection', userId: newId<never>() as string };
  await within(a.owner, (tx) => addUse(tx, credential.id, use));
  expect((await seeCredential(house, credential))?.usedBy).toBe(1);
  const remove = () =>
    within(a.owner, (tx) =>
      deleteCredential({ tx, vault: house.vault, actor: a.owner, id: credential.id, typedName: 'Used' }),
    );
  const fault = await faultOf(remove());
  expect(fault.code).toBe('in_use');
  expect(fault.public).toContain(`connection ${use.userId}`);
  await within(a.owner, (tx) => removeUse(tx, credential.id, use));
  await remove();
  expect(await attempt(a.owner, (tx) => addUse(tx, credential.id, use))).toBe('not_found');
});

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
