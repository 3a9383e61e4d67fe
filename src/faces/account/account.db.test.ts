// The account face as a browser and a program meet it, on a listening server.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type AccountTestHouse,
  founder,
  openAccountHouse,
  type TestBrowser,
} from '../../../testing/account-house.ts';
import { ownPath } from './sign-in.ts';

const evilName = '"><script>alert(1)</script>';

let house: AccountTestHouse;
let ada: TestBrowser;
beforeAll(async () => {
  house = await openAccountHouse();
  const token = await house.accounts.ensureSetupLink();
  ada = house.browser();
  const before = await ada.get(`/setup?token=${token}`);
  expect(before.status).toBe(200);
  const made = await ada.submit(`/setup?token=${token}`, '/setup', { ...founder, organization: evilName });
  expect([made.status, made.headers.get('location')]).toEqual([303, '/account']);
});
afterAll(() => house.close());
beforeEach(() => house.clock.pass(60_001));

const bearer = async (path: string, token: string): Promise<number> =>
  (await fetch(`${house.url}${path}`, { headers: { authorization: `Bearer ${token}` } })).status;

const pageTokenOf = (text: string): string =>
  /<code class="secret" id="token"[^>]*>([^<]+)</.exec(text)?.[1] ?? '';

test('what others may name themselves stays text on the page', async () => {
  const { status, text } = await ada.get('/account');
  expect(status).toBe(200);
  expect(text).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(text).not.toContain('<script');
});

test('pages run no script, load nothing from elsewhere and cannot be framed', async () => {
  for (const path of ['/account', '/sign-in?next=/x', '/setup?token=x']) {
    const { headers } = await ada.get(path);
    if (headers.get('location') !== null) continue;
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('strict-origin');
  }
  const sheet = /href="(\/assets\/[^"]+)"/.exec((await ada.get('/account')).text)?.[1] ?? '';
  const { headers, status } = await ada.get(sheet);
  expect([status, headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
});

test('a token is shown once, works at once, and the database has only its hash', async () => {
  const { status, text } = await ada.submit('/account', '/account/new-token', {
    name: 'Deploy',
    expiresInDays: '30',
  });
  expect(status).toBe(200);
  const token = pageTokenOf(text);
  expect(await bearer('/account/tokens', token)).toBe(200);
  expect((await ada.get('/account')).text).not.toContain(token);
  expect((await ada.json('GET', '/account/tokens')).text).not.toContain(token);
  const { rows } = await house.rooms.doors.withTenant(await tenantOf(ada), async (tx) => ({
    rows: await tx.selectFrom('api_token').selectAll().execute(),
  }));
  expect(JSON.stringify(rows)).not.toContain(token.slice(-43));
});

test('a revoked token is refused within three seconds, after a page that asks', async () => {
  const made = JSON.parse((await ada.json('POST', '/account/tokens', { name: 'Short-lived' })).text);
  expect(await bearer('/account/tokens', made.token)).toBe(200);
  const asking = await ada.get(`/account/tokens/${made.id}/revoke`);
  expect(asking.text).toContain('Short-lived');
  expect(await bearer('/account/tokens', made.token)).toBe(200);
  const revoked = await ada.submit(
    `/account/tokens/${made.id}/revoke`,
    `/account/tokens/${made.id}/revoke`,
    {},
  );
  expect(revoked.status).toBe(303);
  await expect.poll(() => bearer('/account/tokens', made.token), { timeout: 3_000 }).toBe(401);
  expect((await ada.json('DELETE', `/account/tokens/${made.id}`)).status).toBe(404);
});

test('programs make, list and revoke tokens in JSON', async () => {
  const inAYear = new Date(house.clock.now().getTime() + 365 * 86_400_000).toISOString();
  const made = await ada.json('POST', '/account/tokens', {
    name: 'Narrow',
    scopes: ['credential.view'],
    expiresAt: inAYear,
  });
  expect(made.status).toBe(201);
  const { id, token } = JSON.parse(made.text);
  const { tokens } = JSON.parse((await ada.json('GET', '/account/tokens')).text);
  expect(tokens.find((one: { id: string }) => one.id === id)).toMatchObject({
    name: 'Narrow',
    scopes: ['credential.view'],
    expiresAt: inAYear,
    tail: token.slice(-4),
    principal: { name: founder.name, kind: 'person' },
  });
  expect((await ada.json('DELETE', `/account/tokens/${id}`)).status).toBe(204);
});

test('the answer to a new token says when it ends, also where that comes from the token that made it', async () => {
  const expiresAt = new Date(house.clock.now().getTime() + 90 * 86_400_000).toISOString();
  const first = JSON.parse((await ada.json('POST', '/account/tokens', { name: 'Ends', expiresAt })).text);
  const second = await fetch(`${house.url}/account/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${first.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Ends too', scopes: ['credential.view'] }),
  });
  expect([first.expiresAt, await second.json()]).toEqual([expiresAt, expect.objectContaining({ expiresAt })]);
  const endless = JSON.parse((await ada.json('POST', '/account/tokens', { name: 'Endless' })).text);
  expect(endless).toMatchObject({ expiresAt: null });
});

test('a service account has tokens of its own, and sees no others', async () => {
  const service = await ada.json('POST', '/account/services', { name: 'Robot', role: 'member' });
  expect(service.status).toBe(201);
  const { id: principalId } = JSON.parse(service.text);
  const made = JSON.parse((await ada.json('POST', '/account/tokens', { name: 'Robot’s', principalId })).text);
  const seen = await fetch(`${house.url}/account/tokens`, {
    headers: { authorization: `Bearer ${made.token}` },
  });
  expect(await seen.json()).toMatchObject({ tokens: [{ name: 'Robot’s', principal: { name: 'Robot' } }] });
  expect((await ada.json('POST', '/account/services', { name: 'X', role: 'emperor' })).status).toBe(400);
});

test('mistakes in JSON are named', async () => {
  const mistakes: readonly [unknown, string][] = [
    [{}, 'name'],
    [{ name: 'x', scopes: ['world.rule'] }, 'scopes'],
    [{ name: 'x', expiresAt: '2001-01-01T00:00:00Z' }, 'expiresAt'],
    [{ name: 'x', expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ name: 'x', principalId: 'me' }, 'principalId'],
    [{ name: 'x', principalId: house.rooms.owner.principalId }, 'principalId'],
    [{ name: 'x', admin: true }, 'admin'],
  ];
  for (const [body, field] of mistakes) {
    const { status, text } = await ada.json('POST', '/account/tokens', body);
    expect([status, JSON.parse(text).error.field]).toEqual([400, field]);
  }
});

test('mistakes in JSON are said in plain words, with the cure', async () => {
  const refusal = async (path: string, body: unknown) =>
    JSON.parse((await ada.json('POST', path, body)).text).error.message;
  expect(await refusal('/account/tokens', {})).toBe('name: is missing. Give it a value.');
  expect(await refusal('/account/tokens', { name: 7 })).toBe('name: is of the wrong type. Give a text.');
  expect(await refusal('/account/tokens', { name: 'x', expiresAt: 'tomorrow' })).toBe(
    'expiresAt: is not a point in time. Write it as in 2030-01-31T12:00:00Z.',
  );
  expect(await refusal('/account/tokens', { name: 'x', scopes: Array(101).fill('unit.view') })).toBe(
    'scopes: is larger than allowed. At most 100 entries.',
  );
  expect(await refusal('/account/services', { name: 'x', role: [] })).toBe(
    'role: is of the wrong type. Give a text.',
  );
  expect(await refusal('/account/tokens', { name: 'x', admin: true })).toBe(
    'admin: is not known here. Leave it out.',
  );
  expect(await refusal('/account/tokens', [])).toBe('The body is not a JSON object.');
});

test('a JSON content type with nothing in the body is no mistake of a request that needs no body', async () => {
  const made = JSON.parse((await ada.json('POST', '/account/tokens', { name: 'Short-lived' })).text);
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${made.token}` };
  const send = (body: string) =>
    fetch(`${house.url}/account/tokens/${made.id}`, { method: 'DELETE', headers, body });
  const needsBody = await fetch(`${house.url}/account/tokens`, { method: 'POST', headers });
  expect([needsBody.status, (await send('{')).status]).toEqual([400, 400]);
  expect((await send('')).status).toBe(204);
  const { tokens } = JSON.parse((await ada.json('GET', '/account/tokens')).text);
  expect(tokens.find((token: { readonly id: string }) => token.id === made.id).revokedAt).not.toBe(null);
});

test('another site cannot make a signed-in browser change anything', async () => {
  const count = async () => JSON.parse((await ada.json('GET', '/account/tokens')).text).tokens.length;
  const before = await count();
  const body = JSON.stringify({ name: 'Evil' });
  const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  const send = async (path: string, init: RequestInit) =>
    (await ada.jar.fetch(`${house.url}${path}`, { method: 'POST', ...init })).status;
  const form = 'application/x-www-form-urlencoded';
  expect(await send('/account/tokens', { body, headers: { 'content-type': 'text/plain' } })).toBe(415);
  expect(await send('/account/tokens', { body, headers: { 'content-type': 'text/plain', ...evil } })).toBe(
    415,
  );
  expect(
    await send('/account/tokens', { body, headers: { 'content-type': 'application/json', ...evil } }),
  ).toBe(403);
  expect(await send('/account/tokens', { headers: evil })).toBe(403);
  expect(
    await send('/account/new-token', { body: 'name=Evil', headers: { 'content-type': form, ...evil } }),
  ).toBe(403);
  // From here by the browser's word, but without the hidden field.
  const own = { 'content-type': form, origin: house.url, 'sec-fetch-site': 'same-origin' };
  expect(await send('/account/new-token', { body: 'name=Evil', headers: own })).toBe(403);
  expect(await send('/sign-out', { body: '', headers: own })).toBe(403);
  expect(await send('/sign-in', { body: 'email=a&password=b', headers: { ...own, ...evil } })).toBe(403);
  expect((await ada.json('DELETE', '/account/tokens/x', undefined, evil)).status).toBe(403);
  expect(await count()).toBe(before);
});

test('a form that another site sends is refused even with the right hidden field', async () => {
  const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  const { email, password } = founder;
  const answer = await house.browser().submit('/sign-in', '/sign-in', { email, password }, evil);
  expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
});

test('a hidden field of another browser is not accepted', async () => {
  const other = house.browser();
  const field = /name="form_token" value="([^"]+)"/.exec((await other.get('/sign-in')).text)?.[1] ?? '';
  const answer = await ada.submit('/account', '/account/new-token', { name: 'Evil', form_token: field });
  expect(answer.status).toBe(403);
});

test('signing in leads on to a page of ours and to no other', async () => {
  const browser = house.browser();
  const { email, password } = founder;
  const wanted = '/oauth/start/abc?x=1';
  const asked = await browser.get('/account');
  expect(asked.headers.get('location')).toBe('/sign-in?next=%2Faccount');
  const done = await browser.submit(`/sign-in?next=${encodeURIComponent(wanted)}`, '/sign-in', {
    email,
    password,
  });
  expect([done.status, done.headers.get('location')]).toEqual([303, wanted]);
  for (const elsewhere of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/x/..//evil.example',
    'javascript:alert(1)',
    '',
    'account',
  ])
    expect(ownPath(elsewhere)).toBe('/account');
});

test('a browser that is not signed in and one with a wrong password learn nothing', async () => {
  const browser = house.browser();
  const texts = [];
  for (const email of [founder.email, 'nobody@example.com']) {
    const answer = await browser.submit('/sign-in', '/sign-in', { email, password: 'a wrong guess' });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('www-authenticate')).toBeNull();
    expect(answer.text).not.toContain('a wrong guess');
    texts.push(answer.text.replaceAll(email, '').replaceAll(/name="form_token" value="[^"]+"/g, ''));
  }
  expect(texts[0]).toBe(texts[1]);
  expect((await browser.json('GET', '/account/tokens')).status).toBe(401);
});

test('too many attempts are told when to come again', async () => {
  const browser = house.browser();
  let last = await browser.json('POST', '/sign-in', { email: 'eve@example.com', password: 'x' });
  for (let tries = 0; tries < 5; tries += 1) {
    last = await browser.json('POST', '/sign-in', { email: 'eve@example.com', password: 'x' });
  }
  expect(last.status).toBe(429);
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
  const page = await browser.submit('/sign-in', '/sign-in', { email: 'eve@example.com', password: 'x' });
  expect([page.status, page.headers.has('retry-after')]).toEqual([429, true]);
});

test('signing out ends the session and its cookie', async () => {
  const browser = house.browser();
  await browser.json('POST', '/sign-in', { email: founder.email, password: founder.password });
  expect((await browser.get('/account')).status).toBe(200);
  const out = await browser.submit('/account', '/sign-out', {});
  expect([out.status, out.headers.get('location')]).toEqual([303, '/sign-in']);
  expect(out.headers.getSetCookie().join()).toMatch(/latchkey_session=;.*Max-Age=0/);
  expect((await browser.get('/account')).status).toBe(303);
});

test('a used set-up link says so on a page, an unknown one is not found', async () => {
  const used = await house.browser().json('POST', '/setup', { ...founder, token: 'x'.repeat(43) });
  expect(used.status).toBe(404);
  const page = await house.browser().get(`/setup?token=${'x'.repeat(43)}`);
  expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
});

test('by https the cookies are Secure and bound to the host', async () => {
  const secure = await openAccountHouse({ isHttps: true });
  try {
    const token = await secure.accounts.ensureSetupLink();
    const browser = secure.browser();
    const shown = await browser.get(`/setup?token=${token}`);
    expect(shown.headers.getSetCookie().join()).toMatch(
      /^__Host-latchkey_form=.*; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
    const made = await browser.json('POST', '/setup', { ...founder, token });
    expect(made.headers.getSetCookie().join()).toMatch(
      /^__Host-latchkey_session=[^;]+; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
  } finally {
    await secure.close();
  }
});

async function tenantOf(browser: TestBrowser) {
  const answer = await browser.json('POST', '/sign-in', { email: founder.email, password: founder.password });
  return JSON.parse(answer.text).organizationId;
}

test('redirect origins are set whole, and anything but an https origin is refused by its place in the list', async () => {
  const own = await openAccountHouse();
  const browser = await own.foundedBrowser();
  const set = (origins: readonly string[]) => browser.json('PUT', '/account/redirect-origins', { origins });
  expect((await set(['https://app.example.com', 'http://localhost:3000'])).status).toBe(200);
  const seen = await browser.get('/account/redirect-origins');
  expect(JSON.parse(seen.text)).toEqual({ origins: ['https://app.example.com', 'http://localhost:3000'] });
  for (const wrong of [
    'http://app.example.com',
    'https://a.example/path',
    'https://u@a.example',
    'x:1',
    '*',
  ]) {
    const refused = await set(['https://app.example.com', wrong]);
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('origins[1]')]);
  }
  await own.close();
});
