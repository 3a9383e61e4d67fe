// Every address that both generations of the vendor's component library know, taken from their own sources: each is answered
// here, or is named below as one that is not. An address that a new release brings fails this test until it is one or the other.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PlatformApiLogicClient as Current } from '@elastic.io/component-commons-library';
import { PlatformApiLogicClient as Before } from 'component-commons-library-3';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { flowBody, type JsonApiHouse, openJsonApiHouse, secretBody } from '../../testing/jsonapi-house.ts';
import { openWireTap, type WireTap } from './wire-tap.ts';

/** Components as the platform stores and builds them, and messages that it has kept: nothing of that is about secrets. */
const notHere = ['GET /components?contract_id={}', 'GET /data-samples/{}'];

const logger = { debug() {}, info() {}, error() {}, trace() {}, warn() {} };
const library = (name: string) =>
  createRequire(import.meta.url)
    .resolve(name)
    .replace('index.js', 'platformApi/PlatformApiLogicClient.js');

const generations = [
  {
    version: '4.0.3',
    source: library('@elastic.io/component-commons-library'),
    open: (cfg: object) => new Current({ logger }, cfg, 'my-comp/1.0.0', 'message'),
  },
  {
    version: '3.2.2',
    source: library('component-commons-library-3'),
    open: (cfg: object) => new Before({ logger }, cfg, 'my-comp/1.0.0', 'message'),
  },
];

const house: JsonApiHouse = await openJsonApiHouse();
const journal: string[] = [];
const platform: WireTap = await openWireTap({ target: house.url, journal, name: decodeURIComponent });
afterAll(async () => {
  await platform.close();
  await house.close();
});
beforeEach(() => {
  journal.length = 0;
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** A workspace with a secret, and three flows that use it. */
async function furnish() {
  const contractId = house.rooms.customer.id;
  const workspace = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: `Flows ${crypto.randomUUID()}` },
      relationships: { contract: { data: { id: contractId, type: 'contract' } } },
    },
  });
  const { id: workspaceId, attributes } = workspace.body.data;
  const clientId = await house.makeClient();
  const given = await house.makeSecret(clientId);
  const tokens = { access_token: given.accessToken, refresh_token: given.refreshToken };
  const secret = await house.ask('POST', `/workspaces/${workspaceId}/secrets`, secretBody(clientId, tokens));
  const secretId: string = secret.body.data.id;
  for (const name of ['One', 'Two', 'Three']) {
    const body = flowBody(workspaceId, { secret_id: secretId, credentials_id: secretId }, { name });
    expect((await house.ask('POST', '/flows', body)).status).toBe(201);
  }
  return { contractId, workspaceId, workspaceName: attributes.name, secretId, token: given.accessToken };
}

describe.each(generations)('commons library $version', ({ source, open }) => {
  test('every address in its source is answered', async () => {
    const { contractId, workspaceId, workspaceName, secretId, token } = await furnish();
    vi.stubEnv('ELASTICIO_API_URI', platform.url);
    vi.stubEnv('ELASTICIO_API_USERNAME', 'task-1');
    vi.stubEnv('ELASTICIO_API_KEY', house.ownerToken);
    vi.stubEnv('ELASTICIO_WORKSPACE_ID', workspaceId);
    const task = open({});
    const user = open({ url: platform.url, email: 'someone@example.com', apiKey: house.ownerToken });

    const secret = await task.fetchSecretById({ secretId });
    expect(secret.attributes.credentials.access_token).toBe(token);
    const refreshed = await task.refreshTokenBySecretId({ secretId });
    expect(house.emulator.isLiveAccessToken(refreshed.attributes.credentials.access_token)).toBe(true);
    expect(await user.fetchAllSecretsForWorkspace({ workspaceId })).toEqual([
      { secretId, secretName: 'My account', componentIds: ['component-1'] },
    ]);
    expect(await user.fetchAllCredentialsForWorkspace({ workspaceId })).toEqual([
      { credentialId: secretId, credentialName: 'My account', componentId: 'component-1' },
    ]);

    const own = { contractId, contractName: 'Hooli', workspaceId, workspaceName };
    expect(await task.fetchWorkspaceList({})).toEqual([expect.objectContaining(own)]);
    expect(await user.fetchWorkspaceList({ objectsPerPage: 1 })).toContainEqual(expect.objectContaining(own));
    expect(await user.fetchWorkspaceId({ value: { workspaceName } })).toMatchObject(own);

    const names = async (flows: Promise<readonly { readonly flowName: string }[]>) =>
      (await flows).map(({ flowName }) => flowName).toSorted();
    expect(await names(task.fetchFlowList({ workspaceId }))).toEqual(['One', 'Three', 'Two']);
    expect(await names(user.fetchFlowList({}))).toEqual(expect.arrayContaining(['One', 'Three', 'Two']));
    expect(await task.fetchAllFlowsForWorkspace({ workspaceId, objectsPerPage: 2 })).toHaveLength(3);
    const flow = await task.fetchFlowByNameAndWorkspaceId('Two', workspaceId);
    expect(await task.fetchFlowId({ value: { flowName: 'Two' } })).toMatchObject({ id: flow.id });
    await task.startFlow(flow.id, { pollInterval: 10 });
    await task.stopFlow(flow.id, { pollInterval: 10 });
    const hydrated = await task.hydrateFlow({
      flow: await task.fetchFlowById(flow.id),
      includeDataSamples: true,
      removeNonWritableProperties: true,
    });
    expect(hydrated.attributes.graph.nodes).toMatchObject([
      {
        secret_id: { secretId, secretName: 'My account' },
        credentials_id: { credentialId: secretId, credentialName: 'My account' },
      },
    ]);

    const answered = journal.filter((line) => line.startsWith('POST ') || line.endsWith(' 200'));
    expect(answered).toEqual(journal);
    const addresses = await addressesIn(source);
    const unused = addresses.filter(({ pattern }) => !journal.some((line) => pattern.test(line)));
    expect(unused.map(({ address }) => address)).toEqual(notHere);
    const states = journal.filter((line) => /\/(start|stop) /.test(line));
    expect(states).toEqual([`POST /v2/flows/${flow.id}/start 202`, `POST /v2/flows/${flow.id}/stop 202`]);
  });

  test('what is not here is not there in its words, and asked for once', async () => {
    vi.stubEnv('ELASTICIO_API_URI', platform.url);
    vi.stubEnv('ELASTICIO_API_USERNAME', 'task-1');
    vi.stubEnv('ELASTICIO_API_KEY', house.ownerToken);
    const task = open({});
    await expect(task.fetchComponentsAccessibleFromContract({ contractId: 'c' })).rejects.toThrow(/404/);
    const flow = { attributes: { graph: { nodes: [{ selected_data_samples: ['s'] }] } } };
    await expect(task.hydrateFlow({ flow, includeDataSamples: true })).rejects.toThrow(
      /^Can't extract data sample with id: s\. Error: .*404/,
    );
    expect(journal).toEqual(['GET /v2/components?contract_id=c 404', 'GET /v2/data-samples/s 404']);
  });
});

/** As `GET /flows/{}`, and what a line of the journal looks like when it was called and answered. */
async function addressesIn(file: string) {
  const text = await readFile(file, 'utf8');
  const calls = [...text.matchAll(/this\.makeRequest\(\{([\s\S]*?)\}\)/g)].map(([, call = '']) => {
    const method = /method: '(\w+)'/.exec(call)?.[1] ?? '';
    const [, plain, filled = plain] = /url: (?:'([^']*)'|`([^`]*)`)/.exec(call) ?? [];
    const parts = `/${filled ?? ''}`.replace('//', '/').split(/\$\{[^}]*\}/);
    const path = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^/]+');
    return {
      address: `${method} ${parts.join('{}')}`,
      pattern: new RegExp(`^${method} /v2${path} 20[02]$`),
    };
  });
  expect(calls).toHaveLength(text.split('makeRequest(').length - 1);
  return calls;
}
