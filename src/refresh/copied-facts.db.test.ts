// A grant carries a copy of what its credential says of itself, for reads that look at the grant alone. Judged by the
// credential's own row.
import { readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countWaiting } from '../../testing/count-waiting.ts';
import { openCountingReader } from '../../testing/counting-reader.ts';
import { declareOAuthType, plainValues, storeCredential, widgetsApp } from '../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { ConnectionType } from '../credentials/connection-type.ts';
import type { Credential } from '../credentials/credential.ts';
import { updateCredential } from '../credentials/update-credential.ts';
import type { Tx } from '../storage/doors.ts';

let house: TestHouse;
let type: ConnectionType;
beforeAll(async () => {
  house = await openTestHouse();
  type = await declareOAuthType(house);
});
afterAll(() => house.close());

const store = () => storeCredential(house, type, widgetsApp);

const inTenant = <T>(work: (tx: Tx) => Promise<T>) => house.doors.withTenant(house.tenant, work);

async function factsOf({ id }: Credential) {
  const found = await inTenant((tx) =>
    sql<{ copied: string; own: string }>`
      select g.credential_facts as copied, latchkey_credential_facts(c) as own
      from credential c join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.id
      where c.tenant_id = latchkey_tenant() and c.id = ${id}`.execute(tx),
  );
  return found.rows[0];
}

async function expectTrueCopy(credential: Credential): Promise<void> {
  const facts = await factsOf(credential);
  expect(facts?.own).toContain(credential.id);
  expect(facts?.copied).toBe(facts?.own);
}

test('each change of a credential is in the next read of its grant', async () => {
  const credential = await store();
  await expectTrueCopy(credential);
  const { read, takeTrips } = openCountingReader(house);
  const change = async (changes: Partial<Parameters<typeof updateCredential>[0]>) => {
    const { vault, owner: actor } = house;
    await inTenant((tx) => updateCredential({ tx, vault, actor, id: credential.id, ...changes }));
    await expectTrueCopy(credential);
    return await read(house.tenant, credential.id);
  };
  expect(await change({ label: 'Renamed “\u2028 ÄÖ”' })).toMatchObject({
    label: 'Renamed “\u2028 ÄÖ”',
  });
  expect(await change({ authorizeParams: { prompt: 'con"sent' } })).toMatchObject({
    authorizeParams: { prompt: 'con"sent' },
  });
  expect(await change({ reportedError: 'The account is closed.' })).toMatchObject({
    reportedError: 'The account is closed.',
  });
  expect(await change({ reportedError: null })).toMatchObject({ reportedError: null });
  expect(takeTrips()).toEqual(Array(4).fill('read_grant'));
  const withField = await change({ values: plainValues({ siteId: 'eu' }) });
  expect(withField?.values.get('siteId')?.revealText()).toBe('eu');
  expect(takeTrips()).toEqual(['read_grant', 'read_whole']);
});

const insertGrant = (tx: Tx, { id, tenantId }: Credential) =>
  sql`insert into oauth_grant (tenant_id, credential_id, state) values (${tenantId}, ${id}, 'pending')`.execute(
    tx,
  );

const rename = (tx: Tx, { id }: Credential, label: string) =>
  sql`update credential set label = ${label} where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);

async function storeWithoutGrant(): Promise<Credential> {
  const credential = await store();
  await inTenant((tx) =>
    sql`delete from oauth_grant where tenant_id = latchkey_tenant() and credential_id = ${credential.id}`.execute(
      tx,
    ),
  );
  return credential;
}

test.each([
  { first: 'the change', start: rename, next: insertGrant },
  { first: 'the grant', start: insertGrant, next: rename },
])(
  'a grant that is made while its credential changes has the changed facts: $first first',
  async ({ start, next }) => {
    const credential = await storeWithoutGrant();
    let second: Promise<unknown> | null = null;
    await inTenant(async (tx) => {
      await start(tx, credential, 'New name');
      second = inTenant((other) => next(other, credential, 'New name'));
      await expect.poll(() => countWaiting(house)).toBe(1);
    });
    await second;
    await expectTrueCopy(credential);
    expect((await factsOf(credential))?.copied).toContain('New name');
  },
);

test('grants from before there were copies get theirs by the migration, in each tenant', async () => {
  const here = await store();
  const other = await house.addTenant('Initech');
  const there = await storeCredential(house, await declareOAuthType(house, other), widgetsApp, { at: other });
  for (const { tenantId } of [here, there]) {
    await house.doors.withTenant(tenantId, (tx) =>
      sql`update oauth_grant set credential_facts = '' where tenant_id = latchkey_tenant()`.execute(tx),
    );
  }
  const migration = new URL('../storage/migrations/0014-facts-beside-tokens.sql', import.meta.url);
  const text = await readFile(migration, 'utf8');
  await house.database.database.ownerSession(async (session) => {
    await session.query('begin');
    await session.query(text.slice(text.indexOf('do $$')));
    await session.query('commit');
  });
  for (const { tenantId } of [here, there]) {
    const stale = await house.doors.withTenant(tenantId, (tx) =>
      sql`select from oauth_grant g join credential c on c.tenant_id = g.tenant_id and c.id = g.credential_id
        where g.tenant_id = latchkey_tenant() and g.credential_facts <> latchkey_credential_facts(c)`.execute(
        tx,
      ),
    );
    expect(stale.rows).toHaveLength(0);
  }
});
