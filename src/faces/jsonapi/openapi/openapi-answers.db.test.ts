// Real answers over HTTP, each held against the document that the server itself serves: every operation, with success
// and with errors.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clientBody,
  createCredentialElsewhere,
  flowBody,
  fromRoot,
  type JsonApiAnswer,
  type JsonApiHouse,
  openJsonApiHouse,
  secretBody,
} from '../../../../testing/jsonapi-house.ts';
import { createOpenApiJudge, type OpenApiJudge } from '../../../../testing/openapi-judge.ts';
import { exampleIds } from './answer-schema.ts';
import type { OpenApiDocument } from './openapi-document.ts';

let house: JsonApiHouse;
let document: OpenApiDocument;
let judge: OpenApiJudge;
let secrets: string;
let clientId: string;
/** May do everything in this dialect but little of it: sees secrets, not their values, and changes nothing. */
let viewer: string;
const missing = '11111111-1111-4111-8111-111111111111';
beforeAll(async () => {
  house = await openJsonApiHouse();
  const { rooms } = house;
  document = (await (await fetch(`${house.url}/v2/openapi.json`)).json()) as OpenApiDocument;
  judge = createOpenApiJudge(document);
  secrets = `/workspaces/${rooms.customer.id}/secrets`;
  clientId = await house.makeClient();
  viewer = await house.tokenOf(await rooms.addActor(rooms, rooms.customer.id, 'customer_user'));
});
afterAll(async () => house.close());

type Options = { readonly token?: string; readonly headers?: Record<string, string> };

/** Asks, and fails unless the answer is of that status and as the document says. */
async function hold(
  status: number,
  method: string,
  path: string,
  body?: unknown,
  options: Options = {},
): Promise<JsonApiAnswer> {
  const answer = await house.ask(method, path, body, options);
  const what = `${method} ${path}: ${answer.text.slice(0, 2_000)}`;
  expect(answer.status, what).toBe(status);
  const problems = judge.judge({
    method,
    url: fromRoot(path),
    ...(body === undefined ? {} : { sent: body }),
    status: answer.status,
    contentType: answer.headers.get('content-type'),
    body: answer.body,
  });
  expect(problems, what).toEqual([]);
  return answer;
}

const strangers = { token: 'lk_nobody' };
const noJson = { headers: { accept: 'text/html' } };

test('secrets of every kind, made, read, listed and changed', async () => {
  const around = {
    expires_in: '3600',
    scope: ['a', 'b'],
    additional_params: '{"access_type":"offline"}',
    undefined_params: { nested: { deep: [1, null, true] } },
    fields: { base_url: 'https://example.com' },
  };
  const full = { access_token: 'a', refresh_token: 'r', ...around };
  const { path } = await house.makeSecret(clientId, around);
  await hold(201, 'POST', secrets, secretBody(clientId, { access_token: 'a' }));
  await hold(201, 'POST', secrets, secretBody(clientId, { ...full, expires_in: 60 }, { type: 'oauth2' }));
  const reported = { state: 'error', error: 'No longer.' };
  const broken = await hold(201, 'POST', secrets, secretBody(clientId, { access_token: 'a' }, reported));
  expect(broken.body.data.attributes.error).toBe('No longer.');
  for (const [type, credentials] of [
    ['basic', { username: 'u', password: 'p' }],
    ['api_key', { headerName: 'X-Key', headerValue: 'v', fields: { region: 'eu' } }],
    ['noauth', {}],
  ] as const) {
    const attributes = { name: type, type, credentials };
    const made = await hold(201, 'POST', secrets, {
      data: { type: 'auth-secret', attributes, relationships: {} },
    });
    await hold(200, 'GET', `${secrets}/${made.body.data.id}`);
  }
  const free = clientBody(house.emulator, {});
  const attributes = { type: 'ftp_like', name: 'Free', credentials: { anything: { at: ['all'] } } };
  const freeClient = await hold(201, 'POST', '/auth-clients', { data: { ...free.data, attributes } });
  await hold(201, 'POST', secrets, secretBody(freeClient.body.data.id, { host: 'h', port: 22 }));
  await createCredentialElsewhere(house.rooms, house.rooms.customer.id);
  const list = await hold(200, 'GET', secrets);
  expect(
    new Set(list.body.data.map((one: { attributes: { type: string } }) => one.attributes.type)).size,
  ).toBe(6);
  const page = await hold(200, 'GET', `${secrets}?page[size]=2&filter[auth_client]=${clientId}`);
  expect(page.body.meta).toMatchObject({ per_page: 2, page: 1 });
  const hidden = await hold(200, 'GET', path, undefined, { token: viewer });
  expect(hidden.body.data.attributes).not.toHaveProperty('credentials');
  await hold(200, 'GET', `${path}?min_ttl=60`);
  const shown = await hold(200, 'PATCH', path, {
    data: { type: 'auth-secret', attributes: { name: 'Other' } },
  });
  // What was answered may be sent back as it is, and the document agrees.
  await hold(200, 'PATCH', path, { data: shown.body.data });
  await hold(200, 'POST', `${path}/refresh`);
  await hold(204, 'DELETE', path);
});

test('what goes wrong with secrets', async () => {
  const { path } = await house.makeSecret(clientId);
  await hold(404, 'GET', `/workspaces/${missing}/secrets`);
  await hold(400, 'GET', `${secrets}?filter[color]=red`);
  await hold(401, 'GET', secrets, undefined, strangers);
  await hold(406, 'GET', secrets, undefined, noJson);
  await hold(404, 'GET', `${secrets}/${missing}`);
  await hold(400, 'GET', `${path}?min_ttl=-1`);
  await hold(400, 'POST', secrets, secretBody(clientId, {}));
  await hold(400, 'POST', secrets, '{"data":');
  await hold(415, 'POST', secrets, 'a=b', { headers: { 'content-type': 'text/plain' } });
  await hold(413, 'POST', secrets, `"${'x'.repeat(3 * 1024 * 1024)}"`);
  await hold(404, 'POST', secrets, secretBody(missing, { access_token: 'a' }));
  await hold(403, 'POST', secrets, secretBody(clientId, { access_token: 'a' }), { token: viewer });
  await hold(400, 'PATCH', path, { data: { type: 'auth-secret', attributes: { type: 'basic' } } });
  await hold(403, 'PATCH', path, { data: { type: 'auth-secret' } }, { token: viewer });
  await hold(403, 'DELETE', path, undefined, { token: viewer });
  await hold(404, 'DELETE', `${secrets}/${missing}`);
  await hold(403, 'POST', `${path}/refresh`, undefined, { token: viewer });
  await hold(400, 'POST', `${path}/refresh`, undefined, { headers: { 'x-refused-token-sha256': 'no' } });
  house.emulator.schedule([{ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh' }]);
  const refused = await house.ask('POST', `${path}/refresh`);
  expect(refused.status, refused.text).toBeGreaterThanOrEqual(400);
  await hold(refused.status, 'POST', `${path}/refresh`);
  const bare = await house.ask('POST', secrets, secretBody(clientId, { access_token: 'a' }));
  await hold(409, 'POST', `${secrets}/${bare.body.data.id}/refresh`);
});

test('auth clients at every level, and what goes wrong with them', async () => {
  const contract = house.rooms.customer.id;
  const tenant = house.rooms.organization.id;
  const at = (level: string, id: string) => ({ [level]: { data: { id, type: level } } });
  const more = { token_expires_in: '18000', refresh_lead: 30, refresh_mode: 'when_used' };
  const made = await hold(
    201,
    'POST',
    '/auth-clients',
    clientBody(house.emulator, more, at('contract', contract)),
  );
  await hold(201, 'POST', '/auth-clients', clientBody(house.emulator, {}, at('tenant', tenant)));
  const open = { client_secret: undefined, client_auth: 'none' };
  await hold(201, 'POST', '/auth-clients', clientBody(house.emulator, open));
  const path = `/auth-clients/${made.body.data.id}`;
  await hold(200, 'GET', '/auth-clients');
  await hold(200, 'GET', `/auth-clients?contract_id=${contract}&page[number]=1`);
  await hold(200, 'GET', '/auth-clients', undefined, { token: viewer });
  await hold(200, 'GET', `${path}?workspace_id=${contract}`);
  const patch = {
    data: { type: 'auth-client', attributes: { name: 'New', credentials: { refresh_lead: null } } },
  };
  const shown = await hold(200, 'PATCH', path, patch);
  await hold(200, 'PATCH', path, { data: shown.body.data });
  await hold(204, 'DELETE', path);
  await hold(404, 'GET', path);
  await hold(400, 'GET', `/auth-clients?contract_id=${contract}&tenant_id=${tenant}`);
  await hold(404, 'GET', `/auth-clients?contract_id=${missing}`);
  await hold(401, 'GET', '/auth-clients', undefined, strangers);
  await hold(400, 'POST', '/auth-clients', clientBody(house.emulator, { token_uri: 7 }));
  await hold(403, 'POST', '/auth-clients', clientBody(house.emulator, {}, at('contract', contract)), {
    token: viewer,
  });
  await hold(404, 'POST', '/auth-clients', clientBody(house.emulator, {}, at('contract', missing)));
  await house.makeSecret(clientId);
  await hold(409, 'DELETE', `/auth-clients/${clientId}`);
  await hold(400, 'PATCH', `/auth-clients/${clientId}`, {
    data: { type: 'auth-client', attributes: { type: 'basic' } },
  });
});

test('workspaces, contracts, users, and the description itself', async () => {
  const contract = house.rooms.customer.id;
  const relationships = { contract: { data: { id: contract, type: 'contract' } } };
  const body = { data: { type: 'workspace', attributes: { name: 'Sales' }, relationships } };
  const made = await hold(201, 'POST', '/workspaces', body);
  await hold(200, 'GET', `/workspaces/${made.body.data.id}`);
  await hold(200, 'GET', `/workspaces?contract_id=${contract}`);
  await hold(200, 'GET', `/contracts/${contract}`);
  await hold(200, 'GET', '/contracts?page[size]=1');
  await hold(200, 'GET', '/users/me');
  await hold(200, 'GET', '/openapi.json');
  await hold(400, 'POST', '/workspaces', { data: { type: 'workspace', attributes: {}, relationships } });
  await hold(403, 'POST', '/workspaces', body, { token: viewer });
  await hold(404, 'GET', `/workspaces/${missing}`);
  await hold(404, 'GET', `/workspaces?contract_id=${missing}`);
  await hold(404, 'GET', `/contracts/${missing}`);
  await hold(400, 'GET', '/contracts?page[size]=0');
  await hold(404, 'GET', `/users/${missing}`);
  await hold(406, 'GET', '/openapi.json', undefined, noJson);
  const page = await fetch(`${house.url}/v2/docs`, { headers: { accept: 'text/html' } });
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  const contentType = page.headers.get('content-type');
  const exchange = {
    method: 'GET',
    url: '/v2/docs',
    status: page.status,
    contentType,
    body: await page.text(),
  };
  expect(judge.judge(exchange)).toEqual([]);
});

test('roles and permissions', async () => {
  const contract = house.rooms.customer.id;
  const path = `/tenants/${house.rooms.organization.id}/roles`;
  const role = { role: 'reader', scope: 'contracts', permissions: ['workspaces.auth_secret.get'] };
  const bodyOf = (roles: readonly unknown[]) => ({ data: { type: 'tenant-policy', attributes: { roles } } });
  await hold(200, 'GET', '/permissions');
  await hold(401, 'GET', '/permissions', undefined, strangers);
  await hold(200, 'GET', path);
  await hold(404, 'GET', `/tenants/${missing}/roles`);
  const { body } = await hold(200, 'PATCH', path, bodyOf([role]));
  await hold(200, 'PATCH', path, { data: body.data });
  await hold(400, 'PATCH', path, bodyOf([{ ...role, permissions: ['unheard.of'] }]));
  await hold(200, 'GET', `/contracts/${contract}/roles`);
  await hold(404, 'GET', `/contracts/${missing}/roles`);
});

test('flows, steps and startup data', async () => {
  const workspace = house.rooms.customer.id;
  const { id: secretId } = await house.makeSecret(clientId);
  const body = flowBody(
    workspace,
    { secret_id: secretId, fields: { deep: [{ a: null }] } },
    { cron: null, nodes_config: { step_1: { passthrough: { disabled: true }, prefetch: 3 } } },
  );
  const made = await hold(201, 'POST', '/flows', body);
  const path = `/flows/${made.body.data.id}`;
  await hold(200, 'GET', `/flows?workspace_id=${workspace}&filter[status]=inactive&search=cont&sort=-name`);
  await hold(200, 'PATCH', path, { data: made.body.data });
  await hold(202, 'POST', `${path}/start`);
  await hold(200, 'GET', path);
  await hold(409, 'PATCH', path, { data: { type: 'flow', attributes: { name: 'Other' } } });
  await hold(409, 'DELETE', path);
  const step = `/v1/tasks/${made.body.data.id}/steps/step_1`;
  await hold(200, 'GET', step);
  await hold(404, 'GET', `${step}x`);
  const startup = `/sailor-support/hooks/task/${made.body.data.id}/startup/data`;
  await hold(404, 'GET', startup);
  await hold(201, 'POST', startup, { subscriptionId: 's' });
  await hold(409, 'POST', startup, { subscriptionId: 't' });
  await hold(200, 'GET', startup);
  await hold(204, 'DELETE', startup);
  await hold(403, 'DELETE', startup, undefined, { token: viewer });
  await hold(202, 'POST', `${path}/stop`);
  await hold(403, 'POST', `${path}/start`, undefined, { token: viewer });
  await hold(403, 'POST', `${path}/stop`, undefined, { token: viewer });
  await hold(204, 'DELETE', path);
  await hold(404, 'GET', path);
  await hold(400, 'GET', '/flows');
  await hold(404, 'GET', `/flows?workspace_id=${missing}`);
  await hold(400, 'POST', '/flows', flowBody(workspace, { id: 'no step' }));
  await hold(404, 'POST', '/flows', flowBody(missing));
  await hold(404, 'POST', '/flows', flowBody(workspace, { secret_id: '585918da586224001b96de89' }));
  await hold(409, 'POST', '/flows', flowBody(workspace, { secret_id: missing }));
  await hold(403, 'POST', '/flows', flowBody(workspace), { token: viewer });
});

test('the names from before secrets', async () => {
  const workspace = house.rooms.customer.id;
  const tenant = `/tenants/${house.rooms.organization.id}/oauth-clients`;
  const ofComponent = { component: { data: { id: 'older', type: 'component' } } };
  const { credentials } = clientBody(house.emulator).data.attributes;
  const client = { data: { type: 'oauth-client', attributes: credentials, relationships: ofComponent } };
  const oauth = await hold(201, 'POST', tenant, client);
  await hold(409, 'POST', tenant, client);
  const oauthPath = `${tenant}/${oauth.body.data.id}`;
  await hold(200, 'GET', tenant);
  await hold(200, 'GET', oauthPath);
  await hold(200, 'PATCH', oauthPath, { data: oauth.body.data });
  const body = (keys: unknown, component = 'older') => ({
    data: {
      type: 'credential',
      attributes: { name: 'Old', keys },
      relationships: {
        workspace: { data: { id: workspace, type: 'workspace' } },
        component: { data: { id: component, type: 'component' } },
      },
    },
  });
  const made = await hold(201, 'POST', '/credentials', body({ oauth: { access_token: 'a' }, region: 'eu' }));
  const path = `/credentials/${made.body.data.id}`;
  await hold(200, 'GET', path);
  await hold(200, 'GET', `/credentials?workspace_id=${workspace}&filter[component]=older&page[size]=1`);
  await hold(200, 'GET', path, undefined, { token: viewer });
  await hold(200, 'PATCH', path, { data: { type: 'credential', attributes: { name: 'Older' } } });
  await hold(200, 'PUT', `/v1/accounts/${made.body.data.id}`, { keys: { access_token: 'b' } });
  await hold(403, 'PUT', `/v1/accounts/${made.body.data.id}`, { keys: {} }, { token: viewer });
  await hold(400, 'PUT', `/v1/accounts/${made.body.data.id}`, { keys: { oauth: 7 } });
  await hold(409, 'DELETE', oauthPath);
  await hold(403, 'DELETE', path, undefined, { token: viewer });
  await hold(204, 'DELETE', path);
  await hold(404, 'GET', path);
  await hold(400, 'GET', '/credentials');
  await hold(404, 'GET', `/credentials?workspace_id=${missing}`);
  await hold(400, 'POST', '/credentials', body({ oauth: {} }));
  await hold(404, 'POST', '/credentials', body({}, 'unheard-of'));
  await hold(404, 'PATCH', `/credentials/${missing}`, { data: { type: 'credential' } });
  await hold(204, 'DELETE', oauthPath);
  await hold(404, 'GET', oauthPath);
  await hold(404, 'GET', `/tenants/${missing}/oauth-clients`);
  await hold(404, 'PATCH', oauthPath, { data: { type: 'oauth-client' } });
});

test('every example of a body is accepted by the server, with ids that are there', async () => {
  const secret = await house.makeSecret(clientId);
  const contract = house.rooms.customer.id;
  const flow = await house.ask('POST', '/flows', flowBody(contract));
  const ids = {
    tenant: house.rooms.organization.id,
    contract,
    workspace: contract,
    client: clientId,
    secret: secret.id,
    flow: flow.body.data.id,
    credential: secret.id,
    account: secret.id,
  };
  let count = 0;
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, { operationId, requestBody }] of Object.entries(item)) {
      if (requestBody === undefined) continue;
      let body = JSON.stringify(requestBody.content['application/json']?.example);
      let url = path.replace('/v2', '');
      for (const [name, id] of Object.entries(ids)) {
        if (name in exampleIds) body = body.replaceAll(exampleIds[name as keyof typeof exampleIds], id);
        url = url.replace(`{${name}}`, id);
      }
      const answer = await house.ask(method.toUpperCase(), url, body);
      expect(answer.status, `${operationId}: ${answer.text}`).toBeLessThan(300);
      count += 1;
    }
  }
  expect(count).toBeGreaterThan(4);
});

test('nobody is asked who he is for the description, and everybody for all else', async () => {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, { security }] of Object.entries(item)) {
      const url = `${house.url}${path.replace(/\{[^}]+\}/g, missing)}`;
      const { status } = await fetch(url, { method: method.toUpperCase() });
      expect(status, `${method} ${path}`).toBe(security === undefined ? 401 : 200);
    }
  }
});

test('an answer that says more, less or something else is noticed', async () => {
  const { path } = await house.makeSecret(clientId);
  const { body } = await house.ask('GET', path);
  const judged = (change: (data: Record<string, Record<string, unknown>>) => void, status = 200) => {
    const copy = structuredClone(body);
    change(copy.data);
    const exchange = {
      method: 'GET',
      url: `/v2${path}`,
      status,
      contentType: 'application/json',
      body: copy,
    };
    return judge.judge(exchange);
  };
  expect(judged(() => {})).toEqual([]);
  expect(judged((data) => delete data.attributes?.state)).not.toEqual([]);
  expect(judged((data) => Object.assign(data, { more: 1 }))).not.toEqual([]);
  expect(judged((data) => Object.assign(data.attributes ?? {}, { type: 'basic' }))).not.toEqual([]);
  expect(judged(() => {}, 202)).not.toEqual([]);
  const credentials = (data: Record<string, Record<string, unknown>>) => data.attributes?.credentials ?? {};
  expect(judged((data) => Object.assign(credentials(data), { refresh_token: 'real' }))).not.toEqual([]);
  expect(judged((data) => Object.assign(credentials(data), { expires_in: '3600' }))).not.toEqual([]);
});

test('every operation was held against the document with a success and with an error', () => {
  const withoutErrors = new Set(['readDocs']);
  for (const { operationId } of Object.values(document.paths).flatMap((item) => Object.values(item))) {
    const statuses = [...judge.seen]
      .filter((one) => one.startsWith(`${operationId} `))
      .map((one) => Number(one.split(' ')[1]));
    expect(
      statuses.some((status) => status < 300),
      operationId,
    ).toBe(true);
    if (!withoutErrors.has(operationId))
      expect(
        statuses.some((status) => status >= 400),
        operationId,
      ).toBe(true);
  }
});
