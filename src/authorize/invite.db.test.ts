import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ConsentHouse, faultOf, openConsentHouse, publicUrl } from '../../testing/consent-house.ts';
import type { Credential } from '../credentials/credential.ts';
import { Fault } from '../kernel/fault.ts';
import type { Actor } from '../tenancy/actor.ts';
import { newBrowserToken } from './browser-binding.ts';

let kit: ConsentHouse;
beforeAll(async () => {
  kit = await openConsentHouse();
});
afterAll(async () => {
  await kit.close();
});
let round = 0;
beforeEach(() => {
  kit.mails.length = 0;
  kit.failMailsWith(null);
  // Every test has its own recipients and an hour of its own.
  round += 1;
  kit.advance(3_601);
});

const recipient = () => `jo${round}@hooli.example`;
const invite = (
  credential: Credential,
  over: { email?: string; message?: string | null; actor?: Actor } = {},
) =>
  kit.authorize.invite({
    actor: over.actor ?? kit.house.owner,
    credentialId: credential.id,
    email: over.email ?? recipient(),
    message: over.message ?? null,
  });
/** The token of the link in the newest mail: the only place where it is. */
function tokenInMail(): string {
  const found = /\/oauth\/start\/([A-Za-z0-9_-]+)/.exec(kit.mails.at(-1)?.text ?? '');
  if (found?.[1] === undefined) throw new Error('no link in the mail');
  return found[1];
}
async function mailed(credential: Credential): Promise<string> {
  await invite(credential);
  await kit.runJobs();
  return tokenInMail();
}
/** The invited person: no session, an own browser. */
async function accept(token: string, login = 'jo') {
  const guest = kit.browser(null, login);
  const begun = await kit.authorize.begin({
    policy: 'invitation',
    invitationToken: token,
    browserToken: guest.token,
  });
  const url = await guest.visitProvider(begun.authorizeUrl);
  return { guest, begun, view: await guest.callback(url) };
}

test('E1 an invited customer connects without an account here, and the requester is told which account it was', async () => {
  const { house } = kit;
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`update principal set email = 'owner@acme.example' where id = ${house.owner.principalId}`.execute(tx),
  );
  const credential = await kit.connectable();
  await kit.emulator.setMode({ set: { shape: { fields: { account_id: 'dbid:jo' } } } });
  const token = await mailed(credential);
  expect(kit.mails[0]).toMatchObject({ to: recipient() });
  expect(kit.mails[0]?.text).toContain(`${publicUrl}/oauth/start/${token}`);
  const page = await kit.authorize.invitationPage(token);
  expect(page.snapshot).toMatchObject({
    organizationName: 'Acme',
    customerName: 'Hooli',
    requesterName: 'Acme owner',
  });
  const { guest, view } = await accept(token);
  expect(view).toMatchObject({ kind: 'confirm', accountLabel: 'dbid:jo' });
  expect((await guest.decide(view)).kind).toBe('completed');
  expect(await kit.grantState(credential)).toBe('active');
  await kit.runJobs();
  expect(kit.mails.at(-1)).toMatchObject({ to: 'owner@acme.example' });
  expect(kit.mails.at(-1)?.text).toContain('dbid');
  const events = await kit.auditOf(credential);
  expect(events.map((event) => event.action)).toContain('invitation.completed');
  expect(events.find((event) => event.action === 'authorization.confirmed')?.actor).toBe(
    `${recipient()} (invited)`,
  );
});

test('T01 the requester never holds the link: no answer of ours carries it, and the database only its hash', async () => {
  const credential = await kit.connectable();
  const answer = await invite(credential);
  await kit.runJobs();
  const token = tokenInMail();
  const listed = await kit.authorize.listInvitations({ actor: kit.house.owner, credentialId: credential.id });
  const stored = await kit.house.doors.withTenant(kit.house.tenant, async (tx) => {
    const rows = await sql<{ text: string }>`select row_to_json(i)::text as text from invitation i`.execute(
      tx,
    );
    const logs = await sql<{
      text: string;
    }>`select row_to_json(l)::text as text from connection_log l`.execute(tx);
    const audits = await sql<{
      text: string;
    }>`select row_to_json(e)::text as text from audit_event e`.execute(tx);
    return JSON.stringify([rows.rows, logs.rows, audits.rows]);
  });
  const jobs = await kit.house.database.database
    .pool('owner')
    .query<{ text: string }>('select row_to_json(j)::text as text from graphile_worker._private_jobs j');
  const secret = token.slice(22);
  for (const place of [JSON.stringify([answer, listed]), stored, JSON.stringify(jobs.rows)]) {
    expect(place).not.toContain(secret);
    expect(place).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
  }
  expect(listed[0]).toMatchObject({ status: 'sent', recipient: recipient() });
});

test('T17 a mail scanner that opens the link again and again uses nothing up', async () => {
  const credential = await kit.connectable();
  const token = await mailed(credential);
  const snapshotOfRows = () =>
    kit.house.doors.withTenant(kit.house.tenant, async (tx) => {
      const rows = await sql<{ text: string }>`
        select (select json_agg(i) from invitation i)::text || (select count(*) from oauth_authorization)::text
          || (select count(*) from audit_event)::text || (select count(*) from connection_log)::text as text`.execute(
        tx,
      );
      return rows.rows[0]?.text;
    });
  const before = await snapshotOfRows();
  for (let visit = 0; visit < 5; visit += 1) await kit.authorize.invitationPage(token);
  expect(await snapshotOfRows()).toBe(before);
  const { guest, view } = await accept(token);
  expect((await guest.decide(view)).kind).toBe('completed');
});

test('T18 a link lives 72 hours, is dead once used or taken back, and has one open consent at a time', async () => {
  const credential = await kit.connectable();
  const used = await mailed(credential);
  const first = await accept(used);
  const second = await accept(used);
  await second.guest.decide(second.view);
  expect((await faultOf(kit.authorize.invitationPage(used))).code).toBe('gone');
  expect((await faultOf(accept(used))).code).toBe('gone');
  // The other browser, which came first and hesitated, is told.
  expect(await first.guest.decide(first.view)).toMatchObject({ kind: 'failed', code: 'invitation_ended' });

  const { id } = await invite(credential);
  await kit.runJobs();
  const revoked = tokenInMail();
  const started = await kit.authorize.begin({
    policy: 'invitation',
    invitationToken: revoked,
    browserToken: newBrowserToken(),
  });
  const again = await kit.authorize.begin({
    policy: 'invitation',
    invitationToken: revoked,
    browserToken: newBrowserToken(),
  });
  expect(await kit.statusOf(started.authorizationId)).toBe('cancelled');
  await kit.authorize.revokeInvitation({ actor: kit.house.owner, id });
  expect(await kit.statusOf(again.authorizationId)).toBe('cancelled');
  expect((await faultOf(kit.authorize.invitationPage(revoked))).code).toBe('gone');

  const old = await mailed(credential);
  kit.advance(72 * 3_600 - 10);
  await kit.authorize.invitationPage(old);
  kit.advance(11);
  expect((await faultOf(kit.authorize.invitationPage(old))).code).toBe('gone');
  for (const wrong of ['', 'x', `${old.slice(0, -2)}AA`, old.slice(0, 64), `${old}A`]) {
    expect((await faultOf(kit.authorize.invitationPage(wrong))).code).toBe('not_found');
  }
});

test('T18 the sixth mail to one recipient within an hour and the fifty-first of an organization are refused', async () => {
  const credential = await kit.connectable();
  const attempts = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) =>
      invite(credential, { email: index % 2 ? recipient() : recipient().toUpperCase() }),
    ),
  );
  expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(5);
  const refused = await faultOf(invite(credential));
  expect(refused).toMatchObject({ code: 'rate_limited', status: 429 });
  expect(refused.retryAfterSeconds).toBeGreaterThan(3_500);
  expect(refused.retryAfterSeconds).toBeLessThanOrEqual(3_600);
  for (let n = 0; n < 45; n += 1) await invite(credential, { email: `n${n}-${recipient()}` });
  expect((await faultOf(invite(credential, { email: `last-${recipient()}` }))).code).toBe('rate_limited');
  // Another organization is not held up by this one.
  const other = await kit.house.addTenant(`Other ${round}`);
  const theirs = await kit.connectable({ at: other });
  await invite(theirs, { actor: other.owner });
  kit.advance(3_601);
  await invite(credential);
});

test('T19 nothing that people type becomes markup, a link or a header of the mail', async () => {
  const label = '<a href="https://evil.example">click</a>\t evil.example';
  const credential = await kit.connectable({ label: '<a href=https://evil.example>Dropbox</a>' });
  expect(label).toContain('<a');
  await invite(credential, { message: 'Please <b>connect</b> today' });
  await kit.runJobs();
  const mail = kit.mails.at(-1);
  expect(mail?.html).not.toMatch(/<(?:a href="?https:\/\/evil|b>)/);
  const links = [...(mail?.html.matchAll(/href="([^"]+)"/g) ?? [])].map((match) => match[1]);
  expect(links.every((link) => link?.startsWith(`${publicUrl}/oauth/start/`))).toBe(true);
  expect(mail?.text).not.toContain('https://evil');
  for (const message of [
    'see https://evil.example',
    'go to evil.example now',
    'www.evil.com',
    'javascript:alert(1)',
  ]) {
    expect(await faultOf(invite(credential, { message }))).toMatchObject({
      code: 'invalid_field',
      field: 'message',
    });
  }
  for (const email of [
    '',
    'jo',
    'a@b.example,c@d.example',
    'Jo <jo@hooli.example>',
    'jo@hooli.example\r\nBcc: x@y.example',
  ]) {
    expect(await faultOf(invite(credential, { email }))).toMatchObject({
      code: 'invalid_field',
      field: 'email',
    });
  }
});

test('an invitation that is rolled back mails nothing', async () => {
  const credential = await kit.connectable();
  const { house } = kit;
  const before = await kit.queued();
  const work = house.doors.withTenant(house.tenant, async (tx) => {
    await kit.authorize.inviteWithin(tx, {
      actor: house.owner,
      credentialId: credential.id,
      email: recipient(),
      message: null,
    });
    throw new Fault('conflict', 'something else failed');
  });
  expect((await faultOf(work)).code).toBe('conflict');
  expect(await kit.queued()).toEqual(before);
  await kit.runJobs();
  expect(kit.mails).toHaveLength(0);
});

test('a mail server that is away delays the invitation visibly, and the mail comes once when it is back', async () => {
  const credential = await kit.connectable();
  kit.failMailsWith(new Fault('unavailable', 'The mail server does not answer.'));
  await invite(credential);
  await kit.runJobs();
  await kit.runJobs();
  const codes = (await kit.logOf(credential)).map((line) => line.code);
  expect(codes).toEqual(['invitation_delayed', 'invitation_queued']);
  kit.failMailsWith(null);
  await kit.runJobs();
  await kit.runJobs();
  expect(kit.mails).toHaveLength(1);
  expect((await kit.logOf(credential))[0]?.code).toBe('invitation_sent');
  // An address that the server refuses is not tried again.
  kit.failMailsWith(new Fault('mail_refused', 'No such mailbox.'));
  await invite(credential);
  await kit.runJobs();
  expect(await kit.queued()).not.toContain('authorize.send_invitation');
  expect((await kit.logOf(credential))[0]).toMatchObject({ code: 'invitation_failed', severity: 'error' });
});

test('inviting needs the right to connect, and another organization’s credential does not exist', async () => {
  const { house } = kit;
  const credential = await kit.connectable();
  const reader = await house.addActor(house, house.customer.id, 'customer_user', `Reader ${round}`);
  expect((await faultOf(invite(credential, { actor: reader }))).code).toBe('forbidden');
  const other = await house.addTenant(`Stranger ${round}`);
  expect((await faultOf(invite(credential, { actor: other.owner }))).code).toBe('not_found');
  await invite(credential);
  const [mine] = await kit.authorize.listInvitations({ actor: house.owner, credentialId: credential.id });
  if (mine === undefined) throw new Error('no invitation');
  expect((await faultOf(kit.authorize.revokeInvitation({ actor: other.owner, id: mine.id }))).code).toBe(
    'not_found',
  );
});

test('an address that no invited person may be sent to is told to no page, also when it is edited after the mail', async () => {
  const credential = await kit.connectable({ secret: `odd address ${round}` });
  const token = await mailed(credential);
  // As it may be stored: auth clients keep addresses as they were typed.
  await kit.house.doors.withTenant(kit.house.tenant, (tx) =>
    sql`update registration set authorize_url = ${` https://a;b${round}.example/authorize`}
      where id = (select a.registration_id from credential c join auth_client a on a.id = c.auth_client_id
        where c.id = ${credential.id})`.execute(tx),
  );
  const refused = await faultOf(kit.authorize.invitationPage(token));
  expect(refused).toMatchObject({ code: 'invalid_field', field: 'authorizeUrl' });
});
