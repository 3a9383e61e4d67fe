import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConsentHouse, faultOf, openConsentHouse } from '../../testing/consent-house.ts';
import { Fault } from '../kernel/fault.ts';
import { createAuthorize } from './authorize.ts';

let kit: ConsentHouse;
beforeAll(async () => {
  kit = await openConsentHouse();
});
afterAll(async () => {
  await kit.close();
});

test('tokens that cannot be stored are revoked at once, and the code is not tried again', async () => {
  const credential = await kit.connectable();
  const person = kit.browser(kit.house.owner);
  const begun = await person.begin(credential.id);
  const url = await person.visitProvider(begun.authorizeUrl);
  let calls = 0;
  const breaking = createAuthorize({
    ...kit.deps,
    doors: {
      ...kit.deps.doors,
      withTenant: (tenant, work) => {
        calls += 1;
        // The first takes the state, the second would store the answer.
        if (calls === 2) return Promise.reject(new Fault('unavailable', 'The database is away.'));
        return kit.deps.doors.withTenant(tenant, work);
      },
    },
  });
  const [before, revoked] = [kit.codeRequests(), kit.revocations()];
  const input = {
    receivedRedirectUri: `${url.origin}${url.pathname}`,
    query: url.search,
    browserToken: person.token,
    actor: person.actor,
  };
  expect((await faultOf(breaking.completeCallback(input))).code).toBe('unavailable');
  expect(kit.codeRequests()).toBe(before + 1);
  expect(kit.revocations()).toBeGreaterThan(revoked);
  // The row says that an answer was lost, as soon as its time is over.
  expect((await faultOf(person.callback(url))).code).toBe('conflict');
  expect(kit.codeRequests()).toBe(before + 1);
  kit.advance(601);
  await kit.runJobs();
  expect(await kit.statusOf(begun.authorizationId)).toBe('failed');
  expect((await kit.logOf(credential))[0]?.message).toContain('lost');
  expect(await kit.grantState(credential)).toBe('pending');
});

test('a credential that is deleted while its tokens are fetched leaves none at the provider', async () => {
  const { house } = kit;
  const credential = await kit.connectable();
  const person = kit.browser(house.owner);
  const begun = await person.begin(credential.id);
  const url = await person.visitProvider(begun.authorizeUrl);
  kit.emulator.schedule([{ fault: 'hang', when: 'before', on: 'code' }]);
  const answer = person.callback(url);
  await kit.emulator.whenHanging(1);
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`delete from credential where id = ${credential.id}`.execute(tx),
  );
  const revoked = kit.revocations();
  kit.emulator.release();
  await faultOf(answer);
  await kit.runJobs();
  expect(kit.revocations()).toBeGreaterThan(revoked);
});
