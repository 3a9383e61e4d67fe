import { expect, onTestFinished, test } from 'vitest';
import { startEmulator } from './emulator.ts';
import type { TokenShape } from './token-shape.ts';
import { createTrialClient } from './trial-client.ts';

async function refreshed(shape: TokenShape, headers: Record<string, string> = {}) {
  const emulator = await startEmulator({ mode: 'quirky' });
  onTestFinished(() => emulator.close());
  const client = createTrialClient(emulator);
  const { refreshToken } = await client.connect();
  emulator.schedule([{ fault: 'shape', shape }]);
  return client.refresh(refreshToken, { headers });
}

test.each<[TokenShape, Record<string, unknown>]>([
  [{}, { expires_in: 3600, token_type: 'Bearer', scope: 'openid files.read files.write' }],
  [{ expiresIn: 'text' }, { expires_in: '3600' }],
  [{ expiresIn: 'milliseconds' }, { expires_in: 3_600_000 }],
  [{ expiresIn: { literal: 0 } }, { expires_in: 0 }],
  [{ expiresIn: { literal: -1 } }, { expires_in: -1 }],
  [{ expiresIn: { literal: 1e12 } }, { expires_in: 1e12 }],
  [{ expiresIn: { literal: 'abc' } }, { expires_in: 'abc' }],
  [{ expiresIn: { literal: null } }, { expires_in: null }],
  [{ tokenType: 'mac' }, { token_type: 'mac' }],
  [{ tokenType: 7 }, { token_type: 7 }],
  [{ scope: 'wider' }, { scope: 'openid files.read files.write admin.everything' }],
  [{ scope: 'narrower' }, { scope: 'openid files.read' }],
  [{ accessToken: 'empty' }, { access_token: '' }],
  [{ accessToken: 'number' }, { access_token: 12_345_678 }],
  [{ accessToken: 'line_break' }, { access_token: expect.stringContaining('\r\nX-Injected') }],
  [{ accessToken: 'non_ascii' }, { access_token: expect.stringMatching(/[^\x20-\x7e]/) }],
  [
    { fields: { instance_url: 'https://x.example', undefined_params: [1] } },
    { instance_url: 'https://x.example', undefined_params: [1] },
  ],
  [
    { path: ['data', 'auth'], fields: { code: 0 } },
    { code: 0, data: { auth: expect.objectContaining({ expires_in: 3600, token_type: 'Bearer' }) } },
  ],
])('%j', async (shape, body) => {
  expect(await refreshed(shape)).toMatchObject({ status: 200, body });
});

test('fields can be missing', async () => {
  expect((await refreshed({ expiresIn: 'absent' })).body).not.toHaveProperty('expires_in');
  expect((await refreshed({ scope: 'absent' })).body).not.toHaveProperty('scope');
  expect((await refreshed({ omit: ['access_token'] })).body).not.toHaveProperty('access_token');
});

test('form-encoded always, or unless JSON is asked for', async () => {
  const always = await refreshed({ encoding: 'form' }, { accept: 'application/json' });
  expect(always.headers.get('content-type')).toContain('x-www-form-urlencoded');
  expect(new URLSearchParams(always.text).get('expires_in')).toBe('3600');
  const unasked = await refreshed({ encoding: 'form_unless_asked' }, { accept: '*/*' });
  expect(new URLSearchParams(unasked.text).get('token_type')).toBe('Bearer');
  const asked = await refreshed({ encoding: 'form_unless_asked' }, { accept: 'application/json' });
  expect(asked.body.token_type).toBe('Bearer');
});

test('HTML, XML, an array or a wrong content type around good tokens', async () => {
  expect((await refreshed({ encoding: 'html' })).text).toMatch(/^<html>/);
  expect((await refreshed({ encoding: 'xml' })).text).toContain('<token_type>Bearer</token_type>');
  expect((await refreshed({ wrapInArray: true })).text).toMatch(/^\[\{/);
  const mislabelled = await refreshed({ contentType: 'text/plain' });
  expect([mislabelled.headers.get('content-type'), mislabelled.body.token_type]).toEqual([
    'text/plain',
    'Bearer',
  ]);
});

test('keys that would reach for a prototype arrive as written', async () => {
  const { text } = await refreshed({ prototypeKeys: true });
  expect(Object.keys(JSON.parse(text))).toEqual(
    expect.arrayContaining(['__proto__', 'constructor', 'access_token']),
  );
});
