// The colours of connections: what runs teach about them, and what they do not.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixed, probeConnection, probeYaml, variable } from '../../testing/probe-flow.ts';
import { serviceKey } from '../../testing/runner-acts.ts';
import { openRunnerHouse, type RunnerHouse, type RunnerProcess } from '../../testing/runner-house.ts';
import type { Credential } from '../credentials/credential.ts';
import { disconnectGrant } from '../credentials/disconnect.ts';
import { updateCredential } from '../credentials/update-credential.ts';
import type { Instance } from '../integrations/instance.ts';
import type { Integration } from '../integrations/integration.ts';
import { Plain } from '../kernel/plain.ts';

let rooms: RunnerHouse;
let worker: RunnerProcess;
let integration: Integration;
beforeAll(async () => {
  rooms = await openRunnerHouse();
  await rooms.publishProbe();
  worker = await rooms.process();
  const url = fixed(`${rooms.service.url}/api`);
  integration = await rooms.publish(
    probeYaml({
      variables: [
        probeConnection('Account', 'oauth2'),
        probeConnection('Second', 'apiKey'),
        probeConnection('Unused', 'apiKey', { required: false }),
      ],
      steps: [
        { name: 'First', action: 'call', inputs: { url, connection: variable('Account') } },
        { name: 'Second', action: 'call', inputs: { url, connection: variable('Second') } },
      ],
    }),
  );
});
afterAll(() => rooms.close());

async function configured(
  account: { readonly id: unknown } | null = null,
  second: { readonly id: unknown } | null = null,
): Promise<Instance> {
  const oauth = account ?? (await rooms.oauthCredential()).credential;
  const key = second ?? (await rooms.apiKeyCredential());
  const unused = await rooms.apiKeyCredential();
  return await rooms.instanceOf(integration, {
    settings: [
      { key: 'Account', credentialId: oauth.id as never },
      { key: 'Second', credentialId: key.id as never },
      { key: 'Unused', credentialId: unused.id },
    ],
  });
}

async function run(instance: Instance, how: 'trigger' | 'test' = 'trigger') {
  const { executionId } = await (how === 'trigger' ? rooms.trigger(instance) : rooms.test(instance));
  await rooms.work(worker);
  return await rooms.see(executionId);
}

const yellow = { status: 'configured', reason: null };
const green = { status: 'healthy', reason: null };

test('success turns the connections that were used green, and no other', async () => {
  const instance = await configured();
  expect(await rooms.colours(instance)).toEqual({ account: yellow, second: yellow, unused: yellow });
  expect((await run(instance)).status).toBe('succeeded');
  expect(await rooms.colours(instance)).toEqual({ account: green, second: green, unused: yellow });
  expect((await rooms.connectionLog(instance, 'account')).map((line) => line.code)).toContain(
    'connection_healthy',
  );
});

test('a connection error turns that connection red with a line in its log; the next success turns it green', async () => {
  const bad = await rooms.apiKeyCredential({ key: 'planted-bad-key-1234' });
  const instance = await configured(null, bad);
  const execution = await run(instance);
  expect(execution).toMatchObject({ status: 'failed', error: expect.stringContaining('Step "Second"') });
  // The first connection worked, but only a whole execution that succeeded makes green.
  const red = { status: 'error', reason: 'The service refused Bearer [redacted] (401).' };
  expect(await rooms.colours(instance)).toEqual({ account: yellow, second: red, unused: yellow });
  const [line] = await rooms.connectionLog(instance, 'second');
  expect(line).toMatchObject({
    severity: 'error',
    code: 'connection_error',
    executionId: execution.id,
    message: 'The service refused Bearer [redacted] (401).',
  });
  const good = await rooms.apiKeyCredential();
  await rooms.change(instance, { settings: [{ key: 'Second', credentialId: good.id }] });
  expect((await rooms.colours(instance)).second).toEqual(yellow);
  await run(instance);
  expect(await rooms.colours(instance)).toMatchObject({ account: green, second: green });
});

test('a test run changes no colour, neither by success nor by a connection error', async () => {
  const good = await configured();
  expect(await run(good, 'test')).toMatchObject({ status: 'succeeded', kind: 'test' });
  expect(await rooms.colours(good)).toEqual({ account: yellow, second: yellow, unused: yellow });
  const bad = await configured(null, await rooms.apiKeyCredential({ key: 'planted-bad-key-1234' }));
  expect(await run(bad, 'test')).toMatchObject({ status: 'failed' });
  expect(await rooms.colours(bad)).toEqual({ account: yellow, second: yellow, unused: yellow });
  expect((await rooms.connectionLog(bad, 'second')).map((line) => line.code)).not.toContain(
    'connection_error',
  );
});

test('an account that must be connected again fails the step before its code runs, with a reason and a log line', async () => {
  const { credential } = await rooms.oauthCredential();
  const instance = await configured(credential);
  await rooms.house.doors.withTenant(rooms.house.tenant, (tx) =>
    disconnectGrant({ tx, vault: rooms.house.vault, actor: rooms.house.owner, credentialId: credential.id }),
  );
  const calls = rooms.service.shown.length;
  const execution = await run(instance);
  expect(execution).toMatchObject({
    status: 'failed',
    error: 'Step "First": Account: The account was disconnected. Connect the account (again).',
  });
  expect(rooms.service.shown.length).toBe(calls);
  const log = await rooms.connectionLog(instance, 'account');
  expect(log.find((line) => line.code === 'connection_error')).toMatchObject({
    severity: 'error',
    executionId: execution.id,
  });
});

test('one credential bound to two instances has two colours', async () => {
  const { credential } = await rooms.oauthCredential();
  const one = await configured(credential);
  const other = await configured(credential);
  await run(one);
  expect((await rooms.colours(one)).account).toEqual(green);
  expect((await rooms.colours(other)).account).toEqual(yellow);
});

test.each([
  [
    'another credential was bound',
    async (instance: Instance) => {
      const { id } = await rooms.apiKeyCredential();
      await rooms.change(instance, { settings: [{ key: 'Account', credentialId: id }] });
    },
  ],
  [
    'another key was typed in',
    async (_instance: Instance, credential: Credential) => {
      const values = new Map([['api_key', Plain.fromText(serviceKey)]]);
      const { doors, vault, owner, tenant } = rooms.house;
      await doors.withTenant(tenant, (tx) =>
        updateCredential({ tx, vault, actor: owner, id: credential.id, values }),
      );
    },
  ],
] as const)('what a run learned is not said of what came meanwhile: %s', async (_what, change) => {
  const url = (path: string) => fixed(`${rooms.service.url}/${path}`);
  const gated = await rooms.publish(
    probeYaml({
      variables: [probeConnection('Account', 'apiKey')],
      steps: [
        { name: 'Use', action: 'call', inputs: { url: url('api'), connection: variable('Account') } },
        { name: 'Gate', action: 'call', inputs: { url: url('gate') } },
      ],
    }),
  );
  const credential = await rooms.apiKeyCredential();
  const instance = await rooms.instanceOf(gated, {
    settings: [{ key: 'Account', credentialId: credential.id }],
  });
  rooms.service.shut();
  await rooms.trigger(instance);
  const working = rooms.work(worker);
  await rooms.service.whenWaiting(1);
  await change(instance, credential);
  rooms.service.open();
  await working;
  expect(await rooms.colours(instance)).toEqual({ account: yellow });
});

test('an execution that goes on after a connection error succeeds, and leaves that connection red', async () => {
  const url = fixed(`${rooms.service.url}/api`);
  const tolerant = await rooms.publish(
    probeYaml({
      variables: [probeConnection('Good', 'apiKey'), probeConnection('Bad', 'apiKey')],
      steps: [
        {
          name: 'One',
          action: 'call',
          inputs: { url, connection: variable('Bad') },
          errorConfig: { errorHandlerType: 'ignore' },
        },
        { name: 'Other', action: 'call', inputs: { url, connection: variable('Good') } },
        { name: 'Look', action: 'look', inputs: { connection: variable('Bad') } },
      ],
    }),
  );
  const instance = await rooms.instanceOf(tolerant, {
    settings: [
      { key: 'Good', credentialId: (await rooms.apiKeyCredential()).id },
      { key: 'Bad', credentialId: (await rooms.apiKeyCredential({ key: 'planted-bad-key-1234' })).id },
    ],
  });
  expect((await run(instance)).status).toBe('succeeded');
  expect(await rooms.colours(instance)).toMatchObject({ good: green, bad: { status: 'error' } });
});
