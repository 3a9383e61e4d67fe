import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeCredential } from '../../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse, type TestTenant } from '../../../testing/test-house.ts';
import type { Credential } from '../../credentials/credential.ts';
import { systemClock } from '../../kernel/clock.ts';
import { isFault } from '../../kernel/fault.ts';
import { silentLog } from '../../kernel/log.ts';
import type { Actor } from '../../tenancy/actor.ts';
import { createApiToken } from '../../tenancy/api-token.ts';
import { toGlobalId } from '../graphql/global-id.ts';
import { createAuthenticate } from '../http/authenticate.ts';
import { createHttpServer } from '../http/server.ts';
import { explainTo } from '../operator/explain.ts';
import { registerWhy } from './register-why.ts';

let house: TestHouse;
let other: TestTenant;
let app: FastifyInstance;
let own: Credential;
let foreign: Credential;
const gate = { refusal: () => null };
const operator = { kind: 'operator', principalId: null, name: 'operator' } as const;

beforeAll(async () => {
  house = await openTestHouse();
  other = await house.addTenant('Umbra');
  const values = { username: 'ada', password: 'never-shown' };
  own = await storeCredential(house, 'basic', values, { label: 'Own', unitId: house.customer.id });
  foreign = await storeCredential(house, 'basic', values, { label: 'Foreign', at: other });
  app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: false });
  const { actorByApiToken } = house.authority;
  registerWhy(app, {
    doors: house.doors,
    clock: systemClock,
    gate,
    authenticate: createAuthenticate({ actorByApiToken, actorBySession: async () => null }),
  });
});
afterAll(async () => {
  await app.close();
  await house.close();
});

async function ask(actor: Actor | null, id: string) {
  const { doors } = house;
  const token =
    actor === null
      ? null
      : await doors.withTenant(actor.tenant, (tx) =>
          createApiToken({ tx, actor: null, principalId: actor.principalId, name: 'test' }),
        );
  const answer = await app.inject({
    url: `/credentials/${id}/why`,
    headers: token === null ? {} : { authorization: `Bearer ${token.token}` },
  });
  return { status: answer.statusCode, body: answer.json(), text: answer.body };
}
const explain = (asked: string, tenant: TestTenant['tenant'] | null = null) =>
  explainTo(operator, { doors: house.doors, clock: systemClock, gate }, { asked, tenant });
const refusalOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => null,
    (refused: unknown) => refused,
  );
  return isFault(error) ? { code: error.code, text: error.public } : error;
};

test('whoever may see a credential is told why, by either id, and no value of it', async () => {
  const user = await house.addActor(house, house.customer.id, 'customer_user');
  for (const actor of [house.owner, user]) {
    for (const id of [own.id, encodeURIComponent(toGlobalId('Credential', own.id))]) {
      const { status, body, text } = await ask(actor, id);
      expect(status).toBe(200);
      expect(body).toMatchObject({ situation: 'fixed_values', credential: { id: own.id, label: 'Own' } });
      expect(text).not.toContain('never-shown');
    }
  }
});

test('another tenant’s, another customer’s, an absent and a senseless id are the same answer', async () => {
  const stranger = await house.addActor(house, house.customer.id, 'customer_user');
  const above = await storeCredential(house, 'basic', { username: 'a', password: 'b' }, { label: 'Above' });
  const asked = [
    await ask(house.owner, foreign.id),
    await ask(house.owner, '5a0f7c1e-0000-4000-8000-00000000dead'),
    await ask(house.owner, encodeURIComponent(toGlobalId('Instance', own.id))),
    await ask(house.owner, 'x'.repeat(300)),
    await ask(house.owner, '%00'),
    await ask(stranger, above.id),
  ];
  for (const { status, body } of asked) {
    expect(status).toBe(404);
    expect(body.error).toMatchObject({
      code: 'not_found',
      message: 'Credential not found. Check the id and that you have access to it.',
    });
  }
  expect((await ask(house.owner, 'x'.repeat(5_000))).status).toBe(404);
});

test('nobody is told without signing in', async () => {
  expect((await ask(null, own.id)).status).toBe(401);
});

test('the operator finds it by id in any organization, by label in one, and leaves a trace there', async () => {
  expect((await explain(foreign.id)).credential).toMatchObject({ id: foreign.id, tenantId: other.tenant });
  expect((await explain(toGlobalId('Credential', own.id))).credential.id).toBe(own.id);
  expect((await explain('Foreign', other.tenant)).credential.id).toBe(foreign.id);
  const trail = await house.doors.withTenant(other.tenant, (tx) =>
    tx.selectFrom('audit_event').select('action').where('object_id', '=', foreign.id).execute(),
  );
  expect(trail.filter(({ action }) => action === 'operator.access')).toHaveLength(2);
});

test('the operator’s mistakes are answered in words', async () => {
  expect(await refusalOf(explain('Own'))).toMatchObject({
    code: 'invalid_field',
    text: expect.stringContaining('--tenant'),
  });
  expect(await refusalOf(explain('Own', other.tenant))).toMatchObject({ code: 'not_found' });
  expect(await refusalOf(explain(own.id, other.tenant))).toMatchObject({ code: 'not_found' });
  expect(await refusalOf(explain('x'.repeat(401), other.tenant))).toMatchObject({ code: 'invalid_field' });
  expect(await refusalOf(explain(''))).toMatchObject({ code: 'invalid_field' });
  await storeCredential(house, 'basic', { username: 'a', password: 'b' }, { label: 'Twin' });
  await storeCredential(house, 'basic', { username: 'a', password: 'b' }, { label: 'Twin' });
  expect(await refusalOf(explain('Twin', house.tenant))).toMatchObject({ code: 'conflict' });
});
