import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoClient } from '../../providers/client-registry.ts';
import { fixed, probeConnection, probeYaml, result, variable } from '../../testing/probe-flow.ts';
import { serviceKey } from '../../testing/runner-acts.ts';
import {
  openRunnerHouse,
  publicUrl,
  type RunnerHouse,
  type RunnerProcess,
} from '../../testing/runner-house.ts';
import { triggerUrl } from './trigger-address.ts';

let rooms: RunnerHouse;
let worker: RunnerProcess;
beforeAll(async () => {
  rooms = await openRunnerHouse();
  await rooms.publishProbe();
  worker = await rooms.process();
});
afterAll(() => rooms.close());

test('a trigger runs the flow: the call, files and results reach later steps as they were given', async () => {
  const integration = await rooms.publish(
    probeYaml({
      variables: [{ key: 'Folder', dataType: 'string', defaultValue: '/in' }],
      steps: [
        { name: 'Read Body', action: 'echo', inputs: { value: result('hook.results.body.data.list[1]') } },
        { name: 'File', action: 'file' },
        {
          name: 'All',
          action: 'echo',
          inputs: {
            value: result('file.results'),
            text: { type: 'template', value: '{{#Folder}}/{{$readBody.results.value.name}}' },
          },
        },
      ],
    }),
  );
  const instance = await rooms.instanceOf(integration);
  const { executionId } = await rooms.trigger(instance, {
    payload: {
      headers: {
        'x-one': '1',
        authorization: 'Bearer planted-caller-secret',
        'api-key': 'planted-trigger-key',
      },
      query: { q: 'two' },
      body: Buffer.from(JSON.stringify({ list: [0, { name: 'photo' }] })),
      contentType: 'application/json; charset=utf-8',
    },
  });
  expect((await rooms.see(executionId)).status).toBe('queued');
  await rooms.work(worker);
  expect(await rooms.see(executionId)).toMatchObject({ status: 'succeeded', error: null, kind: 'trigger' });
  const steps = await rooms.steps(executionId);
  expect(steps.map((step) => [step.position, step.stepName, step.status, step.contentType])).toEqual([
    [0, 'Hook', 'succeeded', null],
    [1, 'Read Body', 'succeeded', null],
    [2, 'File', 'succeeded', 'application/x-bytes'],
    [3, 'All', 'succeeded', null],
  ]);
  const hook = (await rooms.dataOf(executionId, 0)) as Record<string, unknown>;
  expect(hook).toMatchObject({
    headers: { 'x-one': '1' },
    queryParameters: { q: 'two' },
    body: { data: { list: [0, { name: 'photo' }] } },
    customer: { name: 'Hooli', externalId: 'hooli' },
    invokeUrl: triggerUrl(publicUrl, {
      tenant: instance.tenantId,
      flowId: instance.flows[0]?.id ?? ('' as never),
    }),
  });
  expect(JSON.stringify(hook)).not.toContain('planted-');
  expect(await rooms.dataOf(executionId, 3)).toEqual({
    mode: 'plain',
    text: '/in/photo',
    value: Buffer.from([0, 1, 254, 255]),
  });
});

test('a step gets its connection with a fresh token, and neither refresh token nor client secret', async () => {
  const integration = await rooms.publish(
    probeYaml({
      variables: [
        probeConnection('Account', 'oauth2'),
        probeConnection('Spare', 'apiKey', { required: false }),
      ],
      steps: [
        {
          name: 'Look',
          action: 'look',
          inputs: { connection: variable('Account'), spare: variable('Spare') },
        },
        {
          name: 'Call',
          action: 'call',
          inputs: { url: fixed(`${rooms.service.url}/api`), connection: variable('Account') },
        },
      ],
    }),
  );
  // Too little life left for a step: it is refreshed before the step gets it.
  const { credential, accessToken } = await rooms.oauthCredential({ expiresInSeconds: 15 });
  const instance = await rooms.instanceOf(integration, {
    settings: [{ key: 'Account', credentialId: credential.id }],
  });
  const { executionId } = await rooms.trigger(instance);
  await rooms.work(worker);
  expect(await rooms.see(executionId)).toMatchObject({ status: 'succeeded', error: null });
  const { context, params } = (await rooms.dataOf(executionId, 1)) as {
    context: Record<string, unknown>;
    params: { connection: { fields: Record<string, string>; token: Record<string, string> }; spare: unknown };
  };
  expect(params.spare).toBeNull();
  expect(params.connection).toMatchObject({
    key: 'oauth2',
    configVarKey: 'Account',
    fields: { clientId: demoClient.client_id, tokenUrl: `${rooms.emulator.url}/token` },
    token: { token_type: 'Bearer' },
  });
  const shown = JSON.stringify(params);
  expect(shown).not.toContain('refresh_token');
  expect(Object.keys(params.connection.fields)).not.toContain('clientSecret');
  const token = params.connection.token.access_token ?? '';
  expect(token).not.toBe(accessToken);
  expect(rooms.emulator.isLiveAccessToken(token)).toBe(true);
  expect(rooms.service.shown.at(-1)).toBe(`Bearer ${token}`);
  expect(context).toMatchObject({
    executionId,
    instance: { id: instance.id, name: 'Instance' },
    flow: { name: 'Flow 1', stableId: 'Flow 1' },
    integration: { id: integration.id, name: 'Probing', versionSequenceId: '1' },
    executionFrame: { stepName: 'Look', componentActionKey: 'look', executionId },
    webhookUrls: { 'Flow 1': expect.stringContaining(`${publicUrl}/trigger/`) },
  });
});

test('what a step was given to read is in the audit trail, by its instance', async () => {
  const integration = await rooms.publish(
    probeYaml({
      variables: [probeConnection('Account', 'oauth2')],
      steps: ['One', 'Two'].map((name) => ({
        name,
        action: 'echo',
        inputs: { value: fixed('x'), connection: variable('Account') },
      })),
    }),
  );
  const { credential } = await rooms.oauthCredential();
  const instance = await rooms.instanceOf(integration, {
    settings: [{ key: 'Account', credentialId: credential.id }],
  });
  const { executionId } = await rooms.trigger(instance);
  await rooms.work(worker);
  expect(await rooms.see(executionId)).toMatchObject({ status: 'succeeded' });
  await rooms.readAudit.flush();
  const { doors, tenant } = rooms.house;
  const events = await doors.withTenant(tenant, (tx) =>
    tx
      .selectFrom('audit_event')
      .select(['actor_kind', 'actor_name', 'object_kind', 'detail'])
      .where('action', '=', 'credential.read')
      .where('object_id', '=', credential.id)
      .execute(),
  );
  expect(events).toEqual([
    {
      actor_kind: 'step',
      actor_name: `instance ${instance.id}`,
      object_kind: 'credential',
      detail: { count: 2 },
    },
  ]);
});

test('secrets of a connection are kept out of logs and errors', async () => {
  const integration = await rooms.publish(
    probeYaml({
      variables: [probeConnection('Account', 'apiKey')],
      steps: [
        {
          name: 'Call',
          action: 'call',
          inputs: { url: fixed(`${rooms.service.url}/api`), connection: variable('Account') },
        },
      ],
    }),
  );
  const key = 'planted-wrong-key-0815';
  const credential = await rooms.apiKeyCredential({ key });
  const instance = await rooms.instanceOf(integration, {
    settings: [{ key: 'Account', credentialId: credential.id }],
  });
  const { executionId } = await rooms.trigger(instance);
  await rooms.work(worker);
  expect(rooms.service.shown.at(-1)).toBe(`Bearer ${key}`);
  const execution = await rooms.see(executionId);
  expect(execution).toMatchObject({
    status: 'failed',
    error: 'Step "Call": The service refused Bearer [redacted] (401).',
  });
  const logs = await rooms.logsOf(executionId);
  expect(logs.map((line) => [line.severity, line.message, line.stepName])).toEqual([
    [30, 'calling with Bearer [redacted]', 'Call'],
    [50, 'The service refused Bearer [redacted] (401).', 'Call'],
  ]);
  expect(JSON.stringify([execution, logs, await rooms.steps(executionId)])).not.toContain(key);
});

test('a component of the first generation finds its credential in its context', async () => {
  const integration = await rooms.publish(
    probeYaml({
      variables: [{ key: 'Login', dataType: 'credential', credentialTypes: ['apiKey', 'basic'] }],
      steps: [
        {
          name: 'Old',
          action: 'legacy',
          credential: 'Login',
          inputs: { url: fixed(`${rooms.service.url}/gate`) },
        },
      ],
    }),
  );
  rooms.service.open();
  const credential = await rooms.apiKeyCredential();
  const instance = await rooms.instanceOf(integration, {
    settings: [{ key: 'Login', credentialId: credential.id }],
  });
  const { executionId } = await rooms.trigger(instance);
  await rooms.work(worker);
  rooms.service.shut();
  expect(await rooms.see(executionId)).toMatchObject({ status: 'succeeded', error: null });
  const { credential: given, answer } = (await rooms.dataOf(executionId, 1)) as Record<string, object>;
  expect(Object.values(given ?? {})).toEqual(['api_key', { api_key: serviceKey }]);
  expect(answer).toEqual({ gate: 'open' });
  const { credential: oauth } = await rooms.oauthCredential();
  await expect(
    rooms.change(instance, { settings: [{ key: 'Login', credentialId: oauth.id }] }),
  ).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'Login',
  });
});

test('what steps keep is there for the next execution, sealed, and per flow or for the whole instance', async () => {
  const steps = [
    { name: 'Count', action: 'count' },
    { name: 'Again', action: 'count' },
  ];
  const integration = await rooms.publish(
    probeYaml({
      flows: [
        { name: 'One', steps },
        { name: 'Two', steps },
      ],
    }),
  );
  const instance = await rooms.instanceOf(integration);
  const counts: unknown[] = [];
  for (const flowKey of ['One', 'One', 'Two']) {
    const { executionId } = await rooms.trigger(instance, { flowKey });
    await rooms.work(worker);
    counts.push(await rooms.dataOf(executionId, 2));
  }
  expect(counts).toEqual([
    { flow: 2, instance: 2, execution: 2 },
    { flow: 4, instance: 4, execution: 2 },
    { flow: 2, instance: 6, execution: 2 },
  ]);
});

test('the author decides what a failing step means: stop, go on, or try again', async () => {
  const url = fixed(`${rooms.service.url}/api`);
  const failing = { name: 'Bad', action: 'fail', inputs: { message: fixed('No luck.') } };
  const integration = await rooms.publish(
    probeYaml({
      flows: [
        { name: 'Stop', steps: [failing, { name: 'Then', action: 'file' }] },
        {
          name: 'Go on',
          steps: [
            { ...failing, errorConfig: { errorHandlerType: 'ignore' } },
            { name: 'Then', action: 'file' },
          ],
        },
        {
          name: 'Again',
          steps: [
            {
              name: 'Call',
              action: 'call',
              inputs: { url },
              errorConfig: { errorHandlerType: 'retry', maxAttempts: 2, delaySeconds: 0 },
            },
          ],
        },
      ],
    }),
  );
  const instance = await rooms.instanceOf(integration);
  const run = async (flowKey: string) => {
    const { executionId } = await rooms.trigger(instance, { flowKey });
    await rooms.work(worker);
    const { status, error } = await rooms.see(executionId);
    return { status, error, steps: (await rooms.steps(executionId)).map((step) => step.status), executionId };
  };
  expect(await run('Stop')).toMatchObject({
    status: 'failed',
    error: 'Step "Bad": No luck.',
    steps: ['succeeded', 'failed'],
  });
  expect(await run('Go on')).toMatchObject({
    status: 'succeeded',
    error: null,
    steps: ['succeeded', 'failed', 'succeeded'],
  });
  const before = rooms.service.shown.length;
  const again = await run('Again');
  expect(again).toMatchObject({ status: 'failed', steps: ['succeeded', 'failed'] });
  expect(rooms.service.shown.length - before).toBe(3);
  const warnings = (await rooms.logsOf(again.executionId)).filter((line) => line.severity === 40);
  expect(warnings.map((line) => line.message)).toEqual([
    expect.stringContaining('Trying again in 0 s (1 of 2).'),
    expect.stringContaining('Trying again in 0 s (2 of 2).'),
  ]);
});

test.each([
  ['crash', 'Step "Odd": The component ended its process (exit code 3).'],
  ['hang', 'Step "Odd": The step took longer than 2 s and was stopped.'],
])('a step that ends by %s fails its execution and nothing else', async (action, error) => {
  const impatient = await rooms.process({ stepTimeoutMs: 2_000 });
  const integration = await rooms.publish(probeYaml({ steps: [{ name: 'Odd', action }] }));
  const instance = await rooms.instanceOf(integration);
  const { executionId } = await rooms.trigger(instance);
  await rooms.work(impatient);
  expect(await rooms.see(executionId)).toMatchObject({ status: 'failed', error });
});

test('a reference that leads nowhere fails its step, and says how far it led', async () => {
  const integration = await rooms.publish(
    probeYaml({
      steps: [{ name: 'Read', action: 'echo', inputs: { value: result('hook.results.body.data.absent') } }],
    }),
  );
  const instance = await rooms.instanceOf(integration);
  const { executionId } = await rooms.trigger(instance, {
    payload: { body: Buffer.from('{"a":1}'), contentType: 'application/json' },
  });
  await rooms.work(worker);
  const { error } = await rooms.see(executionId);
  expect(error).toContain('Step "Read"');
  expect(error).toContain('"hook.results.body.data" has no such part');
});
