import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { faultSchema } from '../../providers/fault.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { openRefreshProcess } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { type Credential, findCredential } from '../credentials/credential.ts';
import { disconnectGrant } from '../credentials/disconnect.ts';
import type { Doors } from '../storage/doors.ts';

let house: TestHouse;
let emulator: Emulator;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator({ set: { rotation: 'always' } });
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});
beforeEach(async () => {
  await emulator.setMode({ set: { rotation: 'always' } });
});

/** The refreshing machinery of one process. */
const process = (doors: Doors = house.doors) => openRefreshProcess(house, emulator, doors);

const see = async (credential: Credential) =>
  await house.doors.withTenant(house.tenant, (tx) => findCredential(tx, credential.id));
const refreshes = () => emulator.ledger.records().filter((record) => record.kind === 'refresh').length;

test('a due grant is refreshed in the background with one request, and the new token works', async () => {
  const credential = await createOAuthCredential(house, emulator);
  const before = await connectAccount(house, emulator, credential, {
    expiresInSeconds: 300,
    dueInSeconds: 0,
  });
  const one = await process();
  const count = refreshes();
  expect(await one.refresher.runOnce()).toBe(1);
  expect(refreshes()).toBe(count + 1);
  const { grant } = await one.reader.readToken({ tenant: house.tenant, credentialId: credential.id });
  const token = grant.tokens.accessToken.revealText();
  expect(token).not.toBe(before.accessToken);
  expect(emulator.isLiveAccessToken(token)).toBe(true);
  expect((await see(credential))?.grant).toMatchObject({ state: 'active', consentNo: 1, tokenNo: 2 });
});

test('what is not due is not touched', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 3600, dueInSeconds: 2700 });
  const count = refreshes();
  expect(await (await process()).refresher.runOnce()).toBe(0);
  expect(refreshes()).toBe(count);
});

test('60 readers of an expired token in two processes cost one token request', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: -10, dueInSeconds: 0 });
  emulator.adjust({ latency: { kind: 'fixed', ms: 150 } });
  const processes = [await process(), await process(house.database.again().doors)];
  const count = refreshes();
  const readings = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      processes[index % 2]?.reader.readToken({ tenant: house.tenant, credentialId: credential.id }),
    ),
  );
  expect(refreshes()).toBe(count + 1);
  expect(new Set(readings.map((reading) => reading?.grant.tokens.accessToken.revealText())).size).toBe(1);
});

test('a refresh that the provider fails leaves the living token served', async () => {
  const credential = await createOAuthCredential(house, emulator);
  const { accessToken } = await connectAccount(house, emulator, credential, {
    expiresInSeconds: 40,
    dueInSeconds: 0,
  });
  emulator.adjust({ outage: 'unavailable' });
  const one = await process();
  await one.refresher.runOnce();
  const reading = await one.reader.readToken({
    tenant: house.tenant,
    credentialId: credential.id,
    minTtlSeconds: 60,
  });
  expect(reading.grant.tokens.accessToken.revealText()).toBe(accessToken);
  expect((await see(credential))?.grant?.state).toBe('degraded');
});

test('a disconnect while a refresh is under way wins, and the fresh tokens are taken back', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  emulator.schedule([faultSchema.parse({ fault: 'hang', when: 'after', on: 'refresh' })]);
  const one = await process();
  const running = one.refresher.runOnce();
  await emulator.whenHanging(1);
  await house.doors.withTenant(house.tenant, (tx) =>
    disconnectGrant({ tx, vault: house.vault, actor: house.owner, credentialId: credential.id }),
  );
  emulator.release();
  await running;
  expect((await see(credential))?.grant).toMatchObject({ state: 'disconnected', consentNo: 2 });
  await expect(
    one.reader.readToken({ tenant: house.tenant, credentialId: credential.id }),
  ).rejects.toMatchObject({
    code: 'needs_authorization',
  });
});

test('a refused refresh token is tried twice before the grant is called dead', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  const grant = emulator.ledger.records().at(-1)?.grant;
  if (grant) emulator.revokeGrant(grant);
  const one = await process();
  await one.refresher.runOnce();
  expect((await see(credential))?.grant).toMatchObject({ state: 'degraded', lastErrorCode: 'invalid_grant' });
});

test('a wrong client secret degrades the grant and trips the client, never the consent', async () => {
  const credential = await createOAuthCredential(house, emulator, { secret: 'wrong' });
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  await (await process()).refresher.runOnce();
  expect((await see(credential))?.grant).toMatchObject({
    state: 'degraded',
    lastErrorCode: 'invalid_client',
  });
});

test('a forced refresh within five seconds of the last one sends nothing', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 3600, dueInSeconds: 2000 });
  const one = await process();
  const count = refreshes();
  const options = { tenant: house.tenant, credentialId: credential.id };
  const readings = await Promise.all(Array.from({ length: 60 }, () => one.reader.forceRefresh(options)));
  expect(new Set(readings.map((reading) => reading.grant.tokens.accessToken.revealText())).size).toBe(1);
  await one.reader.forceRefresh(options);
  expect(refreshes()).toBe(count + 1);
});
