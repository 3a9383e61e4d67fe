// A real sailor at the start and at the end of its life, in a process of its own and without a queue: it asks us for its step,
// leaves what its component wants back, and gets it when the flow ends.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { PlatformApiLogicClient } from '@elastic.io/component-commons-library';
import connect from 'elasticio-rest-node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { flowBody, type JsonApiHouse, openJsonApiHouse } from '../../testing/jsonapi-house.ts';

const folder = fileURLToPath(new URL('hook-component', import.meta.url));
const shutdownProgram = createRequire(import.meta.url).resolve('elasticio-sailor-nodejs/run.js');

let house: JsonApiHouse;
let workspaceId: string;
let clientId: string;
/** What the key of a component may do, in the names of the dialect, and no more. */
let componentKey: string;
beforeAll(async () => {
  house = await openJsonApiHouse();
  const { rooms } = house;
  workspaceId = rooms.customer.id;
  clientId = await house.makeClient();
  const permissions = [
    'workspaces.auth_secret.get',
    'workspaces.auth_secret.get_credentials',
    'workspaces.auth_secret.refresh',
    'workspaces.credential.edit',
    'workspaces.flow.toggleStatus',
  ];
  const roles = [{ role: 'component', scope: 'contracts', permissions }];
  const body = { data: { type: 'tenant-policy', attributes: { roles } } };
  const made = await house.ask('PATCH', `/tenants/${rooms.organization.id}/roles`, body);
  expect(made.status, made.text).toBe(200);
  componentKey = await house.tokenOf(await rooms.addActor(rooms, rooms.customer.id, 'component'));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await house.close();
});

type Ended = { readonly code: number | null; readonly output: string };

async function runSailor(program: string, flowId: string, more: Record<string, string> = {}): Promise<Ended> {
  const settings = {
    FLOW_ID: flowId,
    STEP_ID: 'step_1',
    EXEC_ID: 'exec-1',
    CONTAINER_ID: 'container-1',
    WORKSPACE_ID: workspaceId,
    USER_ID: 'user-1',
    COMP_ID: 'component-1',
    FUNCTION: 'listen',
    API_URI: house.url,
    API_USERNAME: 'task-1',
    API_KEY: componentKey,
    AMQP_URI: 'amqp://127.0.0.1:1',
    LISTEN_MESSAGES_ON: 'in',
    PUBLISH_MESSAGES_TO: 'out',
    DATA_ROUTING_KEY: 'data',
    ERROR_ROUTING_KEY: 'error',
    REBOUND_ROUTING_KEY: 'rebound',
    SNAPSHOT_ROUTING_KEY: 'snapshot',
    MESSAGE_CRYPTO_IV: '0123456789abcdef',
    MESSAGE_CRYPTO_PASSWORD: 'password',
    ...more,
  };
  const env: Record<string, string | undefined> = { PATH: process.env.PATH };
  for (const [name, value] of Object.entries(settings)) env[`ELASTICIO_${name}`] = value;
  const child = spawn(process.execPath, [program], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, output };
}

const startProgram = `${folder}/start.mjs`;

async function makeFlow(node: Record<string, unknown>): Promise<string> {
  const made = await house.ask('POST', '/flows', flowBody(workspaceId, node));
  expect(made.status, made.text).toBe(201);
  return made.body.data.id;
}

test('a sailor finds its step with the id of its secret, and its component reads that', async () => {
  const secret = await house.makeSecret(clientId);
  const flowId = await makeFlow({ secret_id: secret.id, fields: { pageSize: 100 } });
  const { code, output } = await runSailor(startProgram, flowId);
  expect(output).toContain(
    `step ${JSON.stringify({
      config: { pageSize: 100, secretId: secret.id },
      snapshot: {},
      is_passthrough: true,
      variables: {},
    })}`,
  );
  expect(code).toBe(0);
});

test('what a component leaves at its start it gets back at its end, also after a start that was cut off', async () => {
  const flowId = await makeFlow({ fields: { subscription: 'first' } });
  const first = await runSailor(startProgram, flowId, { STARTUP_REQUIRED: '1' });
  expect(first, first.output).toMatchObject({ code: 0 });
  const graph = flowBody(workspaceId, { fields: { subscription: 'second' } }).data.attributes.graph;
  await house.ask('PATCH', `/flows/${flowId}`, { data: { type: 'flow', attributes: { graph } } });
  const second = await runSailor(startProgram, flowId, { STARTUP_REQUIRED: '1' });
  expect(second, second.output).toMatchObject({ code: 0 });
  const last = await runSailor(shutdownProgram, flowId, { HOOK_SHUTDOWN: '1' });
  expect(last.output).toContain('ended with {"subscription":"second"} and {"subscriptionId":"second"}');
  const left = await house.ask('GET', `/sailor-support/hooks/task/${flowId}/startup/data`);
  expect(left.status).toBe(404);
});

test('a component of the time before secrets has its keys in the step, and hands in newer ones', async () => {
  const secret = await house.makeSecret(clientId, { fields: { region: 'eu' } });
  const flowId = await makeFlow({ credentials_id: secret.id });
  const { code, output } = await runSailor(startProgram, flowId);
  expect(code, output).toBe(0);
  expect(output).toContain(`"_account":"${secret.id}"`);
  expect(output).toContain(secret.accessToken);
  expect(output).toContain('"region":"eu"');
  expect(output).not.toContain(secret.refreshToken);
  const after = await house.ask('GET', secret.path);
  expect(after.body.data.attributes.credentials.access_token).toBe('newer');
});

test('without its step a sailor says why and ends', async () => {
  const { code, output } = await runSailor(startProgram, '11111111-1111-4111-8111-111111111111');
  expect(code).toBe(1);
  expect(output).toContain('not_found');
});

test('the common library lists, starts and stops flows, and fills in what their ids mean', async () => {
  vi.stubEnv('ELASTICIO_API_URI', house.url);
  vi.stubEnv('ELASTICIO_API_USERNAME', 'task-1');
  vi.stubEnv('ELASTICIO_API_KEY', house.ownerToken);
  vi.stubEnv('ELASTICIO_WORKSPACE_ID', workspaceId);
  const made = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: 'Flows' },
      relationships: { contract: { data: { id: workspaceId, type: 'contract' } } },
    },
  });
  const other = made.body.data.id;
  const secrets = `/workspaces/${other}/secrets`;
  const attributes = { name: 'Account', credentials: { access_token: 'a' } };
  const relationships = { auth_client: { data: { id: clientId, type: 'auth-client' } } };
  const secret = await house.ask('POST', secrets, {
    data: { type: 'auth-secret', attributes, relationships },
  });
  const secretId = secret.body.data.id;
  for (const name of ['One', 'Two', 'Three']) {
    const body = flowBody(other, { secret_id: secretId, credentials_id: secretId }, { name });
    expect((await house.ask('POST', '/flows', body)).status).toBe(201);
  }
  const logger = { debug() {}, info() {}, error() {}, trace() {}, warn() {} };
  const platform = new PlatformApiLogicClient({ logger }, {}, 'my-comp/1.0.0', 'message');
  const flows = await platform.fetchAllFlowsForWorkspace({ workspaceId: other, objectsPerPage: 2 });
  expect(flows).toHaveLength(3);
  const flow = (await platform.fetchFlowByNameAndWorkspaceId('Two', other)) as { readonly id: string };
  await platform.startFlow(flow.id, { pollInterval: 10 });
  expect((await house.ask('DELETE', `${secrets}/${secretId}`)).status).toBe(409);
  await platform.stopFlow(flow.id, { pollInterval: 10 });
  const hydrated = await platform.hydrateFlow({ flow: await platform.fetchFlowById(flow.id) });
  expect(hydrated).toMatchObject({
    attributes: {
      graph: {
        nodes: [
          {
            secret_id: { secretId, secretName: 'Account' },
            credentials_id: { credentialId: secretId, credentialName: 'Account' },
            component_id: { componentId: 'component-1', componentDevTeam: 'team', componentName: 'crm' },
          },
        ],
      },
    },
  });
  expect(await connect().tasks.retrieveStep(flow.id, 'step_1')).toMatchObject({ config: { secretId } });
  expect((await house.ask('DELETE', `${secrets}/${secretId}`)).status).toBe(204);
  expect((await house.ask('POST', `/flows/${flow.id}/start`)).status).toBe(409);
});
