import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { levelOf } from './definition.ts';
import { edited, example, page } from './page-example.fixture.ts';
import { parseDefinition, toYaml } from './yaml.ts';

test('the example of the page is read as it is explained', () => {
  const definition = parseDefinition(example);
  expect(definition.configVariables.map(({ kind, stableKey }) => `${kind} ${stableKey}`)).toEqual([
    'connection dropbox-connection',
    'connection google-maps-connection',
    'connection aws-connection',
    'value photo-folder',
    'value bucket',
  ]);
  expect(definition.configVariables[0]).toMatchObject({
    isRequired: true,
    visibility: 'shown',
    source: {
      kind: 'component',
      component: { key: 'dropbox', isPublic: true, version: { kind: 'latest' } },
      connectionKey: 'oauth2',
      template: null,
    },
    redirects: {
      success: 'https://app.example.com/connected',
      failure: 'https://app.example.com/not-connected',
    },
    fields: [{ key: 'clientId', visibility: 'hidden', orgOnly: true, writeOnly: false }],
  });
  expect(definition.configVariables[1]).toMatchObject({ orgOnly: true, visibility: 'embedded' });
  expect(definition.configVariables[3]).toMatchObject({ isRequired: false, default: '/photos' });
  expect(
    definition.flows[0]?.steps.map(({ name, action }) => [name, action.component.key, action.key]),
  ).toEqual([
    ['On Upload', 'webhook-triggers', 'webhook'],
    ['List Photos', 'dropbox', 'listFolder'],
    ['Download Photo', 'dropbox', 'downloadFile'],
    ['Find Address', 'reverse-geocode', 'reverseGeocodePhoto'],
    ['Write Address', 'aws-s3', 'putObject'],
  ]);
  expect(definition.flows[0]?.steps[2]?.onError).toEqual({
    kind: 'retry',
    maxAttempts: 3,
    delaySeconds: 10,
    extra: {},
  });
  expect(definition.extra).toEqual({ endpointType: 'flow_specific' });
});

test('the example names only actions and inputs that the components of this repository have', () => {
  const sources: Record<string, readonly string[]> = {
    dropbox: ['list-folder', 'download-file', 'connection'],
    'reverse-geocode': ['index'],
    'aws-s3': ['put-object', 'connection'],
  };
  for (const step of parseDefinition(example).flows[0]?.steps.slice(1) ?? []) {
    const component = step.action.component.key;
    const source = (sources[component] ?? [])
      .map((file) =>
        readFileSync(new URL(`../../components/${component}/src/${file}.ts`, import.meta.url), 'utf8'),
      )
      .join('\n');
    expect(source).toMatch(new RegExp(`const ${step.action.key} = action\\(`));
    for (const input of step.inputs)
      expect(source, input.name).toMatch(new RegExp(`\\b${input.name}: input\\(`));
  }
});

test('the fragment of the page reads a credential of the first generation', () => {
  const fragment = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].at(-1)?.[1] ?? '';
  const definition = parseDefinition(`definitionVersion: 7\nname: Old\n${fragment}`);
  expect(definition.configVariables[0]).toMatchObject({
    kind: 'connection',
    stableKey: 'Service Login',
    source: { kind: 'credential', connectionTypes: ['basic', 'api_key'] },
  });
  expect(definition.flows[0]?.steps[1]?.credentialVariable).toBe('Service Login');
  expect(parseDefinition(toYaml(definition))).toEqual(definition);
});

test('a definition survives being written and read', () => {
  const definition = parseDefinition(example);
  expect(parseDefinition(toYaml(definition))).toEqual(definition);
  expect(toYaml(parseDefinition(toYaml(definition)))).toBe(toYaml(definition));
});

test('a file in the style of the designer’s export is read, with all that we do not use kept', () => {
  const exported = `
category: ""
configPages:
  - elements:
      - type: configVar
        value: Chat Connection
    name: Configuration
    tagline: ""
  - elements:
      - type: configVar
        value: Field Map
    name: You
    userLevelConfigured: true
defaultInstanceProfile: Default Instance Profile
definitionVersion: 7
description: >-
  Post a message
  for each order
documentation: |-
  # Orders

  Posts them.
endpointType: flow_specific
flows:
  - description: ""
    endpointSecurityType: customer_required
    isSynchronous: true
    name: Post Order
    retryConfig: { maxAttempts: 3, delayMinutes: 1, usesExponentialBackoff: false, uniqueRequestIdField: "" }
    steps:
      - action: { key: webhook, component: { isPublic: true, key: webhook-triggers, version: LATEST } }
        description: ""
        inputs:
          body: { type: value, value: "" }
          headers: { type: complex, value: [] }
        isTrigger: true
        name: Post Order Trigger
        schedule: null
      - action: { key: runCode, component: { isPublic: true, key: code, version: 31 } }
        branches: []
        inputs:
          code:
            type: value
            value: |
              module.exports = async ({ logger }, results) => {
                return { data: results.postOrderTrigger };
              };
        name: Make AcmeERP Text
      - action: { key: post, component: { isPublic: false, key: chat, signature: 0a1b2c } }
        inputs:
          connection: { type: configVar, value: Chat Connection }
          replyTo: { type: configVar, value: "" }
          thread: { type: reference, value: "" }
          tags:
            type: complex
            value:
              - { type: value, value: a }
              - { type: reference, value: postOrderTrigger.results.body.data.0.tag }
          headers:
            type: complex
            value:
              - { name: { type: value, value: X-A }, type: value, value: "1" }
              - { name: X-B, type: configVar, value: Team, meta: { x: 1 } }
          text: { type: template, value: "{{#Team}}: {{$makeAcmeerpText.results}}" }
          hook: { type: reference, value: postOrderTrigger.results.webhookUrls.Post Order }
          rules:
            type: complex
            value:
              - { name: Big, type: complex, value: [and, [isEmpty, { name: "", type: value, value: "" }]] }
        name: Post
name: Orders
requiredConfigVars:
  - connection: { key: oauth2, component: { isPublic: false, key: chat, version: 4 }, template: Our Chat App }
    dataType: connection
    inputs:
      subdomain: { type: value, value: "", meta: { orgOnly: false, visibleToCustomerDeployer: true, visibleToOrgDeployer: true } }
      authorizeUrl: { type: template, value: "https://{{#subdomain}}.chat.example/authorize" }
      odd: { type: value, value: x, meta: { visibleToOrgDeployer: false, visibleToCustomerDeployer: true, more: 1 } }
    key: Chat Connection
    onPremiseConnectionConfig: disallowed
    orgOnly: false
    stableKey: chat
  - { key: Team, dataType: string, defaultValue: sales, meta: { isVisibleToOrgDeployer: true, isVisibleToCustomerDeployer: false } }
  - key: Field Map
    dataType: objectFieldMap
    dataSource: { component: { key: chat, version: 4, isPublic: false }, key: fields }
    inputs: { connection: { type: configVar, value: Chat Connection } }
  - { key: Colours, dataType: picklist, collectionType: valuelist, pickList: [red, green], defaultValue: [red] }
  - { key: Org Mail, dataType: connection, useScopedConfigVar: org-mail }
`;
  const definition = parseDefinition(exported);
  expect(definition.extra).toEqual({
    defaultInstanceProfile: 'Default Instance Profile',
    endpointType: 'flow_specific',
  });
  expect(definition.flows[0]?.extra).toHaveProperty('retryConfig.maxAttempts', 3);
  const [chat, team, map, colours, mail] = definition.configVariables;
  expect(chat).toMatchObject({
    source: { template: 'Our Chat App', component: { version: { kind: 'number', versionNo: 4 } } },
    extra: { onPremiseConnectionConfig: 'disallowed' },
  });
  expect(chat?.kind === 'connection' && chat.fields[2]).toEqual({
    key: 'odd',
    value: { kind: 'value', value: 'x' },
    visibility: 'shown',
    orgOnly: false,
    writeOnly: false,
    extra: { meta: { more: 1, visibleToOrgDeployer: false } },
  });
  expect(team).toMatchObject({ stableKey: 'Team', visibility: 'embedded', default: 'sales' });
  expect(map?.extra).toHaveProperty('dataSource.key', 'fields');
  expect(colours).toMatchObject({ collection: 'list', pickList: ['red', 'green'], default: ['red'] });
  expect(mail).toMatchObject({ source: { kind: 'shared', stableKey: 'org-mail' } });
  expect([levelOf(definition, 'Field Map'), levelOf(definition, 'Team')]).toEqual(['user', 'instance']);
  expect(parseDefinition(toYaml(definition))).toEqual(definition);
});

test('what is written holds no secret value', () => {
  const secrets = ['s3cr3t-one', 's3cr3t-two', 's3cr3t-three', 's3cr3t-four', 's3cr3t-five'];
  const text = edited(
    '    inputs:\n      # Our app',
    `    inputs:
      clientSecret: { type: value, value: ${secrets[0]} }
      note: { type: template, value: 'x ${secrets[1]} {{#a}}', meta: { writeOnly: true } }
      headers:
        type: complex
        value: [{ name: Authorization, type: value, value: ${secrets[2]} }]
        meta: { writeOnly: true }
      special: { type: value, value: ${secrets[4]} }
      linked: { type: configVar, value: Bucket, meta: { writeOnly: true } }
      # Our app`,
  ).replace('isSynchronous: false', `isSynchronous: false\n    organizationApiKeys: [${secrets[3]}]`);
  const definition = parseDefinition(text);
  expect(JSON.stringify(definition)).toContain(secrets[0]);
  const written = toYaml(definition, (_variable, field) => ['clientSecret', 'special'].includes(field.key));
  for (const secret of secrets) expect(written).not.toContain(secret);
  expect(toYaml(definition)).not.toContain(secrets[0]);
  const [variable] = parseDefinition(written).configVariables;
  expect(
    variable?.kind === 'connection' && variable.fields.find(({ key }) => key === 'linked')?.value,
  ).toEqual({
    kind: 'configVariable',
    key: 'Bucket',
  });
});
