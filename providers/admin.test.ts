import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { type EmulatorOptions, startEmulator } from './emulator.ts';
import { createTrialClient, tokensIn } from './trial-client.ts';

async function start(options: EmulatorOptions = { mode: 'quirky' }) {
  const emulator = await startEmulator(options);
  onTestFinished(() => emulator.close());
  const admin = async (name: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${emulator.url}/_emulator/${name}`, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { emulator, client: createTrialClient(emulator), admin };
}

test('another process can change the mode and read the state', async () => {
  const { client, admin } = await start();
  expect((await admin('state')).body).toMatchObject({
    mode: 'quirky',
    faultsWaiting: 0,
    quirks: expect.any(Array),
  });
  const changed = await admin('mode', { quirks: ['exact-online'], set: { accessTokenSeconds: 700 } });
  expect(changed.body).toMatchObject({
    mode: 'quirky',
    presets: ['exact-online'],
    quirk: { accessTokenSeconds: 700 },
  });
  expect((await client.connect()).reply.body.expires_in).toBe('700');
  expect((await admin('mode', { mode: 'standards' })).body.mode).toBe('standards');
  expect((await client.connect()).reply.body.expires_in).toBe(3600);
  await admin('adjust', { accessTokenSeconds: 60 });
  expect((await client.connect()).reply.body.expires_in).toBe(60);
});

test('another process can script faults, an outage and the clock', async () => {
  const { client, admin } = await start();
  const { refreshToken, accessToken } = await client.connect();
  expect((await admin('faults', { faults: [{ fault: 'rate_limited' }] })).body.faultsWaiting).toBe(1);
  expect((await client.refresh(refreshToken)).status).toBe(429);
  await admin('outage', { outage: 'unavailable' });
  expect((await client.refresh(refreshToken)).status).toBe(503);
  expect((await admin('ledger')).status).toBe(200);
  await admin('outage', { outage: 'none' });
  await admin('advance', { advanceSeconds: 3600 });
  expect((await admin('check-token', { token: accessToken })).body).toEqual({ live: false });
});

test.each(['standards', 'quirky'] as const)(
  '%s: grants and tokens can be killed from outside',
  async (mode) => {
    const { emulator, client, admin } = await start({ mode });
    const { refreshToken, accessToken } = await client.connect();
    expect((await admin('expire-access-tokens', {})).body).toEqual({ expired: 1 });
    expect((await client.use(accessToken)).status).toBe(401);
    const grant = emulator.ledger.records()[0]?.grant;
    const fresh = tokensIn(await client.refresh(refreshToken));
    expect((await admin('revoke-grant', { grant })).body).toEqual({ revoked: true });
    expect((await client.use(fresh.accessToken)).status).toBe(401);
    expect((await client.refresh(refreshToken)).status).toBe(400);
    expect((await admin('revoke-grant', { grant })).body).toEqual({ revoked: false });
  },
);

test('the ledger can be read by grant and from a number on, with its maxima', async () => {
  const { emulator, client, admin } = await start();
  const { refreshToken } = await client.connect();
  await client.connect();
  await client.refresh(refreshToken);
  const grant = emulator.ledger.records()[0]?.grant ?? '';
  const all = (await admin('ledger')).body;
  expect(all.records).toHaveLength(3);
  const some = (await admin(`ledger?grant=${encodeURIComponent(grant)}&since=1`)).body;
  expect(some.records).toMatchObject([{ seq: 3, kind: 'refresh', grant }]);
  expect(some.outstandingMax).toEqual({ [grant]: 1 });
});

test('hanging requests are released from outside', async () => {
  const { emulator, client, admin } = await start();
  const { refreshToken } = await client.connect();
  await admin('faults', { faults: [{ fault: 'hang', when: 'before' }] });
  const reply = client.refresh(refreshToken);
  await emulator.whenHanging(1);
  expect((await admin('state')).body.requestsHanging).toBe(1);
  expect((await admin('release', {})).body).toEqual({ released: 1 });
  expect((await reply).status).toBe(200);
});

test('a client registered over the wire works at once; a reset forgets grants but not the ledger', async () => {
  const { emulator, admin } = await start();
  const { body } = await admin('clients', { redirect_uris: ['http://127.0.0.1:9/callback/c/abc'] });
  const identity = { client_id: String(body.client_id), client_secret: String(body.client_secret) };
  const client = createTrialClient(emulator, identity);
  const { refreshToken, accessToken } = await client.connect();
  expect((await client.use(accessToken)).status).toBe(200);
  await admin('reset', {});
  expect((await client.use(accessToken)).status).toBe(401);
  expect((await client.refresh(refreshToken)).status).toBe(400);
  expect(emulator.ledger.records().length).toBeGreaterThanOrEqual(3);
});

test('bad admin calls are refused with the field, and change nothing', async () => {
  const { emulator, admin } = await start();
  const before = JSON.stringify(emulator.state().quirk);
  for (const [name, body, field] of [
    ['adjust', { rotation: 'twice' }, 'rotation'],
    ['adjust', { rotations: 'always' }, 'rotations'],
    ['mode', { quirks: ['nope'] }, 'quirk'],
    ['mode', { kind: 'x' }, 'kind'],
    ['faults', { faults: [{ fault: 'earthquake' }] }, 'fault'],
    ['outage', { outage: true }, 'outage'],
    ['advance', { advanceSeconds: -1 }, 'advanceSeconds'],
    ['clients', { client_id: 'x\u0000' }, 'client_id'],
    ['clients', { redirect_uris: ['not a uri'] }, 'redirect_uris'],
  ] as const) {
    const reply = await admin(name, body);
    expect([name, reply.status]).toEqual([name, 400]);
    expect(String(reply.body.message)).toContain(field);
  }
  expect((await admin('nonsense', {})).status).toBe(404);
  expect((await fetch(`${emulator.url}/_emulator/mode`, { method: 'POST', body: '{' })).status).toBe(400);
  expect((await fetch(`${emulator.url}/_emulator/mode`, { method: 'DELETE' })).status).toBe(405);
  expect(JSON.stringify(emulator.state().quirk)).toBe(before);
});

test('web pages and rebound names cannot reach the remote control', async () => {
  const { emulator } = await start();
  const statusWith = (headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(`${emulator.url}/_emulator/state`, { headers }, (res) => {
        res.resume();
        resolve(res.statusCode);
      })
        .on('error', reject)
        .end();
    });
  expect(await statusWith({})).toBe(200);
  expect(await statusWith({ origin: 'https://evil.example' })).toBe(403);
  expect(await statusWith({ host: 'evil.example' })).toBe(403);
});

test('nothing listens beyond loopback', async () => {
  const { emulator } = await start();
  const { hostname, port } = new URL(emulator.url);
  expect(hostname).toBe('127.0.0.1');
  const outer = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  for (const host of [...outer, '127.0.0.2']) {
    const outcome = await new Promise((resolve) => {
      const socket = connect({ host, port: Number(port) }, () => resolve('open'));
      socket.on('error', () => resolve('closed'));
      socket.setTimeout(1000, () => resolve('closed'));
      onTestFinished(() => void socket.destroy());
    });
    expect([host, outcome]).toEqual([host, 'closed']);
  }
});

test('grants can be seeded without pages; they refresh, stand in the ledger and can be looked at', async () => {
  const { emulator, client, admin } = await start({ set: { rotation: 'always' } });
  const seeded = (await admin('seed-grant', { account: 'bob' })).body as Record<string, string>;
  const { grant = '', accessToken = '', refreshToken = '' } = seeded;
  expect((await client.use(accessToken, '/userinfo')).body).toMatchObject({ sub: 'bob' });
  const fresh = tokensIn(await client.refresh(refreshToken));
  expect((await client.use(fresh.accessToken)).status).toBe(200);
  expect(emulator.ledger.records().map(({ kind, grant: of }) => [kind, of])).toEqual([
    ['seed', grant],
    ['refresh', grant],
  ]);
  expect((await admin('check-grant', { grant })).body).toEqual({ live: true });
  await client.refresh(refreshToken);
  expect((await admin('check-grant', { grant })).body).toEqual({ live: false });
  expect((await admin('check-grant', { grant: 'never' })).body).toEqual({ live: null });
  expect((await admin('seed-grant', { client: 'nobody' })).status).toBe(404);
  await admin('mode', { mode: 'standards' });
  expect((await admin('seed-grant', {})).status).toBe(409);
});

test('an unplugged provider refuses connections, and comes back at the same port with all it knew', async () => {
  const { emulator, client } = await start();
  const { refreshToken } = await emulator.seedGrant();
  await emulator.unplug();
  await expect(client.refresh(refreshToken)).rejects.toThrow();
  await emulator.plug();
  expect((await client.refresh(refreshToken)).status).toBe(200);
});
