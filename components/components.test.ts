import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createHostPool } from '../src/hosts/pool.ts';
import { silentLog } from '../src/kernel/log.ts';
import { bundleComponent, findEntries } from './bundle.mjs';

const folder = mkdtempSync(join(tmpdir(), 'components-'));
const pool = createHostPool({ log: silentLog, dial: () => Promise.reject(new Error('No network.')) });
afterAll(async () => {
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
});

test('every component bundles to the same bytes each time and describes itself inside a host', async () => {
  const described: Record<string, object> = {};
  for (const name of (await findEntries()).keys()) {
    const digests = new Set<string>();
    for (const round of ['1', '2']) {
      const { path } = await bundleComponent(name, join(folder, round, name));
      digests.add(createHash('sha256').update(readFileSync(path)).digest('hex'));
    }
    expect(digests.size).toBe(1);
    const definition = await pool.describe(join(folder, '1', name, 'index.js'));
    described[definition.key] = {
      actions: Object.keys(definition.actions),
      connections: definition.connections.map(({ key, oauth2Type, inputs }) => ({
        key,
        ...(oauth2Type === undefined ? {} : { oauth2Type }),
        inputs: inputs.map((input) => input.key),
      })),
      ...(definition.authorization === undefined ? {} : { authorization: definition.authorization }),
    };
  }
  expect(described).toEqual({
    dropbox: {
      actions: ['listFolder', 'downloadFile'],
      connections: [
        {
          key: 'oauth2',
          oauth2Type: 'authorization_code',
          inputs: ['authorizeUrl', 'tokenUrl', 'revokeUrl', 'scopes', 'clientId', 'clientSecret'],
        },
      ],
    },
    'reverse-geocode': {
      actions: ['reverseGeocodePhoto'],
      connections: [{ key: 'apiKey', inputs: ['apiKey'] }],
    },
    'aws-s3': {
      actions: ['putObject', 'getObject', 'listObjects'],
      connections: [{ key: 'apiKeySecret', inputs: ['accessKeyId', 'secretAccessKey'] }],
    },
    sftp: {
      actions: ['listDirectory', 'readFile', 'writeFile'],
      connections: [
        { key: 'basic', inputs: ['username', 'password'] },
        { key: 'privateKey', inputs: ['username', 'privateKey', 'passphrase'] },
      ],
    },
    'legacy-http': {
      actions: ['httpGet', 'httpPost'],
      connections: [],
      authorization: { required: false, methods: ['basic', 'api_key', 'oauth2'] },
    },
  });
}, 30_000);
