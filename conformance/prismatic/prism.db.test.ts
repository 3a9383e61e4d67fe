// The real, unmodified `prism` command line against our /api: what its users type, in the order in which they type it.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseGlobalId, toGlobalId } from '../../src/faces/graphql/global-id.ts';
import type { ExecutionId } from '../../src/kernel/ids.ts';
import { acmeYaml, storeAcmeComponent } from '../../testing/acme-component.ts';
import { finishExecution } from '../../testing/finish-execution.ts';
import { type GraphqlHouse, openGraphqlHouse } from '../../testing/graphql-house.ts';

const manifest = createRequire(import.meta.url).resolve('@prismatic-io/prism/package.json');
const program = join(dirname(manifest), 'lib', 'run.js');

let api: GraphqlHouse;
let home: string;
const ids: Record<string, string> = {};

beforeAll(async () => {
  api = await openGraphqlHouse();
  home = await mkdtemp(join(tmpdir(), 'latchkey-prism-'));
  await storeAcmeComponent(api.rooms.doors, api.rooms.owner);
});
afterAll(async () => {
  await api.close();
  await rm(home, { recursive: true, force: true });
});

type Run = { readonly code: number; readonly out: string; readonly err: string };

function prism(...args: readonly string[]): Promise<Run> {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    PRISM_CONFIG_FILE: join(home, 'config.yml'),
    PRISMATIC_URL: api.url,
    PRISM_ACCESS_TOKEN: api.ownerToken,
    // Its plugin asks the registry for a newer version otherwise.
    PRISM_SKIP_NEW_VERSION_CHECK: 'true',
    NO_COLOR: '1',
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, ...args],
      { env, cwd: home, timeout: 120_000 },
      (error, out, err) => {
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1,
          out: out.trim(),
          err,
        });
      },
    );
  });
}

async function succeed(...args: readonly string[]): Promise<string> {
  const run = await prism(...args);
  expect(run.code, `prism ${args.join(' ')}: ${run.err}`).toBe(0);
  return run.out;
}

describe('prism', { timeout: 300_000 }, () => {
  test('me shows who the token belongs to', async () => {
    expect(await succeed('me')).toContain('Acme owner');
  });

  test('customers are made, changed, listed and deleted', async () => {
    const id = await succeed(
      'customers:create',
      '-n',
      'Pied Piper',
      '-e',
      'pp',
      '-l',
      'one',
      '-d',
      'Compression',
    );
    expect(parseGlobalId(id)?.type).toBe('Customer');
    await succeed('customers:update', id, '-n', 'Pied Piper Inc.');
    const rows = JSON.parse(await succeed('customers:list', '-x', '--output', 'json'));
    expect(rows).toContainEqual(
      expect.objectContaining({ name: 'Pied Piper Inc.', externalId: 'pp', description: 'Compression' }),
    );
    await succeed('customers:delete', id);
  });

  test('an integration is imported from its file and published', async () => {
    const file = join(home, 'things.yml');
    await writeFile(file, acmeYaml);
    ids.integration = (await succeed('integrations:import', '-p', file)).split('\n').at(-1) ?? '';
    expect(parseGlobalId(ids.integration)?.type).toBe('Integration');
    ids.version = await succeed('integrations:publish', ids.integration, '-c', 'First');
    expect(parseGlobalId(ids.version)?.type).toBe('Integration');
  });

  test('a file with a mistake is refused with the place of it', async () => {
    const file = join(home, 'broken.yml');
    await writeFile(file, acmeYaml.replace('key: list }', 'key: lits }'));
    const run = await prism('integrations:import', '-p', file, '-i', ids.integration ?? '');
    expect(run.code).not.toBe(0);
    expect(run.err).toMatch(/flows\[0\]\.steps\[1\]\.action/);
  });

  test('an instance is made with a stored credential, deployed, enabled and listed', async () => {
    const customer = toGlobalId('Customer', api.rooms.customer.id);
    const methods = JSON.parse(
      await succeed('graphql:query', '{ authorizationMethods { nodes { id key } } }', '-o', 'json'),
    );
    const nodes = JSON.stringify(methods);
    const method = /"id":"([^"]+)","key":"oauth2"/.exec(nodes)?.[1] ?? '';
    const made = await api.ask(
      `mutation($c: ID!, $m: ID!, $v: [InputCredentialFieldValue]) { createCustomerCredential(input: {customer: $c, label: "Acme", authorizationMethod: $m, values: $v}) { credential { id } } }`,
      {
        c: customer,
        m: method,
        v: Object.entries({
          client_id: 'id',
          client_secret: 'secret',
          auth_uri: 'https://acme.example.com/authorize',
          token_uri: 'https://acme.example.com/token',
        }).map(([key, value]) => ({ key, value })),
      },
    );
    const credential = made.data.createCustomerCredential.credential.id;
    const variables = JSON.stringify([{ key: 'Acme Connection', value: credential }]);
    const instance = await succeed(
      ...[
        'instances:create',
        '-n',
        'Things of Hooli',
        '-i',
        ids.version ?? '',
        '-c',
        customer,
        '-v',
        variables,
      ],
    );
    ids.instance = instance;
    await succeed('instances:deploy', instance);
    await succeed('instances:enable', instance);
    const rows = JSON.parse(await succeed('instances:list', '-c', customer, '-x', '--output', 'json'));
    expect(rows).toMatchObject([{ id: instance, name: 'Things of Hooli' }]);
    const bound = await api.ask(
      'query($id: ID!) { instance(id: $id) { configVariables(first: 1) { nodes { value } } } }',
      {
        id: instance,
      },
    );
    expect(bound.data.instance.configVariables.nodes).toEqual([{ value: credential }]);
  });

  test('a flow is tested by hand and its step’s result is fetched', async () => {
    const flows = await api.ask('query($id: ID!) { instance(id: $id) { flowConfigs { nodes { id } } } }', {
      id: ids.instance,
    });
    await succeed(
      'instances:flow-configs:test',
      flows.data.instance.flowConfigs.nodes[0].id,
      '-p',
      '{"a":1}',
    );
    const list = await api.ask('{ executionResults(first: 1) { nodes { id } } }');
    const execution = list.data.executionResults.nodes[0].id;
    await finishExecution(api.rooms, parseGlobalId(execution)?.id as ExecutionId);
    const output = join(home, 'result.json');
    await succeed('executions:step-result:get', '-e', execution, '-s', 'List Things', '-p', output);
    expect(JSON.parse(await readFile(output, 'utf8'))).toEqual({ things: [1, 2] });
  });
});
