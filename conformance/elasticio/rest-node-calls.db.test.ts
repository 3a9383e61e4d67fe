// Every call that the client of the vendor's runtime can make, asked of the client itself: three are about secrets and are
// answered, all others say in its words that there is nothing, and are not repeated.
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, parse } from 'node:path';
import connect from 'elasticio-rest-node';
import { afterAll, expect, test, vi } from 'vitest';
import { flowBody, openJsonApiHouse } from '../../testing/jsonapi-house.ts';
import { openWireTap } from './wire-tap.ts';

const house = await openJsonApiHouse();
const journal: string[] = [];
const platform = await openWireTap({ target: house.url, journal, name: (path) => path });
afterAll(async () => {
  vi.unstubAllEnvs();
  await platform.close();
  await house.close();
});

/** The platform around it: components and their repositories, teams, people, and its older way to run flows. */
const notHere = [
  'accounts.create: POST /v1/accounts/ 404',
  'accounts.list: GET /v1/accounts/ 404',
  'accounts.retrieve: GET /v1/accounts/x 405',
  'components.mine: GET /v1/components/mine 404',
  'components.public: GET /v1/components/public 404',
  'components.retrieve: GET /v1/components/x 404',
  'exec.schedule: POST /v1/exec/schedule 404',
  'exec.pollResult: GET /v1/exec/poll/x 404',
  'recipes.list: GET /v1/recipes/ 404',
  'recipes.retrieve: GET /v1/recipes/x 404',
  'recipes.activate: POST /v1/recipes/x 404',
  'repos.list: GET /v1/repos/ 404',
  'repos.retrieve: GET /v1/repos/x 404',
  'repos.create: POST /v1/repos/ 404',
  'repos.delete: DELETE /v1/repos/x 404',
  'repos.retrieveEnvVars: GET /v1/repos/x/env/ 404',
  'repos.updateEnvVars: PUT /v1/repos/x/env/ 404',
  's3.createSignedUrl: POST /v1/resources/s3/signed-url 404',
  'sshkeys.list: GET /v1/sshkey/ 404',
  'sshkeys.create: POST /v1/sshkey/ 404',
  'sshkeys.delete: DELETE /v1/sshkey/x 404',
  'storage.createSignedUrl: POST /v2/resources/storage/signed-url 404',
  'tasks.start: POST /v1/tasks/start/x 404',
  'tasks.stop: POST /v1/tasks/stop/x 404',
  'tasks.suspend: POST /v1/tasks/suspend/x 404',
  'tasks.create: POST /v1/tasks/ 404',
  'tasks.delete: DELETE /v1/tasks/x 404',
  'teams.list: GET /v1/teams/ 404',
  'teams.create: POST /v1/teams/ 404',
  'topics.list: GET /v2/workspaces/x/topics/ 404',
  'topics.getOne: GET /v2/workspaces/x/topics/x 404',
  'users.me: GET /v1/users/ 404',
  'users.create: POST /v1/users/ 404',
  'users.delete: DELETE /v1/users/x 404',
];

type Call = (...args: readonly unknown[]) => Promise<unknown>;

function openClient() {
  vi.stubEnv('ELASTICIO_API_URI', `${platform.url}/`);
  return connect('task-1', house.ownerToken);
}

test('secret, step and keys are answered', async () => {
  const client = openClient();
  const workspaceId = house.rooms.customer.id;
  const secret = await house.makeSecret(await house.makeClient());
  const flow = await house.ask('POST', '/flows', flowBody(workspaceId, { secret_id: secret.id }));
  const flowId = flow.body.data.id;
  expect(await client.secrets.retrieve(workspaceId, secret.id)).toMatchObject({
    data: { id: secret.id, attributes: { credentials: { access_token: secret.accessToken } } },
  });
  expect(await client.tasks.retrieveStep(flowId, 'step_1')).toMatchObject({
    config: { secretId: secret.id },
  });
  await client.accounts.update(secret.id, { keys: { oauth: { access_token: 'newer' } } });
  expect(await client.secrets.retrieve(workspaceId, secret.id)).toMatchObject({
    data: { attributes: { credentials: { access_token: 'newer' } } },
  });
  expect(journal.splice(0).map((line) => line.replace(/[0-9a-f-]{36}/g, '{}'))).toEqual([
    'GET /v2/workspaces/{}/secrets/{} 200',
    'GET /v1/tasks/{}/steps/step_1 200',
    'PUT /v1/accounts/{} 200',
    'GET /v2/workspaces/{}/secrets/{} 200',
  ]);
});

test('all its other calls find nothing, once', async () => {
  const answers: string[] = [];
  for (const [name, call] of await allCalls()) {
    if (['secrets.retrieve', 'tasks.retrieveStep', 'accounts.update'].includes(name)) continue;
    await expect(callWithEnough(call), name).rejects.toMatchObject({
      statusCode: expect.any(Number),
      message: expect.stringMatching(/^\{"errors":\[\{.*"title":"[A-Z]/),
    });
    answers.push(...journal.splice(0).map((line) => `${name}: ${line}`));
  }
  expect(answers).toEqual(notHere);
});

/**
 * By file and name. Each from its own file: called as sailors call it, the client lays itself out in the global object, where
 * nobody can tell what else is its own.
 */
async function allCalls(): Promise<readonly (readonly [string, Call])[]> {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('elasticio-rest-node')), 'resources');
  const client = { _api: { user: 'task-1', password: house.ownerToken, basePath: platform.url } };
  const files = (await readdir(folder)).toSorted();
  return files.flatMap((file) => {
    const Resource = require(join(folder, file)) as new (owner: object) => Readonly<Record<string, unknown>>;
    const resource = new Resource(client);
    const own = Object.entries(Object.getPrototypeOf(resource)).filter(
      ([, call]) => call instanceof Function,
    );
    return own.map(([name, call]) => [`${parse(file).name}.${name}`, (call as Call).bind(resource)] as const);
  });
}

/** Parameters of the path come first; how many there are only the call knows. */
async function callWithEnough(call: Call): Promise<unknown> {
  for (let count = 0; ; count += 1) {
    try {
      return await call(...Array.from({ length: count }, () => 'x'));
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('Missing value')) throw error;
    }
  }
}
