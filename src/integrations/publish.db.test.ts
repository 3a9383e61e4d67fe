// Drafts and versions: what an import refuses, what publishing fixes for ever, and where secrets of a file stay.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { probe, probeConnection, probeYaml } from '../../testing/probe-flow.ts';
import { openRunnerHouse, type RunnerHouse } from '../../testing/runner-house.ts';
import { selectConfigVariables } from '../connections/config-variable-store.ts';
import { createTemplate, getTemplate, updateTemplate } from '../connections/template.ts';
import type { IntegrationId } from '../kernel/ids.ts';
import { firstPage } from '../kernel/page.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { connectionTypesOf, findComponentVersion } from './component.ts';
import { deleteInstance } from './instance.ts';
import { getIntegration, importIntegration, keptDefaults, listIntegrations } from './integration.ts';
import { deleteIntegration } from './integration-delete.ts';
import { DefinitionFault } from './problems.ts';
import { publishIntegration } from './publish.ts';
import { exportYaml, getVersion, listVersions } from './version.ts';
import { parseDefinition } from './yaml.ts';

let rooms: RunnerHouse;
beforeAll(async () => {
  rooms = await openRunnerHouse();
  await rooms.publishProbe();
});
afterAll(() => rooms.close());

const within = <T>(work: (tx: Tx) => Promise<T>) => rooms.house.doors.withTenant(rooms.house.tenant, work);
const owner = () => ({ vault: rooms.house.vault, actor: rooms.house.owner });
const oneFile = [{ name: 'File', action: 'file' }];
const importYaml = (yaml: string, integrationId: IntegrationId | null = null) =>
  within((tx) => importIntegration({ tx, ...owner(), source: { yaml }, integrationId }));
const publish = (integrationId: IntegrationId, comment = '') =>
  within((tx) => publishIntegration({ tx, ...owner(), integrationId, comment }));

test('an import that refers to what is not there tells everything at once and stores nothing', async () => {
  const yaml = probeYaml({
    name: 'Wrong in many ways',
    variables: [
      probeConnection('Account', 'oauth2', { connection: { component: probe, key: 'nowhere' } }),
      probeConnection('Other', 'apiKey', {
        connection: { component: { ...probe, version: 99 }, key: 'apiKey' },
      }),
      probeConnection('Third', 'apiKey', {
        connection: { component: probe, key: 'apiKey', template: 'No such' },
      }),
      probeConnection('Fourth', 'apiKey', { inputs: { noField: { type: 'value', value: 'x' } } }),
      { key: 'Held once', dataType: 'connection', useScopedConfigVar: 'nobody-has-it' },
    ],
    steps: [{ name: 'Bad', action: 'noAction' }],
  });
  const refused = await importYaml(yaml).catch((error: unknown) => error);
  if (!(refused instanceof DefinitionFault)) throw new Error(`not refused: ${String(refused)}`);
  expect(refused.problems.map((one) => `${one.field}: ${one.problem}`)).toEqual([
    'requiredConfigVars[0].connection.key: "probe" has no connection "nowhere".',
    'requiredConfigVars[1].connection.component: there is no component "probe" in version 99.',
    'flows[0].steps[1].action.key: "probe" has no action "noAction".',
    'requiredConfigVars[2].connection.template: there is no connection template "No such".',
    'requiredConfigVars[3].inputs.noField: "API key" has no such field.',
    'requiredConfigVars[4].useScopedConfigVar: there is no shared connection "nobody-has-it".',
  ]);
  const list = await within((tx) =>
    listIntegrations({ tx, ...owner(), search: 'many ways', page: firstPage }),
  );
  expect(list.totalCount).toBe(0);
});

test('a trigger that is not run is refused by name', async () => {
  const yaml = probeYaml({ steps: oneFile }).replaceAll('webhook-triggers', 'schedule-triggers');
  await expect(importYaml(yaml)).rejects.toMatchObject({
    code: 'invalid_field',
    field: 'flows[0].steps[0].action',
    message: expect.stringContaining('"schedule-triggers/webhook" is not run'),
  });
});

test('each import replaces the draft; each publication is the next version and never changes', async () => {
  const first = await importYaml(probeYaml({ name: 'Versions', steps: oneFile }));
  expect(first).toMatchObject({ name: 'Versions', latestVersion: null });
  const one = await publish(first.id, 'the first');
  expect(one).toMatchObject({
    versionNo: 1,
    comment: 'the first',
    publishedBy: rooms.house.owner.principalId,
  });
  const again = await importYaml(
    probeYaml({ name: 'Renamed', flows: [{ name: 'New', steps: oneFile }] }),
    first.id,
  );
  expect(again).toMatchObject({ id: first.id, name: 'Renamed', draftVersionId: first.draftVersionId });
  const two = await publish(first.id);
  expect(two.versionNo).toBe(2);
  const kept = await within((tx) => getVersion({ tx, ...owner(), id: one.id }));
  expect(kept.definition).toEqual(one.definition);
  expect(kept.definition.flows.map((flow) => flow.name)).toEqual(['Flow 1']);
  const list = await within((tx) =>
    listVersions({ tx, ...owner(), integrationId: first.id, page: firstPage }),
  );
  expect(list.items.map((version) => version.versionNo)).toEqual([2, 1]);
});

test('publications at the same time get different numbers', async () => {
  const { id } = await importYaml(probeYaml({ name: 'Busy', steps: oneFile }));
  const versions = await Promise.all(Array.from({ length: 5 }, () => publish(id)));
  expect(versions.map((version) => version.versionNo).sort()).toEqual([1, 2, 3, 4, 5]);
});

test('what LATEST means is fixed when it is published', async () => {
  const { id, draftVersionId } = await importYaml(
    probeYaml({ variables: [probeConnection('Account', 'apiKey')], steps: oneFile }),
  );
  const { definition } = await publish(id);
  const numbered = { kind: 'number', versionNo: 1 };
  expect(definition.flows[0]?.steps[1]?.action.component.version).toEqual(numbered);
  const [variable] = definition.configVariables;
  expect(
    variable?.kind === 'connection' &&
      variable.source.kind === 'component' &&
      variable.source.component.version,
  ).toEqual(numbered);
  const draft = await within((tx) => getVersion({ tx, ...owner(), id: draftVersionId }));
  expect(draft.definition.flows[0]?.steps[1]?.action.component.version).toEqual({ kind: 'latest' });
});

const secretDefault = 'planted-default-secret-77';
const withDefault = (value: string) =>
  probeYaml({
    name: 'With a default',
    variables: [
      probeConnection('Account', 'oauth2', {
        inputs: {
          clientId: { type: 'value', value: 'our-app' },
          clientSecret: { type: 'value', value, meta: { orgOnly: true, writeOnly: true } },
        },
      }),
    ],
    steps: oneFile,
  });

test('secrets of a file are sealed beside the definition, copied by publishing, and kept when a file comes without them', async () => {
  const { id, draftVersionId } = await importYaml(withDefault(secretDefault));
  await publish(id);
  const exported = await within((tx) => exportYaml({ tx, ...owner(), integrationId: id }));
  expect(exported).not.toContain(secretDefault);
  expect(parseDefinition(exported).configVariables[0]?.key).toBe('Account');
  // Exported, edited elsewhere, imported again: the secret was in none of these files.
  await importYaml(exported, id);
  const version = await publish(id);
  for (const versionId of [draftVersionId, version.id]) {
    const kept = await within((tx) => keptDefaults({ tx, ...owner() }, versionId));
    expect(kept.get('account')?.get('clientSecret')?.revealText()).toBe(secretDefault);
  }
  const [variable] = await within((tx) => selectConfigVariables(tx, version.id));
  expect(variable?.fields).toEqual([
    expect.objectContaining({ fieldKey: 'clientId', visibility: 'shown', hasDefault: true }),
    expect.objectContaining({
      fieldKey: 'clientSecret',
      visibility: 'embedded',
      isOrgOnly: true,
      hasDefault: true,
    }),
  ]);
  const rows = await within((tx) =>
    sql`select definition::text, source from integration_version where integration_id = ${id}`.execute(tx),
  );
  expect(JSON.stringify(rows.rows)).not.toContain(secretDefault);
});

test('publishing freezes the templates that the version uses, in the same transaction', async () => {
  const type = await within(async (tx) => {
    const version = await findComponentVersion(tx, {
      key: 'probe',
      isPublic: false,
      version: { kind: 'latest' },
    });
    if (version === null) throw new Error('no probe');
    const types = await connectionTypesOf(tx, version);
    return types.find((one) => one.key === 'apiKey');
  });
  if (type === undefined) throw new Error('no type');
  const values = new Map([['apiKey', Plain.fromText('planted-template-key')]]);
  const template = await within((tx) =>
    createTemplate({ tx, ...owner(), unitId: rooms.house.organization.id, name: 'Ours', type, values }),
  );
  const account = { connection: { component: probe, key: 'apiKey', template: 'Ours' } };
  const { id } = await importYaml(
    probeYaml({ variables: [probeConnection('Account', 'apiKey', account)], steps: oneFile }),
  );
  await within((tx) => updateTemplate({ tx, ...owner(), id: template.id, values }));
  // A publication that fails freezes nothing.
  await expect(
    within(async (tx) => {
      await publishIntegration({ tx, ...owner(), integrationId: id });
      throw new Error('something after it failed');
    }),
  ).rejects.toThrow('something after it failed');
  expect((await within((tx) => getTemplate(tx, template.id))).frozenAt).toBeNull();
  await publish(id);
  expect((await within((tx) => getTemplate(tx, template.id))).frozenAt).toBeInstanceOf(Date);
  await expect(
    within((tx) => updateTemplate({ tx, ...owner(), id: template.id, values })),
  ).rejects.toMatchObject({
    code: 'frozen',
  });
  const wrong = probeYaml({
    variables: [
      probeConnection('Account', 'oauth2', {
        connection: { component: probe, key: 'oauth2', template: 'Ours' },
      }),
    ],
    steps: oneFile,
  });
  await expect(importYaml(wrong)).rejects.toMatchObject({
    message: expect.stringContaining('is for "API key", not for "OAuth"'),
  });
});

test('only those who build may import and publish; a customer sees what is published for it', async () => {
  const { house } = rooms;
  const admin = await house.addActor(house, house.customer.id, 'customer_admin');
  const asAdmin = { vault: house.vault, actor: admin };
  const { id } = await importYaml(probeYaml({ name: 'Offered', steps: oneFile }));
  await expect(within((tx) => getIntegration({ tx, actor: admin, id }))).rejects.toMatchObject({
    code: 'not_found',
  });
  await publish(id);
  const { latestVersion, draftVersionId } = await within((tx) => getIntegration({ tx, actor: admin, id }));
  expect(latestVersion?.versionNo).toBe(1);
  await expect(within((tx) => getVersion({ tx, actor: admin, id: draftVersionId }))).rejects.toMatchObject({
    code: 'not_found',
  });
  const source = { yaml: probeYaml({ steps: oneFile }) };
  await expect(
    within((tx) => importIntegration({ tx, ...asAdmin, source, integrationId: id })),
  ).rejects.toMatchObject({
    code: 'forbidden',
  });
  await expect(
    within((tx) => publishIntegration({ tx, ...asAdmin, integrationId: id })),
  ).rejects.toMatchObject({
    code: 'forbidden',
  });
});

test('another tenant sees none of it', async () => {
  const other = await rooms.house.addTenant('Other');
  const { id, draftVersionId } = await importYaml(probeYaml({ name: 'Ours alone', steps: oneFile }));
  await publish(id);
  const asOther = { vault: rooms.house.vault, actor: other.owner };
  const { doors } = rooms.house;
  const attempts = [
    (tx: Tx) => getIntegration({ tx, ...asOther, id }),
    (tx: Tx) => getVersion({ tx, ...asOther, id: draftVersionId }),
    (tx: Tx) => exportYaml({ tx, ...asOther, integrationId: id }),
    (tx: Tx) => publishIntegration({ tx, ...asOther, integrationId: id }),
    (tx: Tx) => deleteIntegration({ tx, ...asOther, id }),
  ];
  for (const attempt of attempts) {
    await expect(doors.withTenant<unknown>(other.tenant, attempt)).rejects.toMatchObject({
      code: 'not_found',
    });
  }
  // Its own component of the same key is another one: here there is none.
  const source = { yaml: probeYaml({ steps: oneFile }) };
  await expect(
    doors.withTenant(other.tenant, (tx) => importIntegration({ tx, ...asOther, source })),
  ).rejects.toMatchObject({
    message: expect.stringContaining('there is no component "probe"'),
  });
});

test('an integration is deleted only when no customer has an instance of it', async () => {
  const integration = await rooms.publish(probeYaml({ name: 'Deletable', steps: oneFile }));
  const instance = await rooms.instanceOf(integration);
  const remove = () => within((tx) => deleteIntegration({ tx, ...owner(), id: integration.id }));
  await expect(remove()).rejects.toMatchObject({
    code: 'in_use',
    message: '1 instance of this integration exist.',
  });
  await within((tx) => deleteInstance({ tx, actor: rooms.house.owner, id: instance.id }));
  await remove();
  await expect(within((tx) => getIntegration({ tx, ...owner(), id: integration.id }))).rejects.toMatchObject({
    code: 'not_found',
  });
});
