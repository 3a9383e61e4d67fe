// Copies of a data directory, started as their operators would, with a provider's ledger as the judge.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { type ServerProcess, startServerProcess } from '../../testing/running-server.ts';
import { furnishTenant } from '../../testing/test-house.ts';
import { systemClock } from '../kernel/clock.ts';
import { platformTenantId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import { openEmbedded } from '../storage/database.ts';
import { createDoors, type Doors } from '../storage/doors.ts';
import { migrate } from '../storage/migrate.ts';
import { createApiToken } from '../tenancy/api-token.ts';
import { createAuthority } from '../tenancy/authority.ts';
import { createWorkspace } from '../tenancy/unit.ts';
import { unlockRoot } from '../vault/unlock-root.ts';
import { createVault } from '../vault/vault.ts';

const cli = fileURLToPath(new URL('../../dist/bin/latchkey.js', import.meta.url));
const started: ServerProcess[] = [];
let folder: string;
let emulator: Emulator;
let house: { readonly path: string; readonly apiToken: string; readonly accessToken: string };
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-copy-'));
  emulator = await startEmulator({ set: { rotation: 'always', graceSeconds: 0, reuse: 'revoke_family' } });
  house = await furnish(at('original'));
});
afterEach(async () => {
  for (const server of started.splice(0)) await stop(server);
});
afterAll(async () => {
  await emulator.close();
  await rm(folder, { recursive: true, force: true });
});

/** Two grants: one living that is due later, so that nothing is refreshed before we say so. */
async function furnish(directory: string) {
  return await onFiles(directory, async (doors) => {
    const root = await unlockRoot({ doors, folder: directory });
    const vault = createVault({
      doors,
      rootKeys: root.rootKeys,
      installation: root.installation,
      clock: systemClock,
    });
    await doors.withTenant(platformTenantId, (tx) => vault.createTenantKey(tx, platformTenantId));
    const authority = createAuthority({ doors, clock: systemClock, log: silentLog });
    await authority.start();
    const tenant = await furnishTenant(doors, vault, authority, 'Acme');
    authority.stop();
    const rooms = { doors, vault, ...tenant };
    const workspace = await doors.withTenant(tenant.tenant, (tx) =>
      createWorkspace({ tx, actor: tenant.owner, customerId: tenant.customer.id, name: 'Main' }),
    );
    const credential = await createOAuthCredential(rooms, emulator, { unitId: workspace.id });
    const { accessToken } = await connectAccount(rooms, emulator, credential, {
      expiresInSeconds: 3_600,
      dueInSeconds: 2_700,
    });
    const { token } = await doors.withTenant(tenant.tenant, (tx) =>
      createApiToken({ tx, actor: null, principalId: tenant.owner.principalId, name: 'test' }),
    );
    return { path: `/v2/workspaces/${workspace.id}/secrets/${credential.id}`, apiToken: token, accessToken };
  });
}

/** On the files of a stopped server. */
async function onFiles<T>(directory: string, work: (doors: Doors) => Promise<T>): Promise<T> {
  const database = await openEmbedded({ directory, log: silentLog });
  try {
    await migrate(database);
    return await work(createDoors(database, { random: Math.random }));
  } finally {
    await database.close();
  }
}

const makeDue = (directory: string) =>
  onFiles(directory, (doors) =>
    doors.asScheduler((tx) =>
      sql`update oauth_grant set refresh_due_at = clock_timestamp() - interval '1 minute'`.execute(tx),
    ),
  );
const copy = (from: string, to: string) => void execFileSync('cp', ['-a', at(from), at(to)]);

async function run(name: string): Promise<{ readonly server: ServerProcess; readonly url: string }> {
  const env = { LATCHKEY_EGRESS_ALLOW: new URL(emulator.url).host };
  const server = startServerProcess({ data: at(name), env });
  started.push(server);
  return { server, url: await server.ready };
}
async function stop(server: ServerProcess): Promise<void> {
  server.child.kill('SIGTERM');
  await server.exited;
}

function latchkey(name: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...words], {
    env: { PATH: process.env.PATH, LATCHKEY_DATA: at(name) },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const refreshes = () => emulator.ledger.records().filter((record) => record.kind === 'refresh').length;
const readyz = (url: string) => fetch(`${url}/readyz`);
const ask = (url: string, method: string, path: string) =>
  fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${house.apiToken}` } });

test('the original starts, starts again and is renamed without a question', async () => {
  const first = await run('original');
  expect((await readyz(first.url)).status).toBe(200);
  await stop(first.server);
  await rename(at('original'), at('renamed'));
  const second = await run('renamed');
  expect((await readyz(second.url)).status).toBe(200);
  expect(JSON.parse(latchkey('renamed', 'doctor').stdout)).toMatchObject({ identity: 'confirmed' });
  await stop(second.server);
  await rename(at('renamed'), at('original'));
  expect((await readyz((await run('original')).url)).status).toBe(200);
});

test('a copy of a stopped directory reads, refreshes nothing, and refreshes once its operator takes over', async () => {
  copy('original', 'copy');
  await makeDue(at('copy'));
  const count = refreshes();
  const { server, url } = await run('copy');
  const stranger = await (await readyz(url)).text();
  expect(JSON.parse(stranger)).toEqual({ status: 'not ready', reason: 'identity_unconfirmed' });
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect(server.output()).toMatch(/unconfirmed: it lies at another place.*latchkey takeover/);

  const read = await ask(url, 'GET', house.path);
  expect(read.status).toBe(200);
  expect(await read.text()).toContain(house.accessToken);
  const forced = await ask(url, 'POST', `${house.path}/refresh`);
  expect(forced.status).toBe(503);
  expect(await forced.text()).toContain('latchkey takeover');

  const unsure = latchkey('copy', 'takeover');
  expect(unsure.status).toBe(1);
  expect(unsure.stderr.trim().split('\n')).toEqual([
    expect.stringMatching(/spend the same refresh tokens.*--i-have-stopped-the-old-one/),
  ]);
  expect(JSON.parse(latchkey('copy', 'doctor').stdout).identity).toMatch(/^unconfirmed: .*latchkey takeover/);
  expect(refreshes()).toBe(count);

  const taken = latchkey('copy', 'takeover', '--i-have-stopped-the-old-one');
  expect(JSON.parse(taken.stdout)).toMatchObject({ changed: true, takeoverNo: 1 });
  await expect.poll(refreshes, { timeout: 15_000 }).toBe(count + 1);
  await expect.poll(async () => (await readyz(url)).status, { timeout: 5_000 }).toBe(200);
  await stop(server);
  // What an operator has said holds for the next start too.
  expect((await readyz((await run('copy')).url)).status).toBe(200);
});

test('a copy beside its running original, on other files, sends nothing either', async () => {
  copy('original', 'beside');
  await makeDue(at('beside'));
  const count = refreshes();
  const [original, beside] = [await run('original'), await run('beside')];
  expect((await readyz(original.url)).status).toBe(200);
  expect(await (await readyz(beside.url)).json()).toMatchObject({ reason: 'identity_unconfirmed' });
  expect((await ask(beside.url, 'POST', `${house.path}/refresh`)).status).toBe(503);
  expect(refreshes()).toBe(count);
});
