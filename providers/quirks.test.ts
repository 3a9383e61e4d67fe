import { expect, onTestFinished, test } from 'vitest';
import { startEmulator } from './emulator.ts';
import { type QuirkName, quirkNames } from './quirks.ts';
import { createTrialClient, tokensIn } from './trial-client.ts';

async function start(...quirks: QuirkName[]) {
  const emulator = await startEmulator({ quirks });
  onTestFinished(() => emulator.close());
  return { emulator, client: createTrialClient(emulator) };
}
const offline = { access_type: 'offline', token_access_type: 'offline' };

test.each(quirkNames.filter((name) => !['down', 'pkce-rejected', 'slow'].includes(name)))(
  '%s: a careful client connects and gets a live token',
  async (name) => {
    const { emulator, client } = await start(name);
    const separator = emulator.state().quirk.scopeSeparator;
    const callback = await client.consent({ ...offline, scope: ['read', 'write'].join(separator) });
    const auth = name === 'quickbooks' ? 'basic' : 'post';
    const headers = { accept: 'application/json' };
    const { body } = await client.exchange(callback.searchParams.get('code'), { auth, headers });
    const place = name === 'slack-user' ? body.authed_user : body;
    const accessToken = String(Reflect.get(Object(place), 'access_token'));
    expect((await client.use(accessToken)).body).toMatchObject({ ok: true, scopes: ['read', 'write'] });
  },
);

test('slack: comma scopes, rotation, twelve hours, errors under 200', async () => {
  const { client } = await start('slack');
  const { refreshToken, reply } = await client.connect({ scope: 'a,b' });
  expect(reply.body).toMatchObject({ ok: true, scope: 'a,b', expires_in: 43_200, token_type: 'bot' });
  expect((await client.refresh(refreshToken)).status).toBe(200);
  expect(await client.refresh(refreshToken)).toMatchObject({ status: 200, body: { ok: false } });
});

test('github: form-encoded unless asked, no expiry, no refresh token', async () => {
  const { emulator, client } = await start('github');
  const { reply } = await client.connect();
  expect(reply.text).toMatch(/^access_token=gho_/);
  expect(reply.text).not.toContain('expires_in');
  emulator.advance(1e9);
  const accessToken = new URLSearchParams(reply.text).get('access_token') ?? '';
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
});

test('atlassian: the old refresh token has ten minutes, then it is reuse', async () => {
  const { emulator, client } = await start('atlassian');
  const { refreshToken, accessToken } = await client.connect();
  await client.refresh(refreshToken);
  emulator.advance(599);
  expect((await client.use(accessToken)).status).toBe(200);
  expect((await client.refresh(refreshToken)).status).toBe(200);
  emulator.advance(1);
  expect((await client.use(accessToken)).status).toBe(401);
  expect((await client.refresh(refreshToken)).status).toBe(400);
});

test('presets merge from left to right, and own settings win', async () => {
  const emulator = await startEmulator({
    quirks: ['salesforce', 'strict-rotation'],
    set: { accessTokenSeconds: 5 },
  });
  onTestFinished(() => emulator.close());
  const { quirk, mode, presets } = emulator.state();
  expect([mode, presets]).toEqual(['quirky', ['salesforce', 'strict-rotation']]);
  expect(quirk).toMatchObject({ rotation: 'always', accessTokenSeconds: 5, shape: { expiresIn: 'absent' } });
  expect(quirk.shape.fields).toHaveProperty('instance_url');
});

test('an unknown quirk and a wrong setting are refused by name, before a port is opened', async () => {
  await expect(startEmulator({ quirks: ['unheard-of'] })).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'quirk',
  });
  await expect(startEmulator({ quirks: ['__proto__'] })).rejects.toMatchObject({ field: 'quirk' });
  const wrong = { mode: 'quirky', set: { rotation: 'sometimes' } } as unknown as { mode: 'quirky' };
  await expect(startEmulator(wrong)).rejects.toMatchObject({ code: 'invalid_field', field: 'rotation' });
});

test('flaky: trouble at every third token request, and never twice in a row', async () => {
  const { client } = await start('flaky');
  const tryOnce = (token: string) =>
    client.refresh(token).then(
      ({ status }) => status,
      () => 'reset',
    );
  const { refreshToken } = tokensIn((await client.connect()).reply);
  const seen: unknown[] = [];
  for (let i = 0; i < 18; i += 1) seen.push(await tryOnce(refreshToken));
  expect(seen.filter((status) => status !== 200).length).toBeGreaterThanOrEqual(4);
  expect(new Set(seen)).toEqual(new Set([200, 503, 'reset', 429]));
  expect(seen.some((status, i) => status !== 200 && seen[i + 1] !== 200 && i + 1 < seen.length)).toBe(false);
});
