import { decode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acmeYaml, storeAcmeComponent } from '../../../testing/acme-component.ts';
import { finishExecution } from '../../../testing/finish-execution.ts';
import { type GraphqlAnswer, type GraphqlHouse, openGraphqlHouse } from '../../../testing/graphql-house.ts';
import type { ExecutionId } from '../../kernel/ids.ts';
import { parseGlobalId, toGlobalId } from './global-id.ts';

type Shown = GraphqlAnswer['data'];

let api: GraphqlHouse;
const ids: Record<string, string> = {};

beforeAll(async () => {
  api = await openGraphqlHouse({ jit: 1 });
  await storeAcmeComponent(api.rooms.doors, api.rooms.owner);
  ids.customer = toGlobalId('Customer', api.rooms.customer.id);
  ids.oauth = await createCredential('Hooli at Acme', 'oauth2', {
    client_id: 'id',
    client_secret: 'canary-secret',
    auth_uri: 'https://acme.example.com/authorize',
    token_uri: 'https://acme.example.com/token',
  });
  ids.key = await createCredential('Hooli key', 'api_key', { api_key: 'canary-key' });
});
afterAll(async () => await api.close());

async function createCredential(
  label: string,
  method: string,
  values: Record<string, string>,
): Promise<string> {
  const methods = await api.ask('{ authorizationMethods { nodes { id key } } }');
  const { id } = methods.data.authorizationMethods.nodes.find((node: { key: string }) => node.key === method);
  const made = await api.ask(
    `mutation($c: ID!, $l: String!, $m: ID!, $v: [InputCredentialFieldValue]) {
      createCustomerCredential(input: {customer: $c, label: $l, authorizationMethod: $m, values: $v}) { credential { id } errors { messages } } }`,
    { c: ids.customer, l: label, m: id, v: Object.entries(values).map(([key, value]) => ({ key, value })) },
  );
  expect(made.data.createCustomerCredential.errors).toEqual([]);
  return made.data.createCustomerCredential.credential.id;
}

const importYaml = `mutation importIntegration($definition: String!, $integrationId: ID, $replace: Boolean) {
  importIntegration(input: {definition: $definition, integrationId: $integrationId, replace: $replace}) {
    integration { id name versionNumber flows { nodes { id name stableKey } }
      testConfigVariables(status: "pending") { nodes { id authorizeUrl requiredConfigVariable { key } } }
      systemInstance { id flowConfigs { nodes { id flow { id name } apiKeys } } } }
    errors { field messages } } }`;
const publish = `mutation($id: ID!, $comment: String, $attributes: String) {
  publishIntegration(input: {id: $id, comment: $comment, attributes: $attributes}) { integration { id versionNumber versionComment } errors { field messages } } }`;
const create = `mutation createInstance($name: String!, $description: String, $integration: ID!, $customer: ID!, $configVariables: [InputInstanceConfigVariable], $labels: [String]) {
  createInstance(input: {name: $name, description: $description, integration: $integration, customer: $customer, configVariables: $configVariables, labels: $labels}) {
    instance { id name enabled deployedAt configState integration { id name versionNumber } customer { name } } errors { field messages } } }`;
const variables = `query($id: ID!) { instance(id: $id) { configVariables { nodes { id value status statusReason authorizeUrl meta
  inputs { nodes { name value } } requiredConfigVariable { key dataType defaultValue orgOnly } credential { label } logs { totalCount } } } } }`;

describe('integrations', () => {
  test('a file becomes a draft with a test instance; a file with mistakes names every one of them', async () => {
    const answer = await api.ask(importYaml, { definition: acmeYaml });
    const { integration, errors } = answer.data.importIntegration;
    expect(errors).toEqual([]);
    expect(integration).toMatchObject({ name: 'Things', versionNumber: 0 });
    expect(integration.flows.nodes).toMatchObject([{ name: 'Move', stableKey: 'move' }]);
    const pending = integration.testConfigVariables.nodes;
    expect(pending.map((node: Shown) => node.requiredConfigVariable.key)).toEqual([
      'Acme Connection',
      'Key Connection',
    ]);
    expect(integration.systemInstance.flowConfigs.nodes).toMatchObject([
      { flow: { name: 'Move' }, apiKeys: [] },
    ]);
    expect(integration.systemInstance.flowConfigs.nodes[0].flow.id).toBe(integration.flows.nodes[0].id);
    ids.integration = integration.id;
    const broken = acmeYaml.replace('key: list }', 'key: lits }').replace('key: oauth2 }', 'key: oauth3 }');
    const refused = await api.ask(importYaml, { definition: broken, integrationId: ids.integration });
    const [first] = refused.data.importIntegration.errors;
    expect(refused.data.importIntegration.integration).toBeNull();
    expect(first.messages.join('\n')).toMatch(/oauth3[\s\S]*lits/);
  });

  test('publishing gives the next version, found by its own id', async () => {
    const first = await api.ask(publish, { id: ids.integration, comment: 'First' });
    expect(first.data.publishIntegration).toMatchObject({
      integration: { versionNumber: 1, versionComment: 'First' },
      errors: [],
    });
    ids.version = first.data.publishIntegration.integration.id;
    const read = await api.ask(
      `query($id: ID!, $version: ID!) {
        integration(id: $id) { id name versionNumber category labels definition
          versionSequence(versionIsAvailable: true, sortBy: [{field: VERSION_NUMBER, direction: DESC}], first: 1) {
            nodes { id versionNumber versionIsAvailable } } }
        published: integration(id: $version) { id versionNumber flows { nodes { name } } requiredConfigVariables { nodes { key dataType } } } }`,
      { id: ids.integration, version: ids.version },
    );
    expect(read.data.integration).toMatchObject({
      versionNumber: 1,
      category: 'Moving',
      labels: ['one', 'two'],
    });
    expect(read.data.integration.definition).toContain('definitionVersion: 7');
    expect(read.data.integration.versionSequence.nodes).toEqual([
      { id: ids.version, versionNumber: 1, versionIsAvailable: true },
    ]);
    expect(read.data.published).toMatchObject({ id: ids.version, versionNumber: 1 });
    expect(read.data.published.requiredConfigVariables.nodes[0]).toEqual({
      key: 'Acme Connection',
      dataType: 'CONNECTION',
    });
  });

  test('lists find them by name', async () => {
    const list = await api.ask(
      `query($search: String, $customerIsnull: Boolean) {
        integrations(allVersions: false, after: "", customer_Isnull: $customerIsnull, name_Icontains: $search) {
          nodes { id name description versionNumber labels category customer { id } } pageInfo { hasNextPage endCursor } } }`,
      { search: 'thin', customerIsnull: true },
    );
    expect(list.data.integrations.nodes).toMatchObject([
      { id: ids.integration, name: 'Things', customer: null },
    ]);
    const none = await api.ask('{ integrations(name: "thing") { totalCount } }');
    expect(none.data.integrations.totalCount).toBe(0);
    const components = await api.ask(
      '{ components(key: "acme", public: false) { nodes { key versionNumber signature } } }',
    );
    expect(components.data.components.nodes).toMatchObject([{ key: 'acme', versionNumber: 1 }]);
  });
});

describe('instances', () => {
  test('one is made with stored credentials for its connections', async () => {
    const answer = await api.ask(create, {
      name: 'Things of Hooli',
      integration: ids.version,
      customer: ids.customer,
      configVariables: [
        { key: 'Acme Connection', value: ids.oauth },
        { key: 'Folder', value: '/hooli' },
      ],
    });
    expect(answer.data.createInstance.errors).toEqual([]);
    const { instance } = answer.data.createInstance;
    expect(instance).toMatchObject({
      name: 'Things of Hooli',
      enabled: false,
      deployedAt: null,
      configState: 'FULLY_CONFIGURED',
      integration: { id: ids.version, name: 'Things', versionNumber: 1 },
      customer: { name: 'Hooli' },
    });
    ids.instance = instance.id;
  });

  test('its config variables show status, the start of the consent and no secret', async () => {
    const answer = await api.ask(variables, { id: ids.instance });
    const [oauth, key, folder, ours] = answer.data.instance.configVariables.nodes;
    expect(oauth).toMatchObject({
      value: ids.oauth,
      status: 'PENDING',
      statusReason: 'Nobody has connected an account yet.',
      meta: null,
      requiredConfigVariable: { key: 'Acme Connection', dataType: 'CONNECTION' },
      credential: { label: 'Hooli at Acme' },
    });
    expect(oauth.authorizeUrl).toMatch(/\/oauth\/start\/[\w-]{43}$/);
    expect(key).toMatchObject({ value: null, status: 'PENDING', credential: null, authorizeUrl: null });
    expect(folder).toMatchObject({
      value: '/hooli',
      status: null,
      requiredConfigVariable: { defaultValue: '/things' },
    });
    expect(ours).toMatchObject({ value: 'only-for-us', requiredConfigVariable: { orgOnly: true } });
    expect(answer.text).not.toContain('canary');
    ids.connection = oauth.id;
    const user = await api.rooms.addActor(api.rooms, api.rooms.customer.id, 'customer_user');
    const seen = await api.ask(variables, { id: ids.instance }, await api.tokenOf(user));
    expect(
      seen.data.instance.configVariables.nodes.map((node: Shown) => node.requiredConfigVariable.key),
    ).toEqual(['Acme Connection', 'Key Connection', 'Folder']);
  });

  test('settings that do not fit are named by their config variable', async () => {
    const cases: readonly (readonly [string, string, string])[] = [
      ['Acme Connection', ids.key ?? '', 'Acme Connection'],
      ['Acme Connection', 'no id at all', 'Acme Connection'],
      ['Acme Connection', ids.customer ?? '', 'Acme Connection'],
      ['acme connection', ids.oauth ?? '', 'configVariables'],
    ];
    for (const [key, value, field] of cases) {
      const answer = await api.ask(create, {
        name: 'x',
        integration: ids.version,
        customer: ids.customer,
        configVariables: [{ key, value }],
      });
      expect(answer.data.createInstance.instance).toBeNull();
      expect(answer.data.createInstance.errors[0].field).toBe(field);
    }
  });

  test('deploying and enabling are two actions; a connection can be emptied again', async () => {
    const deploy = `mutation($id: ID!, $force: Boolean) { deployInstance(input: {id: $id, force: $force}) { instance { id deployedAt deployedVersion needsDeploy } errors { field messages } } }`;
    const update = `mutation($id: ID!, $enabled: Boolean, $name: String, $configVariables: [InputInstanceConfigVariable]) {
      updateInstance(input: {id: $id, enabled: $enabled, name: $name, configVariables: $configVariables}) {
        instance { name enabled configVariables(first: 2) { nodes { value } } } errors { field messages } } }`;
    const emptied = await api.ask(update, {
      id: ids.instance,
      configVariables: [{ key: 'Acme Connection', value: null }],
    });
    expect(emptied.data.updateInstance.instance.configVariables.nodes).toEqual([
      { value: null },
      { value: null },
    ]);
    const refused = await api.ask(deploy, { id: ids.instance });
    expect(refused.data.deployInstance.errors[0].field).toBe('Acme Connection');
    await api.ask(update, {
      id: ids.instance,
      configVariables: [
        { key: 'Acme Connection', value: ids.oauth },
        { key: 'Key Connection', value: ids.key },
      ],
    });
    const deployed = await api.ask(deploy, { id: ids.instance });
    expect(deployed.data.deployInstance).toMatchObject({
      instance: { deployedVersion: 1, needsDeploy: false },
      errors: [],
    });
    const enabled = await api.ask(update, { id: ids.instance, enabled: 'true', name: 'Things!' });
    expect(enabled.data.updateInstance.instance).toMatchObject({ name: 'Things!', enabled: true });
    const used = await api.ask(
      'mutation($id: ID!) { deleteCredential(input: {id: $id, name: "Hooli key"}) { errors { field messages } } }',
      { id: ids.key },
    );
    expect(used.data.deleteCredential.errors[0].messages[0]).toContain('used in 1 place');
  });

  test('are listed with their flows and trigger addresses', async () => {
    const list = await api.ask(
      `query($customer: ID, $integration: ID) { instances(customer: $customer, integration: $integration, isSystem: false, after: "") {
        nodes { id name description enabled customer { id name externalId } } pageInfo { hasNextPage endCursor } } }`,
      { customer: ids.customer, integration: ids.integration },
    );
    expect(list.data.instances.nodes).toMatchObject([{ id: ids.instance, name: 'Things!', enabled: true }]);
    const flows = await api.ask(
      'query($id: ID!) { instance(id: $id) { flowConfigs(after: "") { nodes { id flow { id name } webhookUrl hasApiKeys } } } }',
      { id: ids.instance },
    );
    const [flow] = flows.data.instance.flowConfigs.nodes;
    expect(flow).toMatchObject({ flow: { name: 'Move' }, hasApiKeys: false });
    expect(flow.webhookUrl).toMatch(/\/trigger\/[\w-]{43}$/);
    ids.flow = flow.id;
  });

  test('disconnecting by the config variable’s id reaches its credential', async () => {
    const answer = await api.ask(
      `mutation($id: ID!) { disconnectConnection(input: {id: $id}) {
        credential { id } instanceConfigVariable { id status } errors { field messages } } }`,
      { id: ids.connection },
    );
    expect(answer.data.disconnectConnection).toEqual({
      credential: { id: ids.oauth },
      instanceConfigVariable: { id: ids.connection, status: 'PENDING' },
      errors: [],
    });
  });
});

describe('executions', () => {
  test('a manual test is queued, and shows results and logs when it has run', async () => {
    const started = await api.ask(
      `mutation testInstanceFlowConfig($id: ID!, $payload: String, $contentType: String) {
        testInstanceFlowConfig(input: {id: $id, payload: $payload, contentType: $contentType}) {
          testInstanceFlowConfigResult { flowConfig { id } execution { id status isTestExecution } } errors { field messages } } }`,
      { id: ids.flow, payload: '{"a":1}' },
    );
    const result = started.data.testInstanceFlowConfig;
    expect(result.errors).toEqual([]);
    expect(result.testInstanceFlowConfigResult).toMatchObject({
      flowConfig: { id: ids.flow },
      execution: { status: 'QUEUED', isTestExecution: true },
    });
    ids.execution = result.testInstanceFlowConfigResult.execution.id;
    await finishExecution(api.rooms, parseGlobalId(ids.execution ?? '')?.id as ExecutionId);
    const read = await api.ask(
      `query($id: ID!) { executionResult(id: $id) { status endedAt instance { id } flowConfig { id }
        stepResults(orderBy: {field: ENDED_AT, direction: ASC}) { edges { node { stepName displayStepName resultsUrl hasError } cursor } totalCount }
        last: stepResults(last: 1) { nodes { stepName } }
        logs(orderBy: {field: TIMESTAMP, direction: ASC}) { nodes { timestamp severity message } } } }`,
      { id: ids.execution },
    );
    const { executionResult } = read.data;
    expect(executionResult).toMatchObject({
      status: 'SUCCEEDED',
      instance: { id: ids.instance },
      flowConfig: { id: ids.flow },
    });
    expect(executionResult.stepResults.edges.map((edge: Shown) => edge.node.stepName)).toEqual([
      'On Call',
      'List Things',
    ]);
    expect(executionResult.last.nodes).toEqual([{ stepName: 'List Things' }]);
    expect(executionResult.logs.nodes.map((node: Shown) => [node.severity, node.message])).toEqual([
      ['INFO', 'begin'],
      ['ERROR', 'trouble'],
    ]);
    ids.url = executionResult.stepResults.edges[1].node.resultsUrl;
  });

  test('a result’s address answers MessagePack without a token, and nothing when it was changed', async () => {
    const good = await fetch(ids.url ?? '');
    expect(good.status).toBe(200);
    expect(decode(new Uint8Array(await good.arrayBuffer()))).toEqual({
      data: '{"things":[1,2]}',
      contentType: 'application/json',
    });
    const link = (ids.url ?? '').split('/').at(-1) ?? '';
    const base = (ids.url ?? '').slice(0, -link.length);
    const changed = [0, 21, 22, 43, 60, 64, 66, 70, 80, link.length - 1].map(
      (at) => link.slice(0, at) + (link[at] === 'A' ? 'B' : 'A') + link.slice(at + 1),
    );
    for (const wrong of [...changed, link.slice(0, -1), `${link}A`, 'x', encodeURIComponent('../..')]) {
      expect((await fetch(base + wrong)).status).toBe(404);
    }
  });

  test('lists and logs filter by instance, kind, severity and place', async () => {
    const list = await api.ask(
      `query($instance: ID, $customer: ID) {
        tests: executionResults(instance: $instance, isTestExecution: true) { nodes { id } }
        others: executionResults(instance: $instance, isTestExecution: false) { totalCount }
        ofCustomer: executionResults(instance_Customer: $customer, status: "succeeded") { totalCount }
        logs(instance: $instance, severity_Gte: 50) { nodes { message } }
        newest: logs(instance: $instance, orderBy: {field: TIMESTAMP, direction: DESC}, first: 1) { nodes { message } }
        logSeverityLevels { id name } }`,
      { instance: ids.instance, customer: ids.customer },
    );
    expect(list.data.tests.nodes).toEqual([{ id: ids.execution }]);
    expect(list.data.others.totalCount).toBe(0);
    expect(list.data.ofCustomer.totalCount).toBe(1);
    expect(list.data.logs.nodes).toEqual([{ message: 'trouble' }]);
    expect(list.data.newest.nodes).toEqual([{ message: 'trouble' }]);
    expect(list.data.logSeverityLevels).toContainEqual({ id: 30, name: 'info' });
    const more = await api.ask(
      'query($e: ID!, $after: String) { logs(executionResult: $e, after: $after, orderBy: {field: TIMESTAMP, direction: ASC}) { edges { node { message } cursor } } }',
      { e: ids.execution, after: Buffer.from('arrayconnection:0').toString('base64') },
    );
    expect(more.data.logs.edges.map((edge: Shown) => edge.node.message)).toEqual(['trouble']);
  });

  test('an instance is deleted with what ran on it', async () => {
    const answer = await api.ask(
      'mutation($id: ID!) { deleteInstance(input: {id: $id}) { instance { id } errors { field messages } } }',
      { id: ids.instance },
    );
    expect(answer.data.deleteInstance).toEqual({ instance: { id: ids.instance }, errors: [] });
    expect((await fetch(ids.url ?? '')).status).toBe(404);
    const gone = await api.ask('query($id: ID!) { executionResult(id: $id) { id } }', { id: ids.execution });
    expect(gone.errors[0]?.extensions).toEqual({ code: 'not_found', field: 'id' });
  });
});
