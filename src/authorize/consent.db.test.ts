import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { type ConsentHouse, faultOf, openConsentHouse, publicUrl } from '../../testing/consent-house.ts';
import { createAuthClient } from '../credentials/auth-client.ts';
import { getBuiltinType } from '../credentials/connection-type.ts';
import { createCredential } from '../credentials/create-credential.ts';
import { getGrant, openTokens } from '../credentials/grant.ts';
import { updateCredential } from '../credentials/update-credential.ts';
import { Plain } from '../kernel/plain.ts';
import type { Actor } from '../tenancy/actor.ts';
import { newBrowserToken } from './browser-binding.ts';

let kit: ConsentHouse;
/** A second provider: the attacker's. */
let evil: Emulator;
let mallory: Actor;
let vera: Actor;
beforeAll(async () => {
  evil = await startEmulator({ set: {} });
  kit = await openConsentHouse({ alsoAllow: () => [new URL(evil.url).host] });
  const { house } = kit;
  mallory = await house.addActor(house, house.customer.id, 'customer_admin', 'Mallory');
  vera = await house.addActor(house, house.customer.id, 'customer_admin', 'Vera');
});
afterAll(async () => {
  await kit.close();
  await evil.close();
});
beforeEach(async () => {
  await kit.emulator.setMode({ set: {} });
});

test('a consent leads from the start page to tokens that work, and only its confirmation makes them usable', async () => {
  const credential = await kit.connectable();
  const person = kit.browser(kit.house.owner);
  const page = await kit.authorize.startPage({ actor: kit.house.owner, credentialId: credential.id });
  expect(page.snapshot).toMatchObject({
    organizationName: 'Acme',
    customerName: 'Hooli',
    requesterName: 'Acme owner',
    subjectLabel: 'Dropbox',
    providerHost: new URL(kit.emulator.url).host,
    scopes: ['files.read', 'files.write'],
  });
  expect(await kit.grantState(credential)).toBe('pending');

  const view = await person.reachConfirmation(credential.id);
  expect(view.kind).toBe('confirm');
  expect(await kit.grantState(credential)).toBe('pending_confirmation');
  expect((await kit.see(credential))?.isReadyForUse).toBe(false);

  const done = await person.decide(view);
  expect(done).toMatchObject({ kind: 'completed', redirect: null });
  const stored = await kit.house.doors.withTenant(kit.house.tenant, async (tx) => {
    const grant = await getGrant(tx, credential.id);
    return { grant, tokens: await openTokens(tx, kit.house.vault, grant) };
  });
  expect(stored.grant).toMatchObject({ state: 'active', consentNo: 1, tokenNo: 1, expiryAssumed: false });
  expect(stored.grant.providerKey).toMatch(/^127\.0\.0\.1:\d+ [0-9a-f]{16}$/);
  expect(stored.grant.refreshDueAt?.getTime()).toBeLessThan(stored.grant.expiresAt?.getTime() ?? 0);
  expect(kit.emulator.isLiveAccessToken(stored.tokens?.accessToken.revealText() ?? '')).toBe(true);
  expect((await kit.auditOf(credential)).map((event) => event.action)).toEqual([
    'credential.created',
    'authorization.started',
    'authorization.completed',
    'authorization.confirmed',
  ]);
  expect((await kit.logOf(credential)).map((line) => line.code)).toEqual([
    'consent_completed',
    'consent_started',
  ]);
  // Deciding twice changes nothing.
  expect((await person.decide(view, 'cancel')).kind).toBe('completed');
  expect(await kit.grantState(credential)).toBe('active');
});

test('T01 a consent that was begun by one person cannot be finished in the browser of another', async () => {
  const credential = await kit.connectable();
  const before = kit.codeRequests();
  const attacker = kit.browser(mallory);
  const { authorizeUrl, authorizationId } = await attacker.begin(credential.id);
  // The victim is sent the provider's address, agrees there and comes back to us with an own browser, session or not.
  for (const victim of [kit.browser(null, 'victim'), kit.browser(vera, 'victim')]) {
    const url = await victim.visitProvider(authorizeUrl);
    expect((await faultOf(victim.callback(url))).code).toBe('forbidden');
    const withoutCookie = kit.authorize.completeCallback({
      receivedRedirectUri: `${url.origin}${url.pathname}`,
      query: url.search,
      browserToken: null,
      actor: null,
    });
    expect((await faultOf(withoutCookie)).code).toBe('bad_request');
  }
  expect(await kit.statusOf(authorizationId)).toBe('started');
  expect(await kit.grantState(credential)).toBe('pending');
  expect(kit.codeRequests()).toBe(before);
  expect(
    (await kit.auditOf(credential)).filter((e) => e.action === 'authorization.recipient_mismatch'),
  ).toHaveLength(2);
});

test('T02 planting the binding cookie in the victim’s browser does not help: the session must be the same too', async () => {
  const credential = await kit.connectable();
  const before = kit.codeRequests();
  const attacker = kit.browser(mallory);
  const { authorizeUrl, authorizationId, key } = await attacker.begin(credential.id);
  const url = await kit.browser(vera, 'victim').visitProvider(authorizeUrl);
  const present = (actor: Actor | null) =>
    kit.authorize.completeCallback({
      receivedRedirectUri: `${url.origin}${url.pathname}`,
      query: url.search,
      browserToken: attacker.token,
      actor,
    });
  expect((await faultOf(present(vera))).code).toBe('forbidden');
  expect((await faultOf(present(null))).code).toBe('not_authenticated');
  expect((await faultOf(kit.authorize.view({ key, browserToken: attacker.token, actor: vera }))).code).toBe(
    'forbidden',
  );
  expect(await kit.statusOf(authorizationId)).toBe('started');
  expect(kit.codeRequests()).toBe(before);
  const refused = (await kit.auditOf(credential)).filter(
    (e) => e.action === 'authorization.recipient_mismatch',
  );
  expect(refused.map((event) => event.actor)).toEqual(['Vera', null, 'Vera']);
});

test('T02 confirming demands the same person as well', async () => {
  const credential = await kit.connectable();
  const attacker = kit.browser(mallory);
  const view = await attacker.reachConfirmation(credential.id);
  if (view.kind !== 'confirm') throw new Error(view.kind);
  const { key, formToken } = view;
  const decide = (actor: Actor | null, browserToken: string, form = formToken) =>
    kit.authorize.confirm({
      key,
      formToken: form,
      browserToken,
      actor,
      decision: 'accept',
      acceptsAccountChange: false,
    });
  expect((await faultOf(decide(vera, attacker.token))).code).toBe('forbidden');
  expect((await faultOf(decide(mallory, newBrowserToken()))).code).toBe('forbidden');
  expect((await faultOf(decide(mallory, attacker.token, 'x'.repeat(43)))).code).toBe('forbidden');
  expect(await kit.grantState(credential)).toBe('pending_confirmation');
});

test('T03 a code that an evil authorization endpoint fetched from an honest provider is never posted to the evil one', async () => {
  const { house, emulator } = kit;
  const honest = await kit.connectable({ label: 'Honest' });
  const trap = await kit.connectable({
    label: 'Trap',
    authorizeUrl: `${evil.url}/authorize`,
    tokenUrl: `${evil.url}/token`,
  });
  const person = kit.browser(house.owner);
  const { authorizeUrl, authorizationId } = await person.begin(trap.id);
  const trapped = new URL(authorizeUrl);
  const honestUrl = new URL((await person.begin(honest.id)).authorizeUrl);
  expect(trapped.searchParams.get('redirect_uri')).not.toBe(honestUrl.searchParams.get('redirect_uri'));
  // Evil sends the browser on: honest client id and redirect URI, but the trap's state and challenge.
  for (const name of ['state', 'code_challenge']) {
    honestUrl.searchParams.set(name, trapped.searchParams.get(name) ?? '');
  }
  const before = kit.codeRequests();
  const url = await person.visitProvider(honestUrl.href);
  expect(url.searchParams.get('code')).toBeTruthy();
  const fault = await faultOf(person.callback(url));
  expect(fault.status).toBe(400);
  expect(evil.ledger.records()).toHaveLength(0);
  expect(kit.codeRequests()).toBe(before);
  expect(emulator.ledger.records().filter((record) => record.kind === 'code' && record.executed).length).toBe(
    before,
  );
  expect(await kit.statusOf(authorizationId)).toBe('started');
});

test('T04 an answer is accepted only on the address of its own registration, even for the same browser and person', async () => {
  const credential = await kit.connectable();
  const other = await kit.connectable({ clientId: 'latchkey-other', label: 'Other' });
  const person = kit.browser(kit.house.owner);
  const { authorizeUrl } = await person.begin(credential.id);
  const otherUri =
    new URL((await person.begin(other.id)).authorizeUrl).searchParams.get('redirect_uri') ?? '';
  const url = await person.visitProvider(authorizeUrl);
  const before = kit.codeRequests();
  const addresses = [
    otherUri,
    `${publicUrl}/callback`,
    `${publicUrl}/callback/oauth2`,
    `${url.origin}${url.pathname}/`,
    `${url.origin}${url.pathname.replace('/c/', '/oauth2/')}`,
    `http://localhost:4111${url.pathname}`,
    `${publicUrl}/callback/c/`,
  ];
  for (const receivedRedirectUri of addresses) {
    const input = { receivedRedirectUri, query: url.search, browserToken: person.token, actor: person.actor };
    expect((await faultOf(kit.authorize.completeCallback(input))).status, receivedRedirectUri).toBe(400);
  }
  expect(kit.codeRequests()).toBe(before);
  expect((await person.callback(url)).kind).toBe('confirm');
});

test('T05 another organization can use neither a credential nor an auth client of ours', async () => {
  const { house } = kit;
  const ours = await kit.connectable();
  const theirs = await house.addTenant('Evil Corp');
  const token = newBrowserToken();
  const begin = kit.authorize.begin({
    policy: 'session',
    actor: theirs.owner,
    credentialId: ours.id,
    browserToken: token,
  });
  expect((await faultOf(begin)).code).toBe('not_found');
  const borrow = house.doors.withTenant(theirs.tenant, async (tx) =>
    createCredential({
      tx,
      vault: house.vault,
      actor: theirs.owner,
      unitId: theirs.customer.id,
      label: 'Borrowed',
      type: await getBuiltinType(tx, 'oauth2'),
      values: new Map(),
      authClientId: ours.authClientId,
    }),
  );
  expect((await faultOf(borrow)).code).toBe('not_found');
});

test('an auth client whose authorization address is none leads nowhere, in words, and asks nobody by mail', async () => {
  const { house } = kit;
  const { tenant, owner: actor, vault } = house;
  const addresses = [
    '{AUTH_URI}',
    'javascript:alert(1)',
    'https://bank.example:x@evil.example/a',
    'https://[::1',
  ];
  for (const authorizeUrl of addresses) {
    const credential = await house.doors.withTenant(tenant, async (tx) => {
      const client = await createAuthClient({
        tx,
        vault,
        actor,
        client: {
          unitId: house.organization.id,
          name: 'Prepared',
          type: 'oauth2',
          identity: {
            clientId: 'prepared',
            authorizeUrl,
            tokenUrl: `${kit.emulator.url}/token`,
            refreshUrl: null,
            revokeUrl: null,
            clientAuth: 'post',
          },
          secret: Plain.fromText('secret-of-the-client'),
        },
      });
      return await createCredential({
        tx,
        vault,
        actor,
        unitId: house.customer.id,
        label: 'Prepared',
        type: await getBuiltinType(tx, 'oauth2'),
        values: new Map(),
        authClientId: client.id,
      });
    });
    const { id: credentialId } = credential;
    const page = await faultOf(kit.authorize.startPage({ actor, credentialId }));
    expect([authorizeUrl, page.code, page.field]).toEqual([authorizeUrl, 'invalid_field', 'authorizeUrl']);
    const invited = house.doors.withTenant(tenant, (tx) =>
      kit.authorize.inviteWithin(tx, { actor, credentialId, email: 'vera@example.com', message: null }),
    );
    expect((await faultOf(invited)).code).toBe('invalid_field');
    expect(kit.mails).toEqual([]);
  }
});

test('T05 whoever moves an address of the provider must bring the client secret again', async () => {
  const { house } = kit;
  const credential = await house.doors.withTenant(house.tenant, async (tx) =>
    createCredential({
      tx,
      vault: house.vault,
      actor: house.owner,
      unitId: house.customer.id,
      label: 'Inline',
      type: await getBuiltinType(tx, 'oauth2'),
      values: new Map([
        ['client_id', Plain.fromText('latchkey-demo')],
        ['client_secret', Plain.fromText('latchkey-demo-secret')],
        ['auth_uri', Plain.fromText(`${kit.emulator.url}/authorize`)],
        ['token_uri', Plain.fromText(`${kit.emulator.url}/token`)],
      ]),
    }),
  );
  const move = (values: Map<string, Plain>) =>
    house.doors.withTenant(house.tenant, (tx) =>
      updateCredential({ tx, vault: house.vault, actor: mallory, id: credential.id, values }),
    );
  const tokenUri = Plain.fromText(`${evil.url}/token`);
  const fault = await faultOf(move(new Map([['token_uri', tokenUri]])));
  expect(fault).toMatchObject({ code: 'invalid_field', field: 'values.client_secret' });
  // The addresses move, with a secret, while somebody is at the provider: the old code does not go to the new address.
  const person = kit.browser(house.owner);
  const begun = await person.begin(credential.id);
  const url = await person.visitProvider(begun.authorizeUrl);
  const before = kit.codeRequests();
  await move(
    new Map([
      ['client_secret', Plain.fromText('evil')],
      ['token_uri', tokenUri],
    ]),
  );
  const view = await person.callback(url);
  expect(view.kind === 'failed' ? view.code : view.kind).toBe('confirm');
  expect(evil.ledger.records()).toHaveLength(0);
  expect(kit.codeRequests()).toBe(before + 1);
});
