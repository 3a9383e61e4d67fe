import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { newTestTenant, openTestVault, type TestVault } from '../../testing/test-vault.ts';
import { systemActor } from '../audit/event.ts';
import { systemClock } from '../kernel/clock.ts';
import { isFault } from '../kernel/fault.ts';
import { newId, platformTenantId, type TenantId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import type { Place } from './place.ts';
import type { RootKeys } from './root-key.ts';
import { createRootKeyFile, rootKeyFile } from './root-key-file.ts';
import { placeOf } from './sealed-columns.ts';
import { shredTenant } from './shred-tenant.ts';
import { unlockRoot } from './unlock-root.ts';

let fresh: FreshDatabase;
let kit: TestVault;
beforeAll(async () => {
  fresh = await freshDatabase();
  kit = await openTestVault(fresh.doors);
});
afterAll(async () => {
  await kit.remove();
  await fresh.drop();
});

function placeIn(tenant: TenantId): Place {
  return placeOf('credentialValue', {
    tenant_id: tenant,
    credential_id: newId<never>(),
    field_key: 'api_key',
    value_no: 1,
  });
}

const keyRows = (tenant: TenantId) =>
  fresh.doors.withTenant(tenant, async (tx) => {
    const { rows } = await sql<{ key_no: number; state: string; wrapped: Buffer | null }>`
      select key_no, state, wrapped from tenant_key where tenant_id = ${tenant} and purpose = 'sealing' order by key_no`.execute(
      tx,
    );
    return rows;
  });

/** Root keys that count how often a tenant key is unwrapped. */
function counting(rootKeys: RootKeys): { rootKeys: RootKeys; unwrapped: () => number } {
  let count = 0;
  return {
    unwrapped: () => count,
    rootKeys: {
      find: async (id) => {
        const key = await rootKeys.find(id);
        if (key === null) return null;
        return {
          ...key,
          unwrap: (wrapped, aad) => {
            count += 1;
            return key.unwrap(wrapped, aad);
          },
        };
      },
    },
  };
}

test('a value sealed by one process is opened by another, and only in its own place', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const place = placeIn(tenant);
  const sealed = await fresh.doors.withTenant(tenant, (tx) =>
    kit.vault.seal(tx, place, Plain.fromText('s3cret')),
  );
  const other = kit.again();
  const opened = await fresh.doors.withTenant(tenant, (tx) => other.open(tx, place, sealed));
  expect(opened.revealText()).toBe('s3cret');
  for (const elsewhere of [
    { ...place, counter: 2 },
    { ...place, field: 'x' },
    { ...place, recordId: newId<never>() },
  ]) {
    const failed = fresh.doors.withTenant(tenant, (tx) => other.open(tx, elsewhere, sealed));
    await expect(failed).rejects.toThrow('cannot be opened');
    expect(() => other.openCached(elsewhere, sealed)).toThrow('cannot be opened');
  }
});

test('a value does not open in another tenant, even with the same ids', async () => {
  const [one, two] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  const place = placeIn(one);
  const sealed = await fresh.doors.withTenant(one, (tx) =>
    kit.vault.seal(tx, place, Plain.fromText('of one')),
  );
  await fresh.doors.withTenant(two, (tx) => kit.vault.createTenantKey(tx, two));
  const moved = { ...place, tenant: two };
  await expect(fresh.doors.withTenant(two, (tx) => kit.vault.open(tx, moved, sealed))).rejects.toThrow(
    'cannot be opened',
  );
});

test("another tenant's key can neither be read nor made from a tenant's transaction", async () => {
  const [one, two] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  const stranger = kit.again();
  await expect(
    fresh.doors.withTenant(one, (tx) => stranger.seal(tx, placeIn(two), Plain.fromText('x'))),
  ).rejects.toThrow();
  expect(await keyRows(two)).toEqual([]);
});

test("the platform's values open in every tenant's transaction", async () => {
  const place = placeIn(platformTenantId);
  const sealed = await fresh.doors.withTenant(platformTenantId, (tx) =>
    kit.vault.seal(tx, place, Plain.fromText('shared client secret')),
  );
  const tenant = await newTestTenant(fresh.doors);
  const opened = await fresh.doors.withTenant(tenant, (tx) => kit.again().open(tx, place, sealed));
  expect(opened.revealText()).toBe('shared client secret');
});

test('a key made in a transaction that failed seals nothing afterwards', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const place = placeIn(tenant);
  const lost = fresh.doors.withTenant(tenant, async (tx) => {
    await kit.vault.seal(tx, place, Plain.fromText('never stored'));
    throw new Error('rolled back');
  });
  await expect(lost).rejects.toThrow('rolled back');
  expect(await keyRows(tenant)).toEqual([]);
  const sealed = await fresh.doors.withTenant(tenant, (tx) =>
    kit.vault.seal(tx, place, Plain.fromText('stored')),
  );
  const opened = await fresh.doors.withTenant(tenant, (tx) => kit.again().open(tx, place, sealed));
  expect(opened.revealText()).toBe('stored');
});

test('first seals at the same time agree on one key', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const place = placeIn(tenant);
  const vaults = [kit.again(), kit.again(), kit.again(), kit.again()];
  const sealed = await Promise.all(
    vaults.map((vault, i) =>
      fresh.doors.withTenant(tenant, (tx) => vault.seal(tx, place, Plain.fromText(`value ${i}`))),
    ),
  );
  expect((await keyRows(tenant)).map((row) => row.state)).toEqual(['active']);
  for (const [i, value] of sealed.entries()) {
    const opened = await fresh.doors.withTenant(tenant, (tx) => kit.again().open(tx, place, value));
    expect(opened.revealText()).toBe(`value ${i}`);
  }
});

test('the hot path never asks the database and says so when it would have to', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const place = placeIn(tenant);
  const sealed = await fresh.doors.withTenant(tenant, (tx) =>
    kit.vault.seal(tx, place, Plain.fromText('hot')),
  );
  let fresher = true;
  const vault = kit.again({ isFresh: () => fresher });
  expect(vault.openCached(place, sealed)).toBeNull();
  await vault.warm(tenant);
  expect(vault.openCached(place, sealed)?.revealText()).toBe('hot');
  vault.flush();
  expect(vault.openCached(place, sealed)).toBeNull();
  await vault.warm(tenant);
  fresher = false;
  expect(vault.openCached(place, sealed)).toBeNull();
  const opened = await fresh.doors.withTenant(tenant, (tx) => vault.open(tx, place, sealed));
  expect(opened.revealText()).toBe('hot');
});

test('many readers at once unwrap a key once, a flush does not unwrap again, age and number are bounded', async () => {
  const tenants = await Promise.all([1, 2, 3].map(() => newTestTenant(fresh.doors)));
  for (const tenant of tenants) {
    await fresh.doors.withTenant(tenant, (tx) => kit.vault.createTenantKey(tx, tenant));
  }
  let now = 0;
  const { rootKeys, unwrapped } = counting(kit.root.rootKeys);
  const clock = { ...systemClock, monotonicMs: () => now };
  const vault = kit.again({ rootKeys, clock, maxTenants: 2, ttlMs: 600_000 });
  const [one, two, three] = tenants as [TenantId, TenantId, TenantId];
  const both = 2; // A tenant's sealing key and its fingerprint key.
  await Promise.all(Array.from({ length: 20 }, () => vault.warm(one)));
  expect(unwrapped()).toBe(both);
  vault.flush();
  await vault.warm(one);
  expect(unwrapped()).toBe(both);
  now = 600_001;
  expect(vault.keyring.cached(one)).toBeNull();
  await vault.warm(one);
  expect(unwrapped()).toBe(2 * both);
  await vault.warm(two);
  await vault.warm(three);
  expect(vault.keyring.cached(one)).toBeNull();
  expect(vault.keyring.cached(three)).not.toBeNull();
});

test('a reader whose neighbour fails asks for itself', async () => {
  const tenant = await newTestTenant(fresh.doors);
  await fresh.doors.withTenant(tenant, (tx) => kit.vault.createTenantKey(tx, tenant));
  let failures = 1;
  const rootKeys: RootKeys = {
    find: async (id) => {
      if (failures > 0) {
        failures -= 1;
        throw new Error('key service away');
      }
      return kit.root.rootKeys.find(id);
    },
  };
  const vault = kit.again({ rootKeys });
  const results = await Promise.allSettled([vault.warm(tenant), vault.warm(tenant), vault.warm(tenant)]);
  expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
});

test('a fingerprint is equal for equal texts of one tenant and label only', async () => {
  const [one, two] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  const of = (tenant: TenantId, label: string, text: string, vault = kit.vault) =>
    fresh.doors.withTenant(tenant, async (tx) =>
      (await vault.fingerprint(tx, tenant, label, text)).toString('hex'),
    );
  const first = await of(one, 'account', 'user-1');
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(await of(one, 'account', 'user-1', kit.again())).toBe(first);
  const others = [
    await of(two, 'account', 'user-1'),
    await of(one, 'secret', 'user-1'),
    await of(one, 'account', 'user-2'),
    await of(one, 'account-user', '-1'),
    await of(one, 'account', '\ud800'),
  ];
  expect(new Set([first, ...others]).size).toBe(6);
});

test('after shredding no value of the tenant opens in any process, and it never gets a key again', async () => {
  const [tenant, neighbour] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  const place = placeIn(tenant);
  const seal = (at: Place) =>
    fresh.doors.withTenant(at.tenant, (tx) => kit.vault.seal(tx, at, Plain.fromText('to be shredded')));
  const sealed = await seal(place);
  const kept = placeIn(neighbour);
  const keptSealed = await seal(kept);
  const other = kit.again();
  await other.warm(tenant);

  const shredding = { doors: fresh.doors, vault: kit.vault, tenant, actor: systemActor };
  expect(await shredTenant(shredding)).toBe(2);
  expect(await shredTenant(shredding)).toBe(0);
  other.flush();

  for (const vault of [kit.vault, other, kit.again()]) {
    for (const action of ['open', 'seal', 'fingerprint', 'create and seal'] as const) {
      const failed = fresh.doors
        .withTenant(tenant, async (tx) => {
          if (action === 'open') await vault.open(tx, place, sealed);
          if (action === 'create and seal') await vault.createTenantKey(tx, tenant);
          if (action === 'fingerprint') await vault.fingerprint(tx, tenant, 'account', 'x');
          else await vault.seal(tx, place, Plain.fromText('new'));
        })
        .catch((error: unknown) => error);
      expect(isFault(await failed, 'gone'), action).toBe(true);
    }
    expect(vault.openCached(place, sealed)).toBeNull();
  }
  expect(await keyRows(tenant)).toEqual([{ key_no: 1, state: 'destroyed', wrapped: null }]);
  const events = await fresh.doors.withTenant(tenant, (tx) =>
    tx.selectFrom('audit_event').select(['action', 'detail']).execute(),
  );
  expect(events).toEqual([{ action: 'tenant.shredded', detail: { keys: 2 } }]);
  const opened = await fresh.doors.withTenant(neighbour, (tx) => kit.vault.open(tx, kept, keptSealed));
  expect(opened.revealText()).toBe('to be shredded');
});

test('the platform cannot be shredded', async () => {
  const shredding = { doors: fresh.doors, vault: kit.vault, tenant: platformTenantId, actor: systemActor };
  await expect(shredTenant(shredding)).rejects.toThrow('cannot be shredded');
});

test('a wrapped key moved to another tenant or number does not unwrap', async () => {
  const [one, two] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  for (const tenant of [one, two]) {
    await fresh.doors.withTenant(tenant, (tx) => kit.vault.createTenantKey(tx, tenant));
  }
  const [stolen] = await keyRows(one);
  await fresh.doors.withTenant(two, (tx) =>
    sql`update tenant_key set wrapped = ${stolen?.wrapped} where tenant_id = ${two} and purpose = 'sealing'`.execute(
      tx,
    ),
  );
  await expect(kit.again().warm(two)).rejects.toThrow('cannot be opened');
});

test('an existing database with an absent or another root key is refused and nothing is written', async () => {
  const own = await freshDatabase();
  const first = await openTestVault(own.doors);
  const look = () =>
    own.doors.asOwner(async (tx) => ({
      cluster: await tx.selectFrom('cluster').selectAll().execute(),
      files: await readdir(first.folder),
    }));
  try {
    expect((await unlockRoot({ doors: own.doors, folder: first.folder })).created).toBe(false);
    await rm(join(first.folder, rootKeyFile));
    const before = await look();
    await expect(unlockRoot({ doors: own.doors, folder: first.folder })).rejects.toMatchObject({
      code: 'cannot_start',
    });
    expect(await look()).toEqual(before);
    await createRootKeyFile(first.folder);
    const withOther = await look();
    await expect(unlockRoot({ doors: own.doors, folder: first.folder })).rejects.toMatchObject({
      code: 'cannot_start',
    });
    expect(await look()).toEqual(withOther);
  } finally {
    await first.remove();
    await own.drop();
  }
});

test('the vault shows neither keys nor values when printed', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const material: string[] = [];
  const rootKeys: RootKeys = {
    find: async (id) => {
      const key = await kit.root.rootKeys.find(id);
      return (
        key && {
          ...key,
          unwrap: async (wrapped, aad) => {
            const bytes = await key.unwrap(wrapped, aad);
            material.push(bytes.toString('hex'), inspect(bytes).slice(8, 60), bytes.toString('base64'));
            return bytes;
          },
        }
      );
    },
  };
  const vault = kit.again({ rootKeys });
  await fresh.doors.withTenant(tenant, (tx) =>
    vault.seal(tx, placeIn(tenant), Plain.fromText('planted-plain')),
  );
  const ring = await fresh.doors.withTenant(tenant, (tx) => vault.keyring.load(tx, tenant));
  const printed =
    inspect([vault, ring, kit.root], { depth: 12, showHidden: true }) + JSON.stringify([vault, ring]);
  expect(material.length).toBeGreaterThan(0);
  for (const secret of ['planted-plain', ...material]) expect(printed).not.toContain(secret);
});
