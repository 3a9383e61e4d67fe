// Odd requests to flows, steps, startup data and the older names: a clear 4xx that names the place, never a 5xx.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clientBody,
  flowBody,
  type JsonApiHouse,
  openJsonApiHouse,
} from '../../../../testing/jsonapi-house.ts';
import { oddities, pathsOf, replaced } from '../../../../testing/odd-bodies.ts';

let house: JsonApiHouse;
let workspace: string;
let flow: string;
let secret: string;
beforeAll(async () => {
  house = await openJsonApiHouse();
  workspace = house.rooms.customer.id;
  const clientId = await house.makeClient();
  secret = (await house.makeSecret(clientId)).id;
  flow = (await house.ask('POST', '/flows', flowBody(workspace))).body.data.id;
});
afterAll(async () => house.close());

/** 20,000 arrays in each other: whoever walks them by calling himself runs out of stack. */
const abyss = '[]'.replace('[]', `${'['.repeat(20_000)}${']'.repeat(20_000)}`);
const marker = '"the abyss"';

const bodies = () => {
  const full = { secret_id: secret, credentials_id: null, fields: { a: [1, { b: null }] }, name: 'n' };
  const more = {
    description: 'd',
    cron: '* * * * *',
    default_mapper_type: 'plain',
    nodes_config: { step_1: { passthrough: { disabled: true } } },
  };
  const made = flowBody(workspace, full, more);
  const relationships = {
    component: { data: { id: 'component-1', type: 'component' } },
    workspace: { data: { id: workspace, type: 'workspace' } },
  };
  const keys = { oauth: { access_token: 'a', expires_in: 60, scope: 'a', extra: { b: 1 } }, region: 'eu' };
  const { credentials } = clientBody(house.emulator).data.attributes;
  const tenant = `/tenants/${house.rooms.organization.id}/oauth-clients`;
  const { component } = relationships;
  return [
    ['POST', '/flows', made],
    ['PATCH', `/flows/${flow}`, { data: { type: 'flow', attributes: made.data.attributes } }],
    ['POST', `/sailor-support/hooks/task/${flow}/startup/data`, { a: { b: [1] } }],
    [
      'POST',
      '/credentials',
      { data: { type: 'credential', attributes: { name: 'n', keys }, relationships } },
    ],
    ['PATCH', `/credentials/${secret}`, { data: { type: 'credential', attributes: { name: 'n', keys } } }],
    ['PUT', `/v1/accounts/${secret}`, { keys }],
    [
      'POST',
      tenant,
      { data: { type: 'oauth-client', attributes: credentials, relationships: { component } } },
    ],
  ] as const;
};

test('no replacement of any member of any body is a fault of ours', { timeout: 240_000 }, async () => {
  for (const [method, path, body] of bodies()) {
    for (const place of pathsOf(body)) {
      for (const oddity of [...oddities, 'the abyss', undefined]) {
        const odd = JSON.stringify(replaced(body, place, () => oddity)) ?? '';
        const answer = await house.ask(method, path, odd.replace(marker, abyss));
        const what = `${method} ${path} ${place.join('.')} = ${JSON.stringify(oddity)?.slice(0, 60)}`;
        expect(answer.status, `${what}: ${answer.text.slice(0, 300)}`).toBeLessThan(500);
        if (answer.status >= 400) expect(answer.body.errors[0].detail, what).toMatch(/.{10,}/);
        else if (answer.body?.data?.type === 'flow') await house.ask('GET', `/flows/${answer.body.data.id}`);
        if (path.startsWith('/sailor')) await house.ask('DELETE', path);
      }
    }
  }
});

test('ids of another shape, kind or time are not found, wherever they stand', async () => {
  for (const id of ['x', '%00', '..%2f..', '6177e1b2c3d4e5f6a7b8c9d0', workspace, flow.toUpperCase()]) {
    for (const [method, path] of [
      ['GET', `/flows/${id}`],
      ['PATCH', `/flows/${id}`],
      ['POST', `/flows/${id}/start`],
      ['GET', `/v1/tasks/${id}/steps/step_1`],
      ['GET', `/v1/tasks/${flow}/steps/${id}`],
      ['DELETE', `/sailor-support/hooks/task/${id}/startup/data`],
      ['GET', `/credentials/${id}`],
      ['PUT', `/v1/accounts/${id}`],
      ['GET', `/tenants/${id}/oauth-clients`],
      ['DELETE', `/tenants/${house.rooms.organization.id}/oauth-clients/${id}`],
    ] as const) {
      const body =
        method === 'PATCH' ? { data: { type: 'flow' } } : method === 'PUT' ? { keys: {} } : undefined;
      expect([path, (await house.ask(method, path, body)).status]).toEqual([path, 404]);
    }
  }
  for (const name of ['__proto__', 'constructor', 'toString']) {
    expect((await house.ask('GET', `/v1/tasks/${flow}/steps/${name}`)).status).toBe(404);
  }
});

test('queries are read strictly where they narrow what is shown', async () => {
  for (const [path, query, field] of [
    ['/flows', '', 'workspace_id'],
    ['/flows', 'workspace_id=x', 'workspace_id'],
    ['/flows', `workspace_id=${workspace}&filter[status]=odd`, 'filter[status]'],
    ['/flows', `workspace_id=${workspace}&filter[has_draft]=true`, 'filter[has_draft]'],
    ['/flows', `workspace_id=${workspace}&filter[user]=x`, 'filter[user]'],
    ['/flows', `workspace_id=${workspace}&sort=constructor`, 'sort'],
    ['/flows', `workspace_id=${workspace}&search=%00`, 'search'],
    ['/credentials', '', 'workspace_id'],
    ['/credentials', `workspace_id=${workspace}&filter[user]=x`, 'filter[user]'],
  ] as const) {
    const answer = await house.ask('GET', `${path}?${query}`);
    expect([query, answer.status, answer.body.errors[0].source]).toEqual([query, 400, { parameter: field }]);
  }
});

test('what is nowhere beneath the addresses of the runtime is said in the same way', async () => {
  for (const [method, path, status] of [
    ['GET', '/v1/nothing', 404],
    ['GET', '/sailor-support/nothing', 404],
    ['POST', `/v1/tasks/${flow}/steps/step_1`, 405],
  ] as const) {
    const answer = await house.ask(method, path);
    expect([answer.status, answer.body.errors[0].status]).toEqual([status, status]);
  }
});

test('a body of many steps is kept as it came, and one that is too large is refused', async () => {
  const node = (index: number, text: string) => ({ id: `step_${index}`, command: 'a/b:c', fields: { text } });
  const graph = (count: number, text: string) => ({
    graph: { nodes: Array.from({ length: count }, (_, index) => node(index, text)) },
  });
  const odd = "NUL \u0000, half \ud83d, quote ' and \\";
  const made = await house.ask('POST', '/flows', flowBody(workspace, {}, graph(300, odd)));
  expect(made.status, made.text.slice(0, 300)).toBe(201);
  const step = await house.ask('GET', `/v1/tasks/${made.body.data.id}/steps/step_299`);
  expect(step.body.config).toEqual({ text: odd });
  const large = await house.ask('POST', '/flows', flowBody(workspace, {}, graph(20, 'x'.repeat(60_000))));
  expect([large.status, large.body.errors[0].source]).toEqual([400, { pointer: '/data/attributes/graph' }]);
});
