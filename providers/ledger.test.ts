import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startEmulator } from './emulator.ts';
import { readLedgerFile } from './ledger-file.ts';
import { fingerprint } from './ledger-record.ts';
import { createTrialClient, tokensIn } from './trial-client.ts';

async function ledgerPath() {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'ledger.jsonl');
}

test.each(['standards', 'quirky'] as const)(
  '%s: the file tells the same as the memory, without a secret',
  async (mode) => {
    const ledgerFile = await ledgerPath();
    const emulator = await startEmulator({ mode, ledgerFile, set: { rotation: 'always' } });
    const client = createTrialClient(emulator);
    const code = (await client.consent()).searchParams.get('code') ?? '';
    const first = tokensIn(await client.exchange(code));
    const second = tokensIn(await client.refresh(first.refreshToken, { auth: 'basic' }));
    await client.revoke(second.refreshToken);
    await client.use(second.accessToken);
    await emulator.close();

    const records = await readLedgerFile(ledgerFile);
    expect(records).toEqual(JSON.parse(JSON.stringify(emulator.ledger.records())));
    const grant = records[0]?.grant;
    expect(grant).not.toBeNull();
    expect(records).toMatchObject([
      {
        seq: 1,
        mode,
        kind: 'code',
        grant,
        clientAuthStyle: 'post',
        refreshTokenIssued: fingerprint(first.refreshToken),
      },
      {
        seq: 2,
        kind: 'refresh',
        grant,
        clientAuthStyle: 'basic',
        client: 'latchkey-demo',
        refreshTokenPresented: fingerprint(first.refreshToken),
        refreshTokenIssued: fingerprint(second.refreshToken),
        accessTokenIssued: fingerprint(second.accessToken),
        executed: true,
        outcome: 'issued',
        status: 200,
        params: { grant_type: 'refresh_token', refresh_token: '[hidden]' },
      },
      {
        seq: 3,
        kind: 'revoke',
        grant,
        outcome: 'revoked',
        refreshTokenPresented: fingerprint(second.refreshToken),
      },
      {
        seq: 4,
        kind: 'resource',
        outcome: 'invalid_token',
        accessTokenPresented: fingerprint(second.accessToken),
      },
    ]);
    const text = await readFile(ledgerFile, 'utf8');
    for (const secret of [code, first.refreshToken, second.accessToken, 'latchkey-demo-secret']) {
      expect(text).not.toContain(secret);
    }
  },
);

test('the file only grows: resets, other modes and a second run add to it', async () => {
  const ledgerFile = await ledgerPath();
  const emulator = await startEmulator({ mode: 'quirky', ledgerFile });
  const client = createTrialClient(emulator);
  await client.connect();
  const before = await readFile(ledgerFile, 'utf8');
  emulator.reset();
  await emulator.setMode({ quirks: ['strict-rotation'] });
  await client.connect();
  expect(emulator.ledger.records()).toHaveLength(2);
  await emulator.close();
  const again = await startEmulator({ mode: 'quirky', ledgerFile });
  await createTrialClient(again).connect();
  await again.close();
  const after = await readFile(ledgerFile, 'utf8');
  expect(after.startsWith(before)).toBe(true);
  expect((await readLedgerFile(ledgerFile)).map(({ seq }) => seq)).toEqual([1, 2, 1]);
});

test('an effect is on disk before the client hears of it', async () => {
  const ledgerFile = await ledgerPath();
  const emulator = await startEmulator({ mode: 'quirky', ledgerFile, set: { rotation: 'always' } });
  onTestFinished(() => emulator.close());
  const client = createTrialClient(emulator);
  let { refreshToken } = await client.connect();
  for (let i = 0; i < 20; i += 1) {
    refreshToken = tokensIn(await client.refresh(refreshToken)).refreshToken;
    expect(await readFile(ledgerFile, 'utf8')).toContain(fingerprint(refreshToken));
  }
});

test('records cannot be changed by whoever reads them', async () => {
  const emulator = await startEmulator({ mode: 'quirky' });
  onTestFinished(() => emulator.close());
  await createTrialClient(emulator).connect();
  const [record] = emulator.ledger.records();
  expect(() => Object.assign(Object(record), { executed: false })).toThrow(TypeError);
});

test('a ledger file that cannot be opened stops the start with a cure', async () => {
  await expect(startEmulator({ ledgerFile: '/nonexistent/ledger.jsonl' })).rejects.toMatchObject({
    code: 'cannot_start',
  });
});
