import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { newTestTenant, openTestVault, type TestVault } from '../../testing/test-vault.ts';
import { systemActor } from '../audit/event.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import type { RootKeys } from './root-key.ts';
import { createRootKeyFile, nextRootKeyFile, openRootKeyFiles, rootKeyFile } from './root-key-file.ts';
import { rotateRootKey, rotateRootKeyFile } from './rotate-root-key.ts';
import { destroyUnusedKeys, resealTenant, rotateTenantKey } from './rotate-tenant-key.ts';
import { parse, type Sealed, sealedFromColumn } from './sealed.ts';
import { placeOf } from './sealed-columns.ts';
import { tendRetiredKeys } from './tend-retired-keys.ts';
import { unlockRoot } from './unlock-root.ts';

let fresh: FreshDatabase;
let kit: TestVault;
let tenant: TenantId;
let credential: string;
beforeAll(async () => {
  fresh = await freshDatabase();
  kit = await openTestVault(fresh.doors);
});
beforeEach(async () => {
  tenant = await newTestTenant(fresh.doors);
  credential = newId<never>();
  await fresh.doors.withTenant(tenant, (tx) =>
    sql`insert into credential (tenant_id, id, unit_id, kind, label, connection_type_tenant_id, connection_type_id)
      select ${tenant}, ${credential}, ${tenant}, 'named', 'test', tenant_id, id
      from connection_type where key = 'api_key' and tenant_id = latchkey_platform()`.execute(tx),
  );
});
afterAll(async () => {
  await kit.remove();
  await fresh.drop();
});

type Value = { readonly field_key: string; readonly value_no: number; readonly sealed: Buffer };

const placeFor = (row: Pick<Value, 'field_key' | 'value_no'>) =>
  placeOf('credentialValue', { ...row, tenant_id: tenant, credential_id: credential });
const textOf = (row: Pick<Value, 'field_key' | 'value_no'>) => `secret ${row.field_key} no ${row.value_no}`;

async function write(
  vault: TestVault['vault'],
  tx: Tx,
  row: Pick<Value, 'field_key' | 'value_no'>,
): Promise<Sealed> {
  return vault.seal(tx, placeFor(row), Plain.fromText(textOf(row)));
}

async function insertValues(count: number, vault = kit.vault): Promise<void> {
  await fresh.doors.withTenant(tenant, async (tx) => {
    for (let i = 0; i < count; i++) {
      const row = { field_key: `f${i}`, value_no: 1 };
      await sql`insert into credential_value (tenant_id, credential_id, field_key, sealed, value_no)
        values (${tenant}, ${credential}, ${row.field_key}, ${await write(vault, tx, row)}, 1)`.execute(tx);
    }
  });
}

const readValues = (tx: Tx) => tx.selectFrom('credential_value').selectAll().orderBy('field_key').execute();

/** Opens every value in a process that remembers nothing; the numbers of the keys found. */
function checkAll(vault = kit.again()): Promise<ReadonlySet<number>> {
  return fresh.doors.withTenant(tenant, async (tx) => {
    const keyNos = new Set<number>();
    for (const row of await readValues(tx)) {
      const sealed = sealedFromColumn(row.sealed);
      expect((await vault.open(tx, placeFor(row), sealed)).revealText()).toBe(textOf(row));
      keyNos.add(parse(sealed).keyNo);
    }
    return keyNos;
  });
}

const keyWork = () => ({ doors: fresh.doors, vault: kit.vault, tenant, actor: systemActor });

/** Readers, and writers that compare the counter as every writer does, in a process of their own, until told to stop. */
function load(vault = kit.again(), doors = fresh.again().doors) {
  let stopped = false;
  const written = new Map<string, number>();
  let opened = 0;
  const reader = async (): Promise<void> => {
    while (!stopped) {
      await doors.withTenant(tenant, async (tx) => {
        for (const row of await readValues(tx)) {
          const sealed = sealedFromColumn(row.sealed);
          const plain =
            vault.openCached(placeFor(row), sealed) ?? (await vault.open(tx, placeFor(row), sealed));
          expect(plain.revealText()).toBe(textOf(row));
          opened += 1;
        }
      });
    }
  };
  const writer = async (): Promise<void> => {
    for (let turn = 0; !stopped; turn++) {
      await doors.withTenant(tenant, async (tx) => {
        const rows = await readValues(tx);
        const row = rows[(turn * 7) % rows.length];
        if (row === undefined) return;
        const next = { field_key: row.field_key, value_no: row.value_no + 1 };
        const sealed = await write(vault, tx, next);
        const result = await sql`update credential_value set sealed = ${sealed}, value_no = ${next.value_no}
          where tenant_id = ${tenant} and credential_id = ${credential} and field_key = ${row.field_key}
            and value_no = ${row.value_no}`.execute(tx);
        if (result.numAffectedRows === 1n) written.set(row.field_key, (written.get(row.field_key) ?? 0) + 1);
      });
    }
  };
  const running = Promise.all([reader(), reader(), writer(), writer()]);
  return {
    vault,
    /** Rejects when anything failed. */
    stop: async () => {
      stopped = true;
      await running;
      return { opened, written };
    },
  };
}

test('a tenant key rotates under readers and writers: nothing fails, no write is lost, no counter moves', async () => {
  await insertValues(60);
  const others = [load(), load()];
  await kit.vault.warm(tenant);
  for (let round = 2; round <= 4; round++) {
    expect((await rotateTenantKey(keyWork())).unreadable).toBe(0);
    // What the other processes hear from the authority probe; the first round they hear nothing and seal on.
    if (round > 2) for (const other of others) other.vault.flush();
  }
  const results = await Promise.all(others.map((other) => other.stop()));
  await resealTenant(keyWork());
  expect(await checkAll()).toEqual(new Set([4]));

  const rows = await fresh.doors.withTenant(tenant, readValues);
  for (const row of rows) {
    const writes = results.reduce((sum, { written }) => sum + (written.get(row.field_key) ?? 0), 0);
    expect(row.value_no).toBe(1 + writes);
  }
  for (const { opened, written } of results) {
    expect(opened).toBeGreaterThan(60);
    expect(written.size).toBeGreaterThan(3);
  }
  expect(await destroyUnusedKeys({ ...keyWork(), minAgeSeconds: 0 })).toEqual([1, 2, 3]);
  expect(await checkAll()).toEqual(new Set([4]));
}, 60_000);

test('a key is not destroyed while a value needs it or while it may still be sealing somewhere', async () => {
  await insertValues(3);
  const late = kit.again();
  await late.warm(tenant);
  await rotateTenantKey(keyWork());
  expect(await destroyUnusedKeys(keyWork())).toEqual([]);

  // A process that has not heard of the rotation writes with the old key: readable everywhere, and in the way.
  const row = { field_key: 'late', value_no: 1 };
  await fresh.doors.withTenant(tenant, async (tx) => {
    const sealed = await write(late, tx, row);
    expect(parse(sealed).keyNo).toBe(1);
    await sql`insert into credential_value (tenant_id, credential_id, field_key, sealed, value_no)
      values (${tenant}, ${credential}, 'late', ${sealed}, 1)`.execute(tx);
  });
  expect(await checkAll()).toEqual(new Set([1, 2]));
  expect(await destroyUnusedKeys({ ...keyWork(), minAgeSeconds: 0 })).toEqual([]);
  expect(await resealTenant(keyWork())).toEqual({ resealed: 1, unreadable: 0 });
  expect(await destroyUnusedKeys({ ...keyWork(), minAgeSeconds: 0 })).toEqual([1]);
  expect(await checkAll()).toEqual(new Set([2]));
});

test('what a rotation left behind is finished later: late values move, unused keys go, fresh ones stay', async () => {
  await tendRetiredKeys({ ...keyWork(), minAgeSeconds: 0 });
  await insertValues(2);
  const late = kit.again();
  await late.warm(tenant);
  await rotateTenantKey(keyWork());
  await fresh.doors.withTenant(tenant, async (tx) => {
    const sealed = await write(late, tx, { field_key: 'f0', value_no: 1 });
    await sql`update credential_value set sealed = ${sealed}
      where credential_id = ${credential} and field_key = 'f0'`.execute(tx);
  });
  const early = await tendRetiredKeys(keyWork());
  expect(early).toMatchObject({ resealed: 1, destroyedKeys: 0 });
  expect(await tendRetiredKeys({ ...keyWork(), minAgeSeconds: 0 })).toMatchObject({
    resealed: 0,
    destroyedKeys: 1,
  });
  expect(await checkAll()).toEqual(new Set([2]));
});

test('a value that no key opens is counted, left as it is, and keeps its key', async () => {
  await insertValues(3);
  await fresh.doors.withTenant(tenant, (tx) =>
    sql`update credential_value set value_no = 9 where credential_id = ${credential} and field_key = 'f1'`.execute(
      tx,
    ),
  );
  expect(await rotateTenantKey(keyWork())).toEqual({ resealed: 2, unreadable: 1 });
  expect(await destroyUnusedKeys({ ...keyWork(), minAgeSeconds: 0 })).toEqual([]);
});

test('rotations of one tenant at the same time make one key after the other and leave one active', async () => {
  await insertValues(1);
  const results = await Promise.allSettled(Array.from({ length: 4 }, () => rotateTenantKey(keyWork())));
  const done = results.filter((result) => result.status === 'fulfilled').length;
  const keys = await fresh.doors.withTenant(tenant, (tx) =>
    tx
      .selectFrom('tenant_key')
      .select(['key_no', 'state'])
      .where('tenant_id', '=', tenant)
      .where('purpose', '=', 'sealing')
      .orderBy('key_no')
      .execute(),
  );
  expect(done).toBeGreaterThan(0);
  expect(keys.map((key) => key.state)).toEqual([...Array<string>(done).fill('decrypt_only'), 'active']);
  await checkAll();
});

test('fingerprints stay the same when the tenant key rotates', async () => {
  const of = () =>
    fresh.doors.withTenant(tenant, async (tx) =>
      (await kit.again().fingerprint(tx, tenant, 'account', 'user-1')).toString('hex'),
    );
  const before = await of();
  await rotateTenantKey(keyWork());
  await destroyUnusedKeys({ ...keyWork(), minAgeSeconds: 0 });
  expect(await of()).toBe(before);
});

test('the root key rotates under readers and writers, and afterwards the old one opens nothing that is stored', async () => {
  await insertValues(40);
  const fellows = await Promise.all(Array.from({ length: 30 }, () => newTestTenant(fresh.doors)));
  for (const fellow of fellows) {
    await fresh.doors.withTenant(fellow, (tx) => kit.vault.createTenantKey(tx, fellow));
  }
  const other = load(kit.again({ ttlMs: 0 })); // Remembers nothing: each use unwraps.
  const rotation = { doors: fresh.doors, ...kit.root, folder: kit.folder, actor: systemActor };
  for (let round = 0; round < 3; round++) {
    const done = await rotateRootKeyFile(rotation);
    expect(done.tenants).toBeGreaterThanOrEqual(32);
  }
  expect((await other.stop()).opened).toBeGreaterThan(40);

  const files = await readdir(kit.folder);
  expect(files.filter((name) => name.startsWith(`${rootKeyFile}.retired-`))).toHaveLength(3);
  for (const name of files) if (name !== rootKeyFile) await rm(join(kit.folder, name));
  const restarted = await unlockRoot({ doors: fresh.doors, folder: kit.folder });
  await checkAll(kit.again({ rootKeys: restarted.rootKeys }));
  for (const fellow of fellows) await kit.again({ rootKeys: restarted.rootKeys }).warm(fellow);
}, 60_000);

test('a root key rotation that broke off in the middle is finished by the next call; meanwhile all opens', async () => {
  await insertValues(2);
  const fellows = await Promise.all(Array.from({ length: 5 }, () => newTestTenant(fresh.doors)));
  for (const fellow of fellows) {
    await fresh.doors.withTenant(fellow, (tx) => kit.vault.createTenantKey(tx, fellow));
  }
  const next = await createRootKeyFile(kit.folder, nextRootKeyFile);
  let wraps = 0;
  const brittle = {
    ...next,
    wrap: async (key: Buffer, aad: Buffer) => {
      wraps += 1;
      if (wraps === 6) throw new Error('power cut');
      return next.wrap(key, aad);
    },
  };
  const rotation = { doors: fresh.doors, ...kit.root, actor: systemActor };
  await expect(rotateRootKey({ ...rotation, next: brittle })).rejects.toThrow('power cut');

  const restarted = await unlockRoot({ doors: fresh.doors, folder: kit.folder });
  expect(restarted.created).toBe(false);
  await checkAll(kit.again({ rootKeys: restarted.rootKeys }));
  for (const fellow of fellows) await kit.again({ rootKeys: restarted.rootKeys }).warm(fellow);

  const done = await rotateRootKeyFile({ ...rotation, folder: kit.folder });
  expect(done.rootKeyId).toBe(next.id);
  const after = await openRootKeyFiles(kit.folder);
  const onlyNext: RootKeys = { find: async (id) => (id === next.id ? after.find(id) : null) };
  await checkAll(kit.again({ rootKeys: onlyNext }));
  for (const fellow of fellows) await kit.again({ rootKeys: onlyNext }).warm(fellow);
});

test('a tenant that is made during a root key rotation is under the new root key or rewrapped', async () => {
  const rotation = { doors: fresh.doors, ...kit.root, folder: kit.folder, actor: systemActor };
  let stopped = false;
  const made: TenantId[] = [];
  const maker = (async () => {
    const vault = kit.again();
    while (!stopped && made.length < 60) {
      const fellow = await newTestTenant(fresh.doors);
      await fresh.doors.withTenant(fellow, (tx) => vault.createTenantKey(tx, fellow));
      made.push(fellow);
    }
  })();
  for (let round = 0; round < 3; round++) await rotateRootKeyFile(rotation);
  stopped = true;
  await maker;
  const files = await readdir(kit.folder);
  for (const name of files) if (name !== rootKeyFile) await rm(join(kit.folder, name));
  const restarted = await unlockRoot({ doors: fresh.doors, folder: kit.folder });
  expect(made.length).toBeGreaterThan(0);
  for (const fellow of made) await kit.again({ rootKeys: restarted.rootKeys }).warm(fellow);
}, 60_000);
