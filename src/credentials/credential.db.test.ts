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
import { listBuiltinTypes } from './connection-type.ts';
import { type Credential, getCredential, listCredentials } from './credential.ts';
import { deleteCredential } from './delete-credential.ts';
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
