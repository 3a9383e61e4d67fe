import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ConsentHouse, faultOf, openConsentHouse, publicUrl } from '../../testing/consent-house.ts';
import { redirectUriOf } from '../credentials/registration.ts';
import { isFault } from '../kernel/fault.ts';
import type { Actor } from '../tenancy/actor.ts';
import { updateUnit } from '../tenancy/unit.ts';
import { claimForExchange } from './authorization-store.ts';
import { newBrowserToken } from './browser-binding.ts';

let kit: ConsentHouse;
beforeAll(async () => {
  kit = await openConsentHouse();
});
afterAll(async () => {
  await kit.close();
});
beforeEach(async () => {
  await kit.emulator.setMode({ set: {} });
});

test('T07 a callback without the cookie is refused and uses nothing up', async () => {
  const credential = await kit.connectable();
  const person = kit.browser(kit.house.owner);
  const begun = await person.begin(credential.id);
  const url = await person.visitProvider(begun.authorizeUrl);
  for (const browserToken of [null, '', 'short', newBrowserToken()]) {
    const input = {
      receivedRedirectUri: `${url.origin}${url.pathname}`,
      query: url.search,
      browserToken,
      actor: person.actor,
    };
    const { status } = await faultOf(kit.authorize.completeCallback(input));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  }
  expect(await kit.statusOf(begun.authorizationId)).toBe('started');
  expect((await person.callback(url)).kind).toBe('confirm');
});

test('T07 a state is random, of one use, and dead after ten minutes; only its hash is stored', async () => {
  const credential = await kit.connectable();
  const person = kit.browser(kit.house.owner);
  const begun = await person.begin(credential.id);
  const state = new URL(begun.authorizeUrl).searchParams.get('state') ?? '';
  expect(Buffer.from(state, 'base64url').length).toBeGreaterThanOrEqual(48);
  const rows = await kit.house.doors.withTenant(kit.house.tenant, async (tx) => {
    const found = await sql<{ row: string }>`
      select row_to_json(a)::text as row from oauth_authorization a where id = ${begun.authorizationId}`.execute(
      tx,
    );
    return found.rows[0]?.row ?? '';
  });
  for (const secret of [state, person.token, state.slice(22)]) {
    expect(rows).not.toContain(secret);
    expect(rows).not.toContain(Buffer.from(secret).toString('hex'));
  }
  const url = await person.visitProvider(begun.authorizeUrl);
  kit.advance(601);
  const before = kit.codeRequests();
  expect((await faultOf(person.callback(url))).code).toBe('gone');
  expect(kit.codeRequests()).toBe(before);
  await kit.runJobs();
  expect(await kit.statusOf(begun.authorizationId)).toBe('failed');
  expect((await kit.logOf(credential))[0]).toMatchObject({ severity: 'error', code: 'consent_failed' });
});

test('T08 of 50 parallel identical callbacks one sends the one token request', async () => {
  const credential = await kit.connectable();
  const person = kit.browser(kit.house.owner);
  const begun = await person.begin(credential.id);
  const url = await person.visitProvider(begun.authorizeUrl);
  const before = kit.codeRequests();
  const answers = await Promise.allSettled(Array.from({ length: 50 }, () => person.callback(url)));
  expect(kit.codeRequests()).toBe(before + 1);
  const views = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.kind] : []));
  const refusals = answers.flatMap((answer) =>
    answer.status === 'rejected' && isFault(answer.reason) ? [answer.reason.code] : [],
  );
  expect(views.length + refusals.length).toBe(50);
  expect(views.length).toBeGreaterThan(0);
  expect(new Set([...views, ...refusals])).toEqual(
    new Set(refusals.length > 0 ? ['confirm', 'conflict'] : ['confirm']),
  );
  // A replay after the confirmation shows what came of it and asks for nothing.
  const [view] = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  if (view === undefined) throw new Error('no view');
  await person.decide(view);
  expect((await person.callback(url)).kind).toBe('completed');
  expect(kit.codeRequests()).toBe(before + 1);
});

test('T08 a state is taken once, whatever the timing', async () => {
  const { house } = kit;
  const credential = await kit.connectable();
  const { authorizationId: id, expiresAt } = await kit.browser(house.owner).begin(credential.id);
  const take = (now: Date) =>
    house.doors.withTenant(house.tenant, (tx) => claimForExchange(tx, id, { now, expiresAt }));
  expect(await take(expiresAt)).toBe(false);
  const inTime = new Date(expiresAt.getTime() - 1);
  expect(await take(inTime)).toBe(true);
  expect(await take(inTime)).toBe(false);
});

test('T09 every authorize address carries an S256 challenge, and the provider holds us to it', async () => {
  await kit.emulator.setMode({ set: { pkce: 'required' } });
  const credential = await kit.connectable();
  const person = kit.browser(kit.house.owner);
  const begun = await person.begin(credential.id);
  const query = new URL(begun.authorizeUrl).searchParams;
  expect(query.get('code_challenge_method')).toBe('S256');
  expect(query.get('code_challenge')).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect((await person.callback(await person.visitProvider(begun.authorizeUrl))).kind).toBe('confirm');
  // A code that somebody else obtained and injects into this browser's answer fails at the provider.
  const second = await person.begin(credential.id);
  const url = await person.visitProvider(second.authorizeUrl);
  const foreign = new URL(second.authorizeUrl);
  foreign.searchParams.set('code_challenge', 'A'.repeat(43));
  const injected = await kit.browser(null, 'mallory').visitProvider(foreign.href);
  url.searchParams.set('code', injected.searchParams.get('code') ?? '');
  expect(await person.callback(url)).toMatchObject({ kind: 'failed', code: 'invalid_grant' });
});

test('T10 a thousand consents have a thousand states and challenges', { timeout: 120_000 }, async () => {
  const credential = await kit.connectable();
  const token = newBrowserToken();
  const seen = new Set<string>();
  for (let round = 0; round < 50; round += 1) {
    const begun = await Promise.all(
      Array.from({ length: 20 }, () =>
        kit.authorize.begin({
          policy: 'session',
          actor: kit.house.owner,
          credentialId: credential.id,
          browserToken: token,
        }),
      ),
    );
    for (const { authorizeUrl } of begun) {
      const query = new URL(authorizeUrl).searchParams;
      seen.add(query.get('state') ?? '').add(query.get('code_challenge') ?? '');
    }
  }
  expect(seen.size).toBe(2_000);
});

test('T11 what pages are given after the callback holds neither code nor state', async () => {
  const { house } = kit;
  await house.doors.withTenant(house.tenant, (tx) =>
    updateUnit({
      tx,
      actor: house.owner,
      id: house.organization.id,
      change: { redirectOrigins: ['https://app.example.com'] },
    }),
  );
  const redirects = { success: 'https://app.example.com/ok?x=1', failure: 'https://app.example.com/no' };
  const credential = await kit.connectable({ redirects });
  const person = kit.browser(house.owner);
  const begun = await person.begin(credential.id, { redirectParams: { id: 'c-1' } });
  const url = await person.visitProvider(begun.authorizeUrl);
  const view = await person.callback(url);
  const done = await person.decide(view);
  const secrets = [url.searchParams.get('code'), url.searchParams.get('state'), person.token];
  for (const secret of secrets) {
    expect(JSON.stringify([view, done, begun.key])).not.toContain(secret ?? 'nothing');
  }
  // M5: a credential that stands by itself has an id and nothing else.
  expect(done).toMatchObject({
    kind: 'completed',
    redirect: 'https://app.example.com/ok?x=1&id=c-1',
  });
  const denied = await person.begin(credential.id);
  const back = await person.callback(await person.visitProvider(denied.authorizeUrl, 'deny'));
  if (back.kind !== 'failed') throw new Error(back.kind);
  const failed = new URL(back.redirect ?? '');
  expect(`${failed.origin}${failed.pathname}`).toBe('https://app.example.com/no');
  expect(failed.searchParams.get('error')).toBe('access_denied');
  expect([...failed.searchParams.keys()]).toEqual(['error', 'error_description']);
});

test('T12 a redirect whose origin is taken off the list while somebody connects is not followed', async () => {
  const { house } = kit;
  const allow = (redirectOrigins: string[]) =>
    house.doors.withTenant(house.tenant, (tx) =>
      updateUnit({ tx, actor: house.owner, id: house.organization.id, change: { redirectOrigins } }),
    );
  await allow(['https://app.example.com']);
  const redirects = { success: 'https://app.example.com/ok', failure: null };
  const credential = await kit.connectable({ redirects });
  const person = kit.browser(house.owner);
  const view = await person.reachConfirmation(credential.id);
  await allow([]);
  expect(await person.decide(view)).toMatchObject({ kind: 'completed', redirect: null });
  expect(await faultOf(person.begin(credential.id))).toMatchObject({
    code: 'invalid_field',
    field: 'redirects.success',
  });
});

test('T13 what a provider says in its refusal is one line of short text', async () => {
  const credential = await kit.connectable();
  const person = kit.browser(kit.house.owner);
  const cases = [
    ['<svg onload=alert(1)>', 'x', 'unrecognised_error'],
    ['access_denied', `no%0d%0aINJECTED %00${'a+b+'.repeat(900)}`, 'access_denied'],
    ['server_error', encodeURIComponent('\u202eevil\u2028line'), 'server_error'],
  ] as const;
  for (const [error, description, code] of cases) {
    const { authorizeUrl } = await person.begin(credential.id);
    const asked = new URL(authorizeUrl).searchParams;
    const url = new URL(asked.get('redirect_uri') ?? '');
    url.search = `?error=${encodeURIComponent(error)}&error_description=${description.slice(0, 2_500)}&state=${asked.get('state')}`;
    const view = await person.callback(url);
    if (view.kind !== 'failed') throw new Error(view.kind);
    expect(view.code).toBe(code);
    const logged = (await kit.logOf(credential))[0]?.message ?? '';
    for (const text of [view.message, logged]) {
      expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      expect([...text].length).toBeLessThan(700);
    }
    expect(logged.split('\n')).toHaveLength(1);
  }
});

test('T14 repeated, missing, oversized and array parameters are refused and nothing crashes', async () => {
  const credential = await kit.connectable();
  const person = kit.browser(kit.house.owner);
  const begun = await person.begin(credential.id);
  const asked = new URL(begun.authorizeUrl).searchParams;
  const state = asked.get('state') ?? '';
  const receivedRedirectUri = asked.get('redirect_uri') ?? '';
  const queries = [
    '',
    '?',
    '?code=x',
    `?state=${state}`,
    `?state=${state}&code=`,
    `?state=${state}&state=${state}&code=x`,
    `?state=${state}&code=x&code=y`,
    `?state[]=${state}&code=x`,
    `?state=${state}&code[]=x`,
    `?state=${state}%00&code=x`,
    `?state=${'a'.repeat(1_000_000)}&code=x`,
    `?state=${'a'.repeat(65)}&code=x`,
    `?state=${state.slice(0, 64)}!&code=x`,
    `?state=${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}&code=x`,
    `?__proto__=1&code=x`,
    `?state=%FF%FE&code=%C0%AF`,
  ];
  for (const query of queries) {
    const input = { receivedRedirectUri, query, browserToken: person.token, actor: person.actor };
    expect((await faultOf(kit.authorize.completeCallback(input))).code, query.slice(0, 80)).toBe(
      'bad_request',
    );
  }
  expect(await kit.statusOf(begun.authorizationId)).toBe('started');
});

test('an issuer that the operator has named is demanded in every answer (RFC 9207)', async () => {
  const pinned = await openConsentHouse({
    deps: (emulator) => ({
      pinnedProviders: [
        {
          authorizeUrl: `${emulator.url}/authorize`,
          tokenUrl: `${emulator.url}/token`,
          issuer: emulator.url,
          usesBareCallback: true,
        },
      ],
    }),
  });
  try {
    const credential = await pinned.connectable();
    const person = pinned.browser(pinned.house.owner);
    for (const iss of ['wrong', 'absent'] as const) {
      await pinned.emulator.setMode({ set: { iss } });
      const view = await person.reachConfirmation(credential.id);
      expect(view.kind === 'failed' ? view.code : view.kind, iss).toBe('issuer_mismatch');
    }
    expect(pinned.codeRequests()).toBe(0);
    await pinned.emulator.setMode({ set: { iss: 'right' } });
    const begun = await person.begin(credential.id);
    expect(new URL(begun.authorizeUrl).searchParams.get('redirect_uri')).toBe(`${publicUrl}/callback`);
    expect((await person.callback(await person.visitProvider(begun.authorizeUrl))).kind).toBe('confirm');
  } finally {
    await pinned.close();
  }
});

test('beginning needs the right to connect, and headless consents are off unless the operator allows them', async () => {
  const { house } = kit;
  const credential = await kit.connectable();
  const user = await house.addActor(house, house.customer.id, 'customer_user', 'Reader');
  const begin = (actor: Actor, policy: 'session' | 'headless', authorize = kit.authorize) =>
    authorize.begin({ policy, actor, credentialId: credential.id, browserToken: newBrowserToken() });
  expect((await faultOf(begin(user, 'session'))).code).toBe('forbidden');
  expect((await faultOf(begin(house.owner, 'headless'))).code).toBe('forbidden');
});

test('every redirect URI of a registration is the one that people are told to register', async () => {
  const credential = await kit.connectable();
  const page = await kit.authorize.startPage({ actor: kit.house.owner, credentialId: credential.id });
  const { authorizeUrl } = await kit.browser(kit.house.owner).begin(credential.id);
  expect(new URL(authorizeUrl).searchParams.get('redirect_uri')).toBe(page.redirectUri);
  expect(page.redirectUri).toMatch(
    new RegExp(`^${redirectUriOf({ context: '' }, publicUrl)}[A-Za-z0-9_-]{22}$`),
  );
});
