// "Encrypted at rest" judged from outside: after everything that writes secrets has run on the engine that users get,
// every byte of the data directory, of the write-ahead log and of our own log is searched for them.

import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScanReport, scanForSecrets } from '../../testing/secret-scan.ts';
import { newTestTenant } from '../../testing/test-vault.ts';
import { audit, systemActor } from '../audit/event.ts';
import { systemClock } from '../kernel/clock.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import { createLog, errorFields } from '../kernel/log.ts';
import { Plain } from '../kernel/plain.ts';
import { openEmbedded } from '../storage/database.ts';
import { createDoors, type Doors } from '../storage/doors.ts';
import { migrate } from '../storage/migrate.ts';
import { rotateRootKeyFile } from './rotate-root-key.ts';
import { rotateTenantKey } from './rotate-tenant-key.ts';
import { sealedFromColumn } from './sealed.ts';
import { placeOf } from './sealed-columns.ts';
import { unlockRoot } from './unlock-root.ts';
import { createVault, type Vault } from './vault.ts';

const word = () => randomBytes(24).toString('base64url');
const secrets: Record<string, string> = {};
for (const kind of [
  'api_key',
  'password',
  'client_secret',
  'access_token',
  'refresh_token',
  'verifier',
  'payload',
]) {
  for (let i = 0; i < 25; i++) secrets[`${kind} ${i}`] = `${word()}"/+é${word()}`;
}
secrets['private key'] = `-----BEGIN PRIVATE KEY-----\n${word()}${word()}\n-----END PRIVATE KEY-----\n`;
// Large enough to be moved out of its row, and compressible enough to be compressed there.
secrets['long value'] = word().repeat(400);
const label = `planted-label-${word()}`;

let directory: string;
let report: ScanReport;
let control: ScanReport;
let rootKeyReport: ScanReport;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'latchkey-at-rest-'));
  const lines: string[] = [];
  const log = createLog({ level: 'debug', stream: { write: (line) => lines.push(line) } });
  const database = await openEmbedded({ directory, log });
  const folders = [directory, database.server.cluster];
  try {
    await migrate(database);
    const doors = createDoors(database, { random: Math.random });
    const root = await unlockRoot({ doors, folder: directory });
    const vault = createVault({ doors, ...root, clock: systemClock });
    await useEverySecret(doors, vault);
    const tenant = await newTestTenant(doors);
    await storeAll(doors, vault, tenant);
    await rotateTenantKey({ doors, vault, tenant, actor: systemActor });
    await rotateRootKeyFile({ doors, ...root, folder: directory, actor: systemActor });
    await failInEveryWay(doors, vault, tenant).then((errors) => {
      for (const error of errors) log.error('it failed', errorFields(error));
    });
  } finally {
    // A fast shutdown writes a checkpoint: heap, indexes and log are all on disk.
    await database.close();
  }
  await writeFile(join(directory, 'latchkey.log'), lines.join(''));
  report = await scanForSecrets([...new Set(folders)], secrets);
  control = await scanForSecrets([...new Set(folders)], { label });
  const rootKeys: Record<string, string> = {};
  for (const name of (await readdir(directory)).filter((file) => file.startsWith('root.key'))) {
    rootKeys[name] = (await readFile(join(directory, name), 'utf8')).trim().slice('latchkey-root-v1.'.length);
  }
  rootKeyReport = await scanForSecrets([...new Set(folders)], rootKeys);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function useEverySecret(doors: Doors, vault: Vault): Promise<void> {
  const tenant = await newTestTenant(doors);
  for (const text of Object.values(secrets)) {
    await doors.withTenant(tenant, async (tx) => {
      const print = await vault.fingerprint(tx, tenant, 'secret', text);
      const detail = { fingerprint: print.toString('hex') };
      await audit(tx, {
        actor: systemActor,
        action: 'credential.updated',
        object: null,
        fields: ['api_key'],
        detail,
      });
    });
  }
}

/** Every secret is written, read, overwritten and, every third, deleted, so that dead rows hold them too. */
async function storeAll(doors: Doors, vault: Vault, tenant: TenantId): Promise<void> {
  const credential = newId<never>();
  await doors.withTenant(tenant, (tx) =>
    sql`insert into credential (tenant_id, id, unit_id, kind, label, connection_type_tenant_id, connection_type_id)
      select ${tenant}, ${credential}, ${tenant}, 'named', ${label}, tenant_id, id from connection_type
      where key = 'api_key' and tenant_id = latchkey_platform()`.execute(tx),
  );
  for (const [index, text] of Object.values(secrets).entries()) {
    const row = { tenant_id: tenant, credential_id: credential, field_key: `field ${index}` };
    await doors.withTenant(tenant, async (tx) => {
      const first = await vault.seal(
        tx,
        placeOf('credentialValue', { ...row, value_no: 1 }),
        Plain.fromText(text),
      );
      await sql`insert into credential_value (tenant_id, credential_id, field_key, sealed, value_no)
        values (${tenant}, ${credential}, ${row.field_key}, ${first}, 1)`.execute(tx);
      const second = await vault.seal(
        tx,
        placeOf('credentialValue', { ...row, value_no: 2 }),
        Plain.fromText(text),
      );
      await sql`update credential_value set sealed = ${second}, value_no = 2
        where credential_id = ${credential} and field_key = ${row.field_key}`.execute(tx);
      if (index % 3 === 0) {
        await sql`delete from credential_value
          where credential_id = ${credential} and field_key = ${row.field_key}`.execute(tx);
      }
    });
  }
  const rows = await doors.withTenant(tenant, (tx) =>
    tx.selectFrom('credential_value').selectAll().execute(),
  );
  for (const row of rows) {
    const opened = await doors.withTenant(tenant, (tx) =>
      vault.open(tx, placeOf('credentialValue', row), sealedFromColumn(row.sealed)),
    );
    expect(Object.values(secrets)).toContain(opened.revealText());
  }
}

async function failInEveryWay(doors: Doors, vault: Vault, tenant: TenantId): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  for (const text of Object.values(secrets).slice(0, 40)) {
    const plain = Plain.fromText(text);
    const place = placeOf('credentialValue', {
      tenant_id: tenant,
      credential_id: newId<never>(),
      field_key: 'x',
      value_no: 1,
    });
    const attempts = [
      // The row has no credential: the server's error message shows the row's key, and could show its values.
      doors.withTenant(tenant, async (tx) => {
        const sealed = await vault.seal(tx, place, plain);
        await sql`insert into credential_value (tenant_id, credential_id, field_key, sealed, value_no)
          values (${tenant}, ${place.recordId}, 'x', ${sealed}, 1)`.execute(tx);
      }),
      doors.withTenant(tenant, async (tx) => {
        const sealed = await vault.seal(tx, place, plain);
        await vault.open(tx, { ...place, counter: 9 }, sealed);
      }),
      doors.withTenant(tenant, async (tx) => {
        const sealed = await vault.seal(tx, place, plain);
        await sql`select ${sealed}::int`.execute(tx);
      }),
    ];
    for (const result of await Promise.allSettled(attempts)) {
      if (result.status === 'rejected') errors.push(result.reason);
    }
  }
  expect(errors.length).toBe(120);
  return errors;
}

test('no planted secret is in any byte of the data directory, in none of eight encodings', () => {
  expect(report.hits).toEqual([]);
  expect(report.bytes).toBeGreaterThan(20_000_000);
});

test('the scan sees what is there: a label, which is not secret, is found in tables and in the log', () => {
  const files = new Set(control.hits.map((hit) => hit.file));
  expect([...files].some((file) => file.includes('pg_wal'))).toBe(true);
  expect([...files].some((file) => file.includes('base'))).toBe(true);
});

test('the root keys are in their own files and nowhere else', () => {
  for (const hit of rootKeyReport.hits) expect(hit.file).toBe(join(directory, hit.secret));
  expect(new Set(rootKeyReport.hits.map((hit) => hit.secret)).size).toBe(2);
});
