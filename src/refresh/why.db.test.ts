import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { demoClient } from '../../providers/client-registry.ts';
import { faultSchema, type ScriptedFaultInput } from '../../providers/fault.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { type ConsentHouse, openConsentHouse } from '../../testing/consent-house.ts';
import { plainValues, storeCredential } from '../../testing/credential-kit.ts';
import { openRefreshProcess, type RefreshProcess } from '../../testing/refresh-process.ts';
import { setClientSecret } from '../credentials/client-secret.ts';
import { type Credential, findCredential } from '../credentials/credential.ts';
import { disconnectGrant } from '../credentials/disconnect.ts';
import { updateCredential } from '../credentials/update-credential.ts';
import { Fault } from '../kernel/fault.ts';
import { Plain } from '../kernel/plain.ts';
import { endProviderIncident } from './incident.ts';
import { newGauge, type ProviderGauge, standardGauge } from './provider-gauge.ts';
import { writeGauges } from './provider-gauge-store.ts';
import { explainCredential, type Why } from './why.ts';

let consent: ConsentHouse;
let one: RefreshProcess;
const strict = { set: { rotation: 'always', graceSeconds: 0, reuse: 'revoke_family' } } as const;
beforeAll(async () => {
  consent = await openConsentHouse({ emulator: strict });
  one = await openRefreshProcess(consent.house, consent.emulator);
});
afterAll(() => consent.close());
beforeEach(async () => {
  await consent.emulator.setMode(strict);
  // What earlier tests left behind must not become due in this one.
  await consent.house.doors.asScheduler((tx) =>
    sql`update oauth_grant set refresh_due_at = refresh_due_at + interval '1 day' where attempt_id is null`.execute(
      tx,
    ),
  );
});

const openGate = { refusal: () => null };
const why = (
  credential: Credential,
  gate: { readonly refusal: () => Fault | null } = openGate,
): Promise<Why> =>
  consent.house.doors.withTenant(credential.tenantId, async (tx) => {
    const found = await findCredential(tx, credential.id);
    if (found === null) throw new Error('there is no such credential');
    return await explainCredential({ tx, credential: found, gate, now: new Date() });
  });
/** Connected without the pages, and due. */
async function connected(options: { readonly secret?: string; readonly account?: string } = {}) {
  const credential = await createOAuthCredential(consent.house, consent.emulator, options);
  const account = options.account === undefined ? null : { ref: Buffer.from('1'), label: options.account };
  const due = { expiresInSeconds: 300, dueInSeconds: 0, account };
  return { credential, ...(await connectAccount(consent.house, consent.emulator, credential, due)) };
}
const refresh = async (...faults: ScriptedFaultInput[]) => {
  if (faults.length > 0) consent.emulator.schedule(faults.map((fault) => faultSchema.parse(fault)));
  await one.refresher.runOnce();
};
const makeDue = (credential: Credential) =>
  consent.house.doors.asScheduler((tx) =>
    sql`update oauth_grant set refresh_due_at = clock_timestamp() - interval '1 s'
      where credential_id = ${credential.id}`.execute(tx),
  );
const kinds = ({ timeLine }: Why) => timeLine.entries.map((entry) => entry.kind);
const secondsUntilNext = (told: Why) =>
  ((told.next?.at?.getTime() ?? Number.NaN) - told.now.getTime()) / 1000;

test('a person’s consent: fresh, with who connected what, and the next refresh by the lead rule', async () => {
  const credential = await consent.connectable({ label: 'Files of Ada' });
  await consent.browser(consent.house.owner).connect(credential.id);
  const told = await why(credential);
  expect(told).toMatchObject({
    situation: 'fresh',
    needs: 'nobody',
    failure: null,
    credential: {
      label: 'Files of Ada',
      type: 'OAuth 2.0',
      account: null,
      unit: { name: 'Hooli' },
    },
    token: { isExpiryAssumed: false, consentNo: 1, tokenNo: 1, refreshedAt: null },
    refreshToken: { expiresAt: null },
  });
  expect(kinds(told)).toEqual(['created', 'consent_started', 'consent_completed']);
  expect(told.next?.because).toMatch(/^\d+ min.* before the token expires, of the 1 h it lives$/);
  expect(secondsUntilNext(told)).toBeGreaterThan(2_300);
});

test('refreshes are one line a day, however many there were', async () => {
  const { credential } = await connected({ account: 'ada@example.com' });
  await refresh();
  await makeDue(credential);
  await refresh();
  const told = await why(credential);
  expect(told.credential.account).toBe('ada@example.com');
  expect(told).toMatchObject({ situation: 'fresh', token: { tokenNo: 3 } });
  expect(told.token?.refreshedAt).toBeInstanceOf(Date);
  expect(kinds(told)).toEqual(['created', 'refreshed']);
  expect(told.timeLine.entries.at(-1)?.text).toMatch(
    /^Refreshed 2 times on \d{4}-\d\d-\d\d, here for the last time\.$/,
  );
});

test('a provider that is down: the first failure, then how it recovered', async () => {
  const { credential } = await connected();
  await refresh({ fault: 'unavailable', retryAfter: null, on: 'refresh' });
  const down = await why(credential);
  expect(down).toMatchObject({
    situation: 'provider_down',
    needs: 'nobody',
    failure: { code: 'unavailable', tries: 1 },
    next: { because: 'growing pauses between tries, at most 15 minutes (1 failed try)' },
  });
  expect(kinds(down).sort()).toEqual(['created', 'failed', 'refresh_failed']);
  await makeDue(credential);
  await refresh();
  const up = await why(credential);
  expect(up).toMatchObject({ situation: 'fresh', failure: null });
  expect(kinds(up)).toContain('refresh_recovered');
});

test('a provider that limits: the wait is the one that it asked for', async () => {
  const { credential } = await connected();
  await refresh({ fault: 'rate_limited', retryAfter: 600, on: 'refresh' });
  const told = await why(credential);
  expect(told).toMatchObject({ situation: 'throttled', needs: 'nobody' });
  expect(secondsUntilNext(told)).toBeGreaterThan(590);
  expect(told.next?.because).toContain('the provider’s own waiting time');
});

test('an app that the provider refuses: the cure is the app’s, and a new secret is in the time line', async () => {
  const { credential } = await connected({ secret: 'a-wrong-secret-of-the-app' });
  await refresh();
  const refused = await why(credential);
  expect(refused).toMatchObject({
    situation: 'client_rejected',
    needs: 'administrator',
    failure: { code: 'invalid_client' },
  });
  expect(refused.cure).toContain('client secret');
  expect(refused.cure).toContain('Nobody has to connect again');
  expect(refused.next?.because).toContain('the app is refused');
  expect(kinds(refused)).toContain('client_broken');
  const { authClientId: clientId } = credential;
  if (clientId === null) throw new Error('no client');
  const { house } = consent;
  await house.doors.withTenant(house.tenant, (tx) =>
    setClientSecret({
      tx,
      vault: house.vault,
      tenant: house.tenant,
      clientId,
      secret: Plain.fromText(demoClient.client_secret),
    }),
  );
  await makeDue(credential);
  await refresh();
  const mended = await why(credential);
  expect(mended.situation).toBe('fresh');
  expect(kinds(mended)).toEqual(
    expect.arrayContaining(['client_mended', 'client_secret_added', 'refresh_recovered']),
  );
});

test('refused once it is asked again, refused twice it is over, with the provider’s last words', async () => {
  const { credential } = await connected();
  const refusal = {
    fault: 'oauth_error',
    error: 'invalid_grant',
    description: 'Token was pulled by its owner',
    on: 'refresh',
  } as const;
  await refresh(refusal);
  const suspect = await why(credential);
  expect(suspect).toMatchObject({ situation: 'refused_once', needs: 'nobody' });
  expect(suspect.next?.because).toContain('30 to 90 s');
  await makeDue(credential);
  await refresh(refusal);
  const dead = await why(credential);
  expect(dead).toMatchObject({
    situation: 'token_revoked',
    needs: 'person',
    cure: 'Connect the account again.',
    next: { at: null, because: 'the refresh token is dead' },
  });
  expect(dead.failure?.text).toContain('Token was pulled by its owner');
  expect(kinds(dead)).toContain('needs_authorization');
});

test('an answer that was lost, and the rotation that was in it', async () => {
  const { credential } = await connected();
  await refresh({ fault: 'reset', when: 'after', on: 'refresh' });
  const unknown = await why(credential);
  expect(unknown).toMatchObject({ situation: 'unreadable_answer', needs: 'nobody' });
  expect(unknown.next?.because).toContain('deadline and ten seconds');
  expect(secondsUntilNext(unknown)).toBeGreaterThan(28);
  await makeDue(credential);
  await refresh();
  expect(await why(credential)).toMatchObject({
    situation: 'lost_rotation',
    needs: 'person',
    failure: { code: 'lost_rotation' },
    next: { at: null, because: 'the refresh token is spent' },
  });
});

test('an answer that nobody can read is not an outage', async () => {
  const { credential } = await connected();
  await refresh({ fault: 'html', when: 'after', on: 'refresh' });
  expect(await why(credential)).toMatchObject({ situation: 'unreadable_answer' });
});

test('never connected, awaiting confirmation, disconnected', async () => {
  const credential = await consent.connectable();
  expect(await why(credential)).toMatchObject({
    situation: 'never_connected',
    needs: 'person',
    token: null,
    next: { at: null, because: 'there is no token yet' },
  });
  const browser = consent.browser(consent.house.owner);
  const view = await browser.reachConfirmation(credential.id);
  expect(await why(credential)).toMatchObject({
    situation: 'awaiting_confirmation',
    needs: 'person',
    token: null,
  });
  await browser.decide(view);
  const { house } = consent;
  await house.doors.withTenant(house.tenant, (tx) =>
    disconnectGrant({ tx, vault: house.vault, actor: house.owner, credentialId: credential.id }),
  );
  const gone = await why(credential);
  expect(gone).toMatchObject({ situation: 'disconnected', token: null, refreshToken: null });
  expect(kinds(gone)).toEqual(['created', 'consent_started', 'consent_completed', 'disconnected']);
});

test('a provider that gives no refresh token, and one whose token has no end', async () => {
  await consent.emulator.setMode({ set: { refreshTokenOnConsent: false } });
  const bounded = await consent.connectable();
  await consent.browser(consent.house.owner).connect(bounded.id);
  expect(await why(bounded)).toMatchObject({
    situation: 'no_refresh_token',
    needs: 'person',
    refreshToken: null,
    next: { at: null, because: 'there is no refresh token to ask with' },
  });
  await consent.emulator.setMode({
    set: { refreshTokenOnConsent: false, accessTokenSeconds: null, shape: { expiresIn: 'absent' } },
  });
  const endless = await consent.connectable();
  await consent.browser(consent.house.owner).connect(endless.id);
  expect(await why(endless)).toMatchObject({ situation: 'static', needs: 'nobody', next: { at: null } });
});

test('values that nobody refreshes', async () => {
  const credential = await storeCredential(consent.house, 'basic', {
    username: 'ada',
    password: 'not-in-the-answer',
  });
  const told = await why(credential);
  expect(told).toMatchObject({ situation: 'fixed_values', token: null, next: null, failure: null });
  expect(JSON.stringify(told)).not.toContain('not-in-the-answer');
});

test('what was edited is named in plain words', async () => {
  const { house } = consent;
  const credential = await storeCredential(house, 'basic', { username: 'ada', password: 'p' });
  await house.doors.withTenant(house.tenant, (tx) =>
    updateCredential({
      ...{ tx, vault: house.vault, actor: house.owner, id: credential.id, label: 'Renamed' },
      ...{ reportedError: 'The account is closed.', values: plainValues({ password: 'q' }) },
    }),
  );
  const { timeLine } = await why(credential);
  expect(timeLine.entries.map(({ text }) => text)).toContain(
    'The credential was edited (name, error that a component reported, password).',
  );
});

test('a process that died in the middle, and the take-over', async () => {
  const { credential } = await connected();
  await consent.house.doors.withTenant(consent.house.tenant, (tx) =>
    sql`update oauth_grant set attempt_id = gen_random_uuid(), attempt_owner = gen_random_uuid(),
      attempt_deadline = clock_timestamp() - interval '1 minute' where credential_id = ${credential.id}`.execute(
      tx,
    ),
  );
  const alone = await why(credential);
  expect(alone).toMatchObject({ situation: 'owner_lost', needs: 'nobody' });
  expect(alone.next?.because).toContain('its process is gone');
  await refresh();
  await makeDue(credential);
  await refresh();
  const after = await why(credential);
  expect(after.situation).toBe('fresh');
  expect(kinds(after)).toEqual(expect.arrayContaining(['taken_over', 'refreshed']));
});

test('an installation that may not refresh says so, and how it may again', async () => {
  const { credential } = await connected();
  const refusal = new Fault('unavailable', 'This is a copy.', { cure: 'Confirm the take-over.' });
  const told = await why(credential, { refusal: () => refusal });
  expect(told).toMatchObject({ situation: 'refresh_locked', needs: 'operator' });
  expect(told.cure).toContain('This is a copy. Confirm the take-over.');
  expect(told.next?.because).toContain('not while refreshing is locked');
});

test('what is overdue while nobody works on it is the operator’s business', async () => {
  const { credential } = await connected();
  await consent.house.doors.asScheduler((tx) =>
    sql`update oauth_grant set refresh_due_at = clock_timestamp() - interval '10 minutes'
      where credential_id = ${credential.id}`.execute(tx),
  );
  expect(await why(credential)).toMatchObject({ situation: 'overdue', needs: 'operator' });
});

test('a secret that the provider repeats in its error is nowhere in the answer', async () => {
  const { credential, accessToken, refreshToken } = await connected();
  const planted = 'sk_live_9f8e7d6c5b4a39281706';
  const description = `bad token ${refreshToken} for ${demoClient.client_secret} and ${planted}`;
  await refresh({ fault: 'oauth_error', error: 'invalid_grant', description, on: 'refresh' });
  const told = await why(credential);
  expect(told.failure?.text).toContain('bad token [removed]');
  const text = JSON.stringify(told);
  for (const secret of [refreshToken, accessToken, demoClient.client_secret, planted]) {
    expect(text).not.toContain(secret);
  }
});

test('a provider whose breaker is open, and one that waits for an operator', async () => {
  const { credential } = await connected();
  const key = await consent.house.doors.withTenant(credential.tenantId, async (tx) => {
    const found = await sql<{ key: string }>`
      select provider_key as key from oauth_grant where tenant_id = latchkey_tenant() and credential_id = ${credential.id}`.execute(
      tx,
    );
    return found.rows[0]?.key ?? '';
  });
  const set = (change: Partial<ProviderGauge>) =>
    consent.house.doors.asScheduler((tx) =>
      writeGauges(tx, new Map([[key, { ...newGauge(new Date(), standardGauge), ...change }]])),
    );
  const probeAt = new Date(Date.now() + 3_600_000);
  await set({ state: 'open', probeAt });
  const paused = await why(credential);
  expect(paused).toMatchObject({ situation: 'provider_paused', next: { at: probeAt } });
  await set({ incidentAt: new Date() });
  const incident = await why(credential);
  expect(incident).toMatchObject({ situation: 'provider_incident', needs: 'operator' });
  expect(incident.next?.because).toBe('not before an operator has ended the incident');
  await endProviderIncident({
    doors: consent.house.doors,
    actor: { kind: 'operator', principalId: null, name: 'operator' },
    providerKey: key,
    verdict: 'retry',
  });
  expect((await why(credential)).situation).toBe('fresh');
});
