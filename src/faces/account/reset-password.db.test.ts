// The way back after a forgotten password, as the operator and the person's browser walk it on a listening server.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type AccountTestHouse,
  type Answer,
  founder,
  openAccountHouse,
  type TestBrowser,
} from '../../../testing/account-house.ts';
import type { AuditActor } from '../../audit/event.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { givePasswordReset } from '../operator/give-password-reset.ts';

const operator: AuditActor = { kind: 'operator', principalId: null, name: 'operator' };
const path = '/reset-password';

let house: AccountTestHouse;
beforeAll(async () => {
  house = await openAccountHouse();
  await house.foundedBrowser();
});
afterAll(() => house.close());
beforeEach(() => house.clock.pass(60_001));

/** What the operator hands over, as the way on this server. */
async function given(): Promise<{ readonly way: string; readonly token: string }> {
  const { link } = await givePasswordReset(
    operator,
    { doors: house.rooms.doors, publicUrl: house.url },
    founder.email,
  );
  const { origin, pathname, search, searchParams } = new URL(link);
  expect([origin, pathname]).toEqual([house.url, path]);
  return { way: `${pathname}${search}`, token: searchParams.get('token') ?? '' };
}

const choose = (browser: TestBrowser, way: string, newPassword: string, headers = {}) =>
  browser.submit(way, path, { newPassword }, headers);
const signIn = (browser: TestBrowser, password: string) =>
  browser.json('POST', '/sign-in', { email: founder.email, password });

async function signedIn(password: string): Promise<TestBrowser> {
  const browser = house.browser();
  expect((await signIn(browser, password)).status).toBe(200);
  return browser;
}

async function resetTo(password: string): Promise<void> {
  const { way } = await given();
  expect((await choose(house.browser(), way, password)).status).toBe(303);
}

test('the link leads to a new password, the end of all sessions, and the sign-in page; API tokens stay', async () => {
  const [one, other] = [await signedIn(founder.password), await signedIn(founder.password)];
  const made = await one.json('POST', '/account/tokens', { name: 'Deploy' });
  const { token: apiToken } = JSON.parse(made.text);
  const { way, token } = await given();
  const fresh = house.browser();
  const shown = await fresh.get(way);
  expect(shown.status).toBe(200);
  expect(shown.text).toContain(founder.email);
  expect(shown.text).toContain('API tokens stay as they are');
  expect((await one.get('/account')).status).toBe(200);
  const done = await choose(fresh, way, 'three quiet green owls');
  expect([done.status, done.headers.get('location')]).toEqual([303, '/sign-in?after=reset']);
  const next = await fresh.get('/sign-in?after=reset');
  expect(next.text).toContain('Your password is set.');
  expect(next.text).not.toContain(token);
  for (const browser of [one, other]) {
    expect((await browser.get('/account')).headers.get('location')).toBe('/sign-in?next=%2Faccount');
  }
  const bearer = await fetch(`${house.url}/account/tokens`, {
    headers: { authorization: `Bearer ${apiToken}` },
  });
  expect(bearer.status).toBe(200);
  expect((await signIn(fresh, founder.password)).status).toBe(401);
  expect((await signIn(fresh, 'three quiet green owls')).status).toBe(200);
});

test('the page runs no script, is kept nowhere, and tells no other page its address', async () => {
  const { way, token } = await given();
  for (const asked of [way, `${path}?token=x`]) {
    const { headers, text } = await house.browser().get(asked);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; .*form-action 'self'; .*frame-ancestors 'none'$/,
    );
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('strict-origin');
    expect(text).not.toContain('<script');
  }
  // In one hidden field, and in no address that the page leads to.
  const { text } = await house.browser().get(way);
  expect(text.split(token)).toHaveLength(2);
  expect(text).toContain(`<input type="hidden" name="token" value="${token}">`);
});

test('looking at the page uses nothing up', async () => {
  const { way } = await given();
  for (let looks = 0; looks < 3; looks += 1) expect((await house.browser().get(way)).status).toBe(200);
  expect((await choose(house.browser(), way, 'slow purple harbour')).status).toBe(303);
});

test('links that open nothing get one same page, whichever they are, and nothing of an e-mail', async () => {
  const used = await given();
  await choose(house.browser(), used.way, 'warm copper lantern');
  const replaced = await given();
  await given();
  const texts = new Set<string>();
  const seen = ({ status, text }: Answer) => {
    expect(status).toBe(410);
    expect(text).not.toContain(founder.email);
    texts.add(text.replace(/Request <code>.*?<\/code>/, ''));
  };
  const live = await given();
  for (const token of [used.token, replaced.token, 'x'.repeat(43), '', `${live.token}x`]) {
    seen(await house.browser().get(`${path}?token=${token}`));
    // The form of a page that was opened while its link was good.
    seen(await house.browser().submit(live.way, path, { token, newPassword: 'plain silver bucket' }));
    seen(await house.browser().submit(live.way, path, { token, newPassword: 'weak' }));
  }
  expect([...texts]).toHaveLength(1);
  expect([...texts][0]).toContain('Ask whoever runs this installation for a new one.');
});

test('another site cannot send the form, and the link stays good', async () => {
  const { way, token } = await given();
  const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  const newPassword = 'green marble kettle';
  expect((await choose(house.browser(), way, newPassword, evil)).status).toBe(403);
  expect((await house.browser().json('POST', path, { token, newPassword }, evil)).status).toBe(403);
  const plain = await fetch(`${house.url}${path}`, {
    method: 'POST',
    body: JSON.stringify({ token, newPassword }),
    headers: { 'content-type': 'text/plain' },
  });
  expect(plain.status).toBe(415);
  // From here by the browser's word, but without the hidden field.
  const bare = await fetch(`${house.url}${path}`, {
    method: 'POST',
    body: new URLSearchParams({ token, newPassword }),
    headers: { origin: house.url, 'sec-fetch-site': 'same-origin' },
  });
  expect(bare.status).toBe(403);
  expect((await signIn(house.browser(), newPassword)).status).toBe(401);
  expect((await choose(house.browser(), way, newPassword)).status).toBe(303);
});

test('a weak password is said at its field, and the same page takes a better one', async () => {
  const { way } = await given();
  const browser = house.browser();
  const refused = await choose(browser, way, 'short');
  expect(refused.status).toBe(400);
  expect(refused.text).toContain('The password is shorter than 12 characters.');
  expect(refused.text).not.toContain('"short"');
  expect((await choose(browser, way, 'seven blue herons')).status).toBe(303);
});

test('whoever was signed in at that browser is signed out: the next page asks for the new password', async () => {
  await resetTo('quiet amber window');
  const browser = await signedIn('quiet amber window');
  const { way } = await given();
  const done = await choose(browser, way, 'loud violet shelf');
  expect(done.headers.getSetCookie().join()).toMatch(/latchkey_session=;.*Max-Age=0/);
  expect((await browser.get('/sign-in?after=reset')).status).toBe(200);
});

test('programs reset in JSON', async () => {
  const { token } = await given();
  const body = { token, newPassword: 'round orange pebble' };
  expect((await house.browser().json('POST', path, body)).status).toBe(204);
  const again = await house.browser().json('POST', path, body);
  expect([again.status, JSON.parse(again.text).error.code]).toEqual([410, 'gone']);
  expect((await signIn(house.browser(), 'round orange pebble')).status).toBe(200);
});

test('one address may try twenty times in a minute', async () => {
  const { way, token } = await given();
  const attempt = (guess: string) =>
    house.browser().json('POST', path, { token: guess, newPassword: 'tall indigo ladder' });
  for (let n = 0; n < 20; n += 1) expect((await attempt('x'.repeat(43))).status).toBe(410);
  const refused = await attempt(token);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  const page = await choose(house.browser(), way, 'tall indigo ladder');
  expect([page.status, page.headers.has('retry-after')]).toEqual([429, true]);
  house.clock.pass(60_001);
  expect((await attempt(token)).status).toBe(204);
});

test('the operator’s link and its use are in the trail, the link’s secret is not', async () => {
  const { way, token } = await given();
  await choose(house.browser(), way, 'brown maple engine');
  const { tenant } = await tenantOf('brown maple engine');
  const events = await house.rooms.doors.withTenant(tenant, (tx) =>
    tx.selectFrom('audit_event').selectAll().orderBy('seq').execute(),
  );
  const told = events.filter(({ action }) => action === 'operator.access' || action === 'password.reset');
  expect(told.slice(-2)).toMatchObject([
    { action: 'operator.access', actor_kind: 'operator', detail: { command: 'people reset-password' } },
    { action: 'password.reset', actor_kind: 'person', actor_name: founder.name, fields: ['password'] },
  ]);
  expect(told.at(-1)?.object_id).toBe(told.at(-2)?.object_id);
  expect(JSON.stringify(events)).not.toContain(token);
  expect(JSON.stringify(events)).not.toContain(founder.email);
});

test('by https the link is of the public address', async () => {
  const deps = { doors: house.rooms.doors, publicUrl: 'https://connect.example.com' };
  const { link } = await givePasswordReset(operator, deps, founder.email);
  expect(link).toMatch(/^https:\/\/connect\.example\.com\/reset-password\?token=[A-Za-z0-9_-]{43}$/);
});

async function tenantOf(password: string): Promise<{ readonly tenant: TenantId }> {
  const answer = await signIn(house.browser(), password);
  return { tenant: JSON.parse(answer.text).organizationId };
}
