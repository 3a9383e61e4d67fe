import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainValues, storeCredential } from '../../testing/credential-kit.ts';
import { addVersion, connectionVariable } from '../../testing/instance-kit.ts';
import { openTwoTenants, outcomeOf, type TwoTenants } from '../../testing/two-tenants.ts';
import { createAuthClient, updateAuthClient } from '../credentials/auth-client.ts';
import { type ConnectionType, getBuiltinType } from '../credentials/connection-type.ts';
import { type AuthClientId, newId, type UnitId } from '../kernel/ids.ts';
import { firstPage } from '../kernel/page.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import {
  createTemplate,
  deleteTemplate,
  freezeTemplates,
  listTemplates,
  openTemplateValues,
  updateTemplate,
} from './template.ts';
import { selectTemplateByName, type Template, type TemplateId } from './template-store.ts';

let two: TwoTenants;
let basic: ConnectionType;
beforeAll(async () => {
  two = await openTwoTenants();
  basic = await within(two.a.owner, (tx) => getBuiltinType(tx, 'basic'));
});
afterAll(async () => {
  await two.house.close();
});

const within = <T>(actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> =>
  two.house.doors.withTenant(actor.tenant, work);
const attempt = (actor: Actor, work: (tx: Tx) => Promise<unknown>) => outcomeOf(() => within(actor, work));
const make = (
  name: string,
  values: Record<string, string>,
  more: {
    actor?: Actor;
    unitId?: UnitId;
    authClientId?: AuthClientId;
    isShared?: boolean;
    type?: ConnectionType;
  } = {},
): Promise<Template> => {
  const { actor = two.a.owner, unitId = two.a.organization.id, type = basic, ...rest } = more;
  return within(actor, (tx) =>
    createTemplate({
      tx,
      vault: two.house.vault,
      actor,
      unitId,
      name,
      type,
      values: plainValues(values),
      ...rest,
    }),
  );
};
const update = (tx: Tx, template: Template, values: Record<string, string>) =>
  updateTemplate({
    tx,
    vault: two.house.vault,
    actor: two.a.owner,
    id: template.id,
    values: plainValues(values),
  });
const open = async (template: Template) =>
  Object.fromEntries(
    [
      ...(await within(two.a.owner, (tx) =>
        openTemplateValues({ tx, vault: two.house.vault, tenant: two.a.tenant, id: template.id }),
      )),
    ].map(([key, value]) => [key, value.revealText()]),
  );

/** Runs `second` while the transaction of `first` is still open; tells how the second ended. */
async function overlapping(
  first: (tx: Tx) => Promise<unknown>,
  second: (tx: Tx) => Promise<unknown>,
): Promise<string> {
  let ending: Promise<string> = Promise.resolve('');
  await within(two.a.owner, async (tx) => {
    await first(tx);
    ending = attempt(two.a.owner, second);
    await isWaiting();
  });
  return await ending;
}

/** Resolves when some session waits for a row lock. */
async function isWaiting(): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) {
    const { rows } = await two.house.doors.locate((tx) =>
      sql<{ n: number }>`select count(*) as n from pg_locks where not granted`.execute(tx),
    );
    if ((rows[0]?.n ?? 0) > 0) return;
  }
  throw new Error('nobody waits');
}

test('a template is edited until it is published, and never after', async () => {
  const template = await make('Editable', { username: 'one', password: 'p' });
  await within(two.a.owner, (tx) => update(tx, template, { username: 'two' }));
  expect(await open(template)).toEqual({ username: 'two', password: 'p' });
  await within(two.a.owner, (tx) => freezeTemplates(tx, two.a.owner, [template.id]));
  expect(await attempt(two.a.owner, (tx) => update(tx, template, { username: 'three' }))).toBe('frozen');
  expect(await open(template)).toEqual({ username: 'two', password: 'p' });
});

test('an edit that meets a publication waits for it and is refused', async () => {
  const template = await make('Published meanwhile', { username: 'one' });
  const ending = await overlapping(
    (tx) => freezeTemplates(tx, two.a.owner, [template.id]),
    (tx) => update(tx, template, { username: 'two' }),
  );
  expect(ending).toBe('frozen');
  expect(await open(template)).toEqual({ username: 'one' });
});

test('a publication that meets an edit waits for it and freezes what was written', async () => {
  const template = await make('Edited meanwhile', { username: 'one' });
  const ending = await overlapping(
    (tx) => update(tx, template, { username: 'two' }),
    (tx) => freezeTemplates(tx, two.a.owner, [template.id]),
  );
  expect(ending).toBe('done');
  expect(await open(template)).toEqual({ username: 'two' });
  expect(await attempt(two.a.owner, (tx) => update(tx, template, { username: 'x' }))).toBe('frozen');
});

test('publications that freeze the same templates in different order do not wait for each other for ever', async () => {
  const ids = [
    (await make('Order 1', { username: 'a' })).id,
    (await make('Order 2', { username: 'b' })).id,
    (await make('Order 3', { username: 'c' })).id,
  ];
  const outcomes = await Promise.all(
    [ids, [...ids].reverse(), ids, [...ids].reverse()].map((order) =>
      attempt(two.a.owner, (tx) => freezeTemplates(tx, two.a.owner, order)),
    ),
  );
  expect(outcomes).toEqual(['done', 'done', 'done', 'done']);
  const frozen = await within(two.a.owner, (tx) =>
    tx
      .selectFrom('audit_event')
      .select('object_id')
      .where('action', '=', 'template.frozen')
      .where('object_id', 'in', ids)
      .execute(),
  );
  expect(frozen).toHaveLength(3);
});

test('the client secret behind a frozen template still rotates', async () => {
  const { a, house } = two;
  const oauth = await within(a.owner, (tx) => getBuiltinType(tx, 'oauth2'));
  const identity = {
    clientId: 'app',
    authorizeUrl: 'https://provider.example/a',
    tokenUrl: 'https://provider.example/t',
    refreshUrl: null,
    revokeUrl: null,
    clientAuth: 'post',
  } as const;
  const client = await within(a.owner, (tx) =>
    createAuthClient({
      tx,
      vault: house.vault,
      actor: a.owner,
      client: {
        unitId: a.organization.id,
        name: 'App',
        type: 'oauth2',
        identity,
        secret: Plain.fromText('one'),
      },
    }),
  );
  const template = await make('OAuth', {}, { authClientId: client.id, type: oauth });
  await within(a.owner, (tx) => freezeTemplates(tx, a.owner, [template.id]));
  const change = { secret: Plain.fromText('two') };
  expect(
    await attempt(a.owner, (tx) =>
      updateAuthClient({ tx, vault: house.vault, actor: a.owner, id: client.id, change }),
    ),
  ).toBe('done');
});

test('a template uses clients of its unit or above, of its tenant; never somebody’s inline one', async () => {
  const { a, b, house } = two;
  const oauth = await within(a.owner, (tx) => getBuiltinType(tx, 'oauth2'));
  const client = (actor: Actor, unitId: UnitId) =>
    within(actor, (tx) =>
      createAuthClient({
        tx,
        vault: house.vault,
        actor,
        client: {
          unitId,
          name: 'C',
          type: 'oauth2',
          identity: {
            clientId: 'c',
            authorizeUrl: 'https://p.example/a',
            tokenUrl: 'https://p.example/t',
            refreshUrl: null,
            revokeUrl: null,
            clientAuth: 'post',
          },
          secret: null,
        },
      }),
    );
  const inline = await storeCredential(house, 'oauth2', {
    client_id: 'i',
    client_secret: 's',
    auth_uri: 'https://p.example/a',
    token_uri: 'https://p.example/t',
  });
  const theirs = await client(b.owner, b.organization.id);
  const beneath = await client(a.owner, a.customer.id);
  for (const authClientId of [
    theirs.id,
    beneath.id,
    inline.authClientId ?? newId<AuthClientId>(),
    newId<AuthClientId>(),
  ]) {
    const made = make(`T ${authClientId}`, {}, { authClientId, type: oauth });
    await expect(made).rejects.toMatchObject({ code: 'not_found', field: 'authClient' });
  }
});

test('templates of other customers and tenants neither show nor fill nor change', async () => {
  const { a, b, house } = two;
  const ofOther = await make(
    'Equal name',
    { username: 'other', password: 'x' },
    { unitId: a.other.id, isShared: true },
  );
  const mine = await make('Equal name', { username: 'organization' }, { isShared: true });
  const hidden = await make('Hidden', { username: 'organization' });
  await make(
    'Equal name',
    { username: 'theirs' },
    { actor: b.owner, unitId: b.organization.id, isShared: true },
  );
  const viewer: Actor = {
    ...a.customerAdmin,
    memberships: a.customerAdmin.memberships.map((membership) => ({
      ...membership,
      permissions: new Set([...membership.permissions, 'template.view'] as const),
    })),
  };
  const listed = await within(viewer, (tx) => listTemplates({ tx, actor: viewer, page: firstPage }));
  const ids = listed.items.map((template) => template.id);
  expect(ids).toContain(mine.id);
  expect(ids).not.toContain(ofOther.id);
  expect(ids).not.toContain(hidden.id);
  const found = await within(a.owner, (tx) =>
    selectTemplateByName(tx, 'Equal name', [a.customer.id, a.organization.id]),
  );
  expect(found?.id).toBe(mine.id);
  const filled = storeCredential(
    house,
    'basic',
    { username: 'u', password: 'p' },
    {
      unitId: a.customer.id,
      actor: a.customerAdmin,
      templateId: ofOther.id,
    },
  );
  await expect(filled).rejects.toMatchObject({ code: 'not_found', field: 'template' });
  for (const actor of [b.owner, a.customerAdmin]) {
    const change = { values: plainValues({ username: 'mine now' }) };
    expect(
      await attempt(actor, (tx) =>
        updateTemplate({ tx, vault: house.vault, actor, id: ofOther.id, ...change }),
      ),
    ).toBe('not_found');
    expect(await attempt(actor, (tx) => deleteTemplate({ tx, actor, id: ofOther.id }))).toBe('not_found');
  }
  expect(await open(ofOther)).toEqual({ username: 'other', password: 'x' });
});

test('only who manages templates makes them, and names are unique where they stand', async () => {
  const { a } = two;
  expect(
    await outcomeOf(() => make('By customer', {}, { actor: a.customerAdmin, unitId: a.customer.id })),
  ).toBe('forbidden');
  expect(await outcomeOf(() => make('By customer', {}, { actor: a.customerAdmin }))).toBe('not_found');
  await make('Once', {});
  await expect(make('Once', {})).rejects.toMatchObject({ code: 'conflict', field: 'name' });
  await expect(make('Odd', { passwort: 'x' })).rejects.toMatchObject({ field: 'values.passwort' });
  const gone = await make('Gone', {});
  await within(a.owner, (tx) => deleteTemplate({ tx, actor: a.owner, id: gone.id }));
  expect(await attempt(a.owner, (tx) => update(tx, gone, { username: 'x' }))).toBe('not_found');
});

test('a template that an integration refers to is not deleted', async () => {
  const { a, house } = two;
  const template = await make('Referred', { username: 'u' });
  await addVersion(house, [connectionVariable('Svc', basic, { templateId: template.id as TemplateId })]);
  expect(await attempt(a.owner, (tx) => deleteTemplate({ tx, actor: a.owner, id: template.id }))).toBe(
    'in_use',
  );
});
