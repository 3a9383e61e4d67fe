import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { probeBundle } from '../../testing/probe-component.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { createHostPool, type HostPool } from '../hosts/pool.ts';
import { platformTenantId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import { firstPage } from '../kernel/page.ts';
import {
  type ComponentVersion,
  connectionTypesOf,
  findComponentVersion,
  listComponents,
  signatureOf,
  storeComponentVersion,
} from './component.ts';
import { registerBundledComponents } from './component-bundled.ts';
import { createComponentPackages } from './component-package.ts';

const bundled = fileURLToPath(new URL('../../components/', import.meta.url));
const latest = { kind: 'latest' } as const;

let house: TestHouse;
let pool: HostPool;
let folder: string;
beforeAll(async () => {
  house = await openTestHouse();
  folder = await mkdtemp(join(tmpdir(), 'component-store-'));
  pool = createHostPool({
    log: silentLog,
    dial: () => Promise.reject(new Error('nothing is dialled here')),
  });
});
afterAll(async () => {
  await pool.close();
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

const find = (
  key: string,
  isPublic = true,
  version: Parameters<typeof findComponentVersion>[1]['version'] = latest,
) => house.doors.withTenant(house.tenant, (tx) => findComponentVersion(tx, { key, isPublic, version }));
const found = async (...wanted: Parameters<typeof find>): Promise<ComponentVersion> => {
  const version = await find(...wanted);
  if (version === null) throw new Error('not found');
  return version;
};

test('bundled components are stored once, under the platform, and seen by every tenant', async () => {
  let described = 0;
  const counting = {
    describe: (path: string) => {
      described += 1;
      return pool.describe(path);
    },
  };
  const register = () =>
    registerBundledComponents({ doors: house.doors, pool: counting, log: silentLog, folder: bundled });
  expect(await register()).toBe(5);
  expect(described).toBe(5);
  expect(await register()).toBe(0);
  expect(described).toBe(5);
  const dropbox = await found('dropbox');
  const bytes = await readFile(join(bundled, 'dropbox/dist/index.js'));
  expect(dropbox).toMatchObject({
    tenantId: platformTenantId,
    versionNo: 1,
    isPublic: true,
    signature: signatureOf(bytes),
  });
  expect(Object.keys(dropbox.definition.actions)).toContain('listFolder');
  const list = await house.doors.withTenant(house.tenant, (tx) =>
    listComponents({ tx, actor: house.owner, page: firstPage }),
  );
  expect(list.items.map((item) => item.key).sort()).toEqual([
    'aws-s3',
    'dropbox',
    'legacy-http',
    'reverse-geocode',
    'sftp',
  ]);
});

test('two processes that start together store each version once', async () => {
  const both = join(folder, 'both');
  await mkdir(join(both, 'twin'), { recursive: true });
  await writeFile(join(both, 'twin/package.json'), JSON.stringify({ main: 'index.js' }));
  await writeFile(join(both, 'twin/index.js'), String(probeBundle).replaceAll("key: 'probe'", "key: 'twin'"));
  const register = () =>
    registerBundledComponents({ doors: house.doors, pool, log: silentLog, folder: both });
  const stored = await Promise.all([register(), register(), register()]);
  expect(stored.sort()).toEqual([0, 0, 1]);
  expect((await found('twin')).versionNo).toBe(1);
});

test('a changed bundle is a new version; the old one stays under its number and signature', async () => {
  const changing = join(folder, 'changing');
  await mkdir(join(changing, 'grows'), { recursive: true });
  await writeFile(join(changing, 'grows/package.json'), JSON.stringify({ main: 'index.js' }));
  const register = async (more: string) => {
    const text = `${String(probeBundle).replaceAll("key: 'probe'", "key: 'grows'")}${more}`;
    await writeFile(join(changing, 'grows/index.js'), text);
    return await registerBundledComponents({ doors: house.doors, pool, log: silentLog, folder: changing });
  };
  expect(await register('')).toBe(1);
  const first = await found('grows');
  expect(await register('// newer')).toBe(1);
  expect(await found('grows')).toMatchObject({ versionNo: 2, componentId: first.componentId });
  expect((await found('grows', true, { kind: 'number', versionNo: 1 })).id).toBe(first.id);
  expect((await found('grows', true, { kind: 'signature', signature: first.signature })).id).toBe(first.id);
  expect(await find('grows', true, { kind: 'number', versionNo: 9 })).toBeNull();
  expect(await find('grows', false)).toBeNull();
});

test('a bundle that is no component stops neither the start nor the others', async () => {
  const broken = join(folder, 'broken');
  for (const name of ['bad', 'good']) {
    await mkdir(join(broken, name), { recursive: true });
    await writeFile(join(broken, name, 'package.json'), JSON.stringify({ main: 'index.js' }));
  }
  await writeFile(join(broken, 'bad/index.js'), 'throw new Error("no component")');
  await writeFile(
    join(broken, 'good/index.js'),
    String(probeBundle).replaceAll("key: 'probe'", "key: 'good'"),
  );
  const said: string[] = [];
  const log = { ...silentLog, error: (message: string) => void said.push(message) };
  expect(await registerBundledComponents({ doors: house.doors, pool, log, folder: broken })).toBe(1);
  expect(said).toEqual(['a bundled component cannot be used']);
});

test('connections of a component become connection types that say which fields are secret', async () => {
  const [oauth] = await house.doors.withTenant(house.tenant, async (tx) =>
    connectionTypesOf(tx, await found('dropbox')),
  );
  expect(oauth).toMatchObject({
    tenantId: platformTenantId,
    key: 'oauth2',
    oauthKind: 'authorization_code',
    pkce: 'S256',
  });
  const fields = Object.fromEntries((oauth?.fields ?? []).map((field) => [field.key, field]));
  expect(fields.clientSecret).toMatchObject({ secret: true, required: true, shown: true, type: 'password' });
  expect(fields.clientId).toMatchObject({ secret: false, required: true });
  expect(fields.tokenUrl).toMatchObject({
    shown: false,
    defaultValue: 'https://api.dropboxapi.com/oauth2/token',
  });
  const [maps] = await house.doors.withTenant(house.tenant, async (tx) =>
    connectionTypesOf(tx, await found('reverse-geocode')),
  );
  expect(maps?.fields).toMatchObject([{ key: 'apiKey', secret: true }]);
});

test('a tenant’s own component is its own: another tenant neither finds it nor gets its package', async () => {
  const other = await house.addTenant('Other');
  const path = join(folder, 'own.js');
  await writeFile(path, probeBundle);
  const definition = await pool.describe(path);
  await house.doors.withTenant(house.tenant, (tx) =>
    storeComponentVersion({
      tx,
      actor: house.owner,
      tenant: house.tenant,
      unitId: house.organization.id,
      isPublic: false,
      definition,
      bundle: probeBundle,
    }),
  );
  const own = await found('probe', false);
  expect(own.tenantId).toBe(house.tenant);
  expect(await find('probe', true)).toBeNull();
  const seen = await house.doors.withTenant(other.tenant, (tx) =>
    findComponentVersion(tx, { key: 'probe', isPublic: false, version: latest }),
  );
  expect(seen).toBeNull();
  const packages = createComponentPackages({ doors: house.doors, folder: join(folder, 'packages') });
  await expect(packages.pathOf(other.tenant, own)).rejects.toMatchObject({ code: 'not_found' });
  const written = await packages.pathOf(house.tenant, own);
  expect((await readFile(written)).equals(probeBundle)).toBe(true);
  // The platform's are there for everybody.
  const shared = await packages.pathOf(other.tenant, await found('dropbox'));
  const original = await readFile(join(bundled, 'dropbox/dist/index.js'));
  expect((await readFile(shared)).equals(original)).toBe(true);
});
