// Every odd request gets a clear 4xx that names the place, never a 5xx, never a secret. The odd ones are generated: each
// member of each body is replaced in turn by what does not belong there.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clientBody,
  type JsonApiAnswer,
  type JsonApiHouse,
  openJsonApiHouse,
  secretBody,
} from '../../../testing/jsonapi-house.ts';
import { oddities, pathsOf, replaced } from '../../../testing/odd-bodies.ts';

const canary = 'canary-5b1f';
let house: JsonApiHouse;
let secrets: string;
let clientId: string;
let secretPath: string;
/** Without the right to reveal, so that even what succeeds echoes nothing. */
let member: string;
beforeAll(async () => {
  house = await openJsonApiHouse();
  secrets = `/workspaces/${house.rooms.customer.id}/secrets`;
  clientId = await house.makeClient();
  const { rooms } = house;
  member = await house.tokenOf(await rooms.addActor(rooms, rooms.organization.id, 'member'));
  const made = await house.ask(
    'POST',
    secrets,
    secretBody(clientId, { access_token: 't', refresh_token: 'r' }),
  );
  secretPath = `${secrets}/${made.body.data.id}`;
});
afterAll(async () => house.close());

function expectClear(answer: JsonApiAnswer, what: string): void {
  expect(answer.status, `${what}: ${answer.text}`).toBeLessThan(500);
  expect(answer.text, what).not.toContain(canary);
  if (answer.status < 400) return;
  expect(answer.headers.get('content-type'), what).toBe('application/json; charset=utf-8');
  const [error] = answer.body.errors;
  expect(error, what).toMatchObject({
    status: answer.status,
    code: expect.stringMatching(/^[a-z_]+$/),
    title: expect.any(String),
    detail: expect.stringMatching(/.{10,}/),
  });
  expect(answer.body.meta).toEqual({});
}

const bodies = () =>
  [
    [
      'POST',
      secrets,
      secretBody(
        clientId,
        {
          access_token: canary,
          refresh_token: canary,
          expires_in: 3600,
          expires_at: '2040-01-01T00:00:00Z',
          token_type: 'Bearer',
          scope: 'a b',
          additional_params: { a: '1' },
          undefined_params: { a: { b: canary } },
          fields: { a: canary },
        },
        { error: 'e' },
      ),
    ],
    ['PATCH', secretPath, secretBody(clientId, { access_token: canary, refresh_token: canary })],
    [
      'PATCH',
      `/tenants/${house.rooms.organization.id}/roles`,
      {
        data: {
          type: 'tenant-policy',
          attributes: {
            roles: [
              {
                role: 'r',
                scope: 'contracts',
                permissions: ['global.auth_clients.get'],
                i18n: { en: 'R' },
              },
            ],
          },
        },
      },
    ],
    [
      'POST',
      secrets,
      {
        data: {
          type: 'auth-secret',
          attributes: { name: 'n', type: 'basic', credentials: { username: 'u', password: canary } },
        },
      },
    ],
    ['POST', '/auth-clients', clientBody(house.emulator, { client_secret: canary, token_expires_in: 60 })],
    [
      'POST',
      '/auth-clients',
      {
        data: {
          type: 'auth-client',
          attributes: { type: 'api_key', name: 'n', credentials: { name: 'n', value: canary } },
        },
      },
    ],
    [
      'PATCH',
      `/auth-clients/${clientId}`,
      { data: { type: 'auth-client', attributes: { name: 'n', credentials: { client_secret: canary } } } },
    ],
    [
      'POST',
      '/workspaces',
      {
        data: {
          type: 'workspace',
          attributes: { name: 'n' },
          relationships: { contract: { data: { id: house.rooms.customer.id, type: 'contract' } } },
        },
      },
    ],
  ] as const;

test('no replacement of any member of any body is a fault of ours', { timeout: 240_000 }, async () => {
  for (const [method, path, body] of bodies()) {
    for (const place of pathsOf(body)) {
      for (const oddity of oddities) {
        const odd = replaced(body, place, () => oddity);
        const answer = await house.ask(method, path, JSON.stringify(odd), { token: member });
        expectClear(answer, `${method} ${path} ${place.join('.')} = ${JSON.stringify(oddity).slice(0, 60)}`);
      }
    }
  }
});

test('an address that cannot be decoded or is too long is answered in this dialect too', async () => {
  for (const [path, status] of [
    ['/workspaces/%ff/secrets', 400],
    [`${secrets}/%E0%A4%A`, 400],
    [`${secrets}/${'y'.repeat(500)}`, 404],
  ] as const) {
    const answer = await house.ask('GET', path);
    expectClear(answer, path);
    expect(answer.status, path).toBe(status);
  }
});

test('a member that is missing or unknown is named by its place', async () => {
  for (const [method, path, body] of bodies()) {
    for (const place of pathsOf(body)) {
      const without = await house.ask(method, path, replaced(body, place, () => undefined) ?? '', {
        token: member,
      });
      expectClear(without, `${method} ${path} without ${place.join('.')}`);
      const isObject =
        typeof place.reduce((value: unknown, key) => (value as Record<string, unknown>)[key], body) ===
        'object';
      // Free objects take every name; lists have none.
      if (
        !isObject ||
        /(additional|undefined)_params|fields|components\.data$|roles$|permissions$|api_key/.test(
          place.join('.'),
        )
      )
        continue;
      if (JSON.stringify(body).includes('"api_key"') && place.includes('credentials')) continue;
      const more = await house.ask(
        method,
        path,
        replaced(body, place, (old) => ({ ...(old as object), bogus: 1 })),
      );
      expect(more.status, `${method} ${path} ${place.join('.')}`).toBe(400);
      expect(more.body.errors[0].detail).toContain([...place, 'bogus'].join('.'));
      expect(more.body.errors[0].source.pointer ?? more.body.errors[0].source.parameter).toContain('bogus');
    }
  }
});

test('ids of another shape, kind or time are not found, wherever they stand', async () => {
  const ids = [
    'x',
    '6177e1b2c3d4e5f6a7b8c9d0',
    '%00',
    '..%2f..',
    house.rooms.customer.id.toUpperCase(),
    house.rooms.owner.principalId,
    clientId,
    house.rooms.tenant,
    '00000000-0000-4000-8000-000000000001',
    'a'.repeat(300),
  ];
  for (const id of ids) {
    for (const [method, path] of [
      ['GET', `/workspaces/${id}/secrets`],
      ['GET', `${secrets}/${id}`],
      ['PATCH', `${secrets}/${id}`],
      ['DELETE', `${secrets}/${id}`],
      ['POST', `${secrets}/${id}/refresh`],
      ['GET', `/workspaces/${id}`],
      ['GET', `/contracts/${id}`],
    ] as const) {
      const body =
        method === 'PATCH' ? { data: { type: 'auth-secret', attributes: { name: 'x' } } } : undefined;
      const answer = await house.ask(method, path, body);
      expect(answer.status, `${method} ${path}`).toBe(404);
      expectClear(answer, `${method} ${path}`);
    }
    if (id === clientId) continue;
    expect((await house.ask('GET', `/auth-clients/${id}`)).status, id).toBe(404);
  }
});

test('queries are read strictly where they narrow what is shown', async () => {
  for (const [query, parameter] of [
    ['filter[user]=x', 'filter[user]'],
    ['filter[auth_client]=%00', 'filter[auth_client]'],
    ['filter[other]=x', 'filter[other]'],
    ['page[size]=0', 'page[size]'],
    ['page[size]=101', 'page[size]'],
    ['page[size]=1e9', 'page[size]'],
    ['page[number]=-1', 'page[number]'],
    ['page[number]=1&page[number]=2', 'page[number]'],
    [`filter[user]=${'x'.repeat(500)}`, 'filter[user]'],
  ] as const) {
    const answer = await house.ask('GET', `${secrets}?${query}`);
    expect(answer.status, query).toBe(400);
    expect(answer.body.errors[0].source, query).toEqual({ parameter });
  }
  expect((await house.ask('GET', `${secrets}?cache=1&page[number]=9999`)).status).toBe(200);
  for (const level of ['workspace_id', 'contract_id', 'tenant_id']) {
    expect((await house.ask('GET', `/auth-clients?${level}=x`)).status).toBe(400);
    expect((await house.ask('GET', `/auth-clients?${level}=${clientId}`)).status).toBe(404);
  }
});

test('bodies that are no JSON object, too large, or of another type are refused in words', async () => {
  for (const body of [
    'null',
    '[]',
    '"x"',
    '7',
    '{',
    '{"data":',
    '',
    '{"__proto__":{"x":1}}',
    '{"data":{"type":"auth-secret"}}',
    `{"data":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  ]) {
    const answer = await house.ask('POST', secrets, body);
    expect(answer.status, body).toBe(400);
    expectClear(answer, body);
  }
  for (const body of ['{"data":{"__proto__":{"x":1}}}', '{"constructor":{"prototype":{}}}']) {
    const { body: answer } = await house.ask('POST', secrets, body);
    expect(answer.errors[0].detail).toContain('"__proto__" or "constructor.prototype"');
  }
  const large = await house.ask('POST', secrets, `{"data":"${'x'.repeat(3_000_000)}"}`);
  expect(large.status).toBe(413);
  expectClear(large, 'large');
  const form = await house.ask('POST', secrets, 'a=b', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(form.status).toBe(415);
  expectClear(form, 'form');
  const vendor = await house.ask(
    'POST',
    secrets,
    JSON.stringify(secretBody(clientId, { access_token: 't' })),
    {
      headers: { 'content-type': 'application/vnd.api+json' },
    },
  );
  expect(vendor.status).toBe(201);
});

test('a caller that takes no JSON gets 406; every usual Accept passes', async () => {
  for (const [accept, status] of [
    ['text/html', 406],
    ['application/xml, text/*;q=0.5', 406],
    ['application/json, text/plain, */*', 200],
    ['*/*', 200],
    ['application/vnd.api+json', 200],
    ['application/*;q=0.1', 200],
    ['*/*;q=0', 406],
  ] as const) {
    const answer = await house.ask('GET', secretPath, undefined, { token: member, headers: { accept } });
    expect(answer.status, accept).toBe(status);
    expectClear(answer, accept);
  }
});

test('wrong methods and addresses are told apart', async () => {
  const wrong = await house.ask('PUT', secretPath, {});
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get('allow')?.split(', ').toSorted()).toEqual(['DELETE', 'GET', 'HEAD', 'PATCH']);
  expectClear(wrong, 'PUT');
  const nothing = await house.ask('GET', '/nothing/here');
  expect(nothing.status).toBe(404);
  expectClear(nothing, 'nothing');
  expect(nothing.headers.get('x-request-id')).toBe(nothing.body.errors[0].id);
});

test('the placeholder for hidden tokens is refused where it would be stored', async () => {
  const made = await house.ask(
    'POST',
    secrets,
    secretBody(clientId, { access_token: 't', refresh_token: '********' }),
  );
  expect(made.status).toBe(400);
  expect(made.body.errors[0].source.pointer).toBe('/data/attributes/credentials/refresh_token');
  const client = await house.ask(
    'POST',
    '/auth-clients',
    clientBody(house.emulator, { client_secret: '********' }),
  );
  expect(client.status).toBe(400);
  const hidden = await house.ask(
    'POST',
    secrets,
    secretBody(clientId, { access_token: 't', undefined_params: { deep: { refresh_token: 'r' } } }),
  );
  expect(hidden.body.errors[0].source.pointer).toBe('/data/attributes/credentials/undefined_params');
});
