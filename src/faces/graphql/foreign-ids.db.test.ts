import { GraphQLID, type GraphQLInputType, getNamedType, isInputObjectType, isNonNullType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acmeYaml } from '../../../testing/acme-component.ts';
import { type Furniture, furnishTenant } from '../../../testing/graphql-furniture.ts';
import { type GraphqlHouse, openGraphqlHouse } from '../../../testing/graphql-house.ts';
import { newId } from '../../kernel/ids.ts';
import { type GlobalType, toGlobalId } from './global-id.ts';
import { createSchema } from './schema.ts';

/** Which types each id-taking place means; everything else must not be found there. */
const meant: Readonly<Record<string, readonly string[]>> = {
  'credential.id': ['Credential', 'oauth'],
  'credentials.customer': ['Customer'],
  'customer.id': ['Customer'],
  'executionResult.id': ['InstanceExecutionResult'],
  'executionResults.instance': ['Instance'],
  'executionResults.instance_Customer': ['Customer'],
  'instance.id': ['Instance'],
  'instances.customer': ['Customer'],
  'instances.integration': ['Integration'],
  'integration.id': ['Integration'],
  'integrations.customer': ['Customer'],
  'logs.executionResult': ['InstanceExecutionResult'],
  'logs.instance': ['Instance'],
  'createCustomerCredential.customer': ['Customer'],
  'createCustomerCredential.authorizationMethod': ['AuthorizationMethod'],
  'createInstance.customer': ['Customer'],
  'createInstance.integration': ['Integration'],
  'createOrganizationCredential.authorizationMethod': ['AuthorizationMethod'],
  'deleteCredential.id': ['Credential', 'oauth'],
  'deleteCustomer.id': ['Customer'],
  'deleteInstance.id': ['Instance'],
  'deployInstance.id': ['Instance'],
  'disconnectConnection.id': ['Credential', 'oauth', 'InstanceConfigVariable'],
  'importIntegration.customer': ['Customer'],
  'importIntegration.integrationId': ['Integration'],
  'publishIntegration.id': ['Integration'],
  'requestOAuth2CredentialAuthorization.id': ['Credential', 'oauth'],
  'testInstanceFlowConfig.id': ['InstanceFlowConfig'],
  'updateCredential.id': ['Credential', 'oauth'],
  'updateCustomer.id': ['Customer'],
  'updateInstance.id': ['Instance'],
  'updateInstance.integration': ['Integration'],
};

let api: GraphqlHouse;
let ours: Furniture;
let foreign: Furniture;

beforeAll(async () => {
  api = await openGraphqlHouse();
  ours = await furnishTenant(api, api.rooms);
  foreign = await furnishTenant(api, await api.rooms.addTenant('Umbrella'));
});
afterAll(async () => await api.close());

type Place = { readonly name: string; readonly ask: (id: string) => Promise<string> };

function ownValue(name: string, type: GraphQLInputType): unknown {
  if (getNamedType(type) === GraphQLID) {
    const known: Record<string, string> = {
      customer: 'Customer',
      integration: 'Integration',
      authorizationMethod: 'AuthorizationMethod',
      id: 'Instance',
    };
    return ours.ids[known[name] ?? ''];
  }
  return name === 'definition' ? acmeYaml : name === 'email' ? 'a@example.com' : 'x';
}

function places(): readonly Place[] {
  const schema = createSchema();
  const queries = Object.values(schema.getQueryType()?.getFields() ?? {}).flatMap((field) =>
    field.args
      .filter((arg) => getNamedType(arg.type) === GraphQLID)
      .map((arg) => ({
        name: `${field.name}.${arg.name}`,
        ask: async (id: string) => {
          const query = `query($id: ID!) { ${field.name}(${arg.name}: $id) { __typename } }`;
          return (await api.ask(query, { id })).text;
        },
      })),
  );
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {}).flatMap((field) => {
    const input = getNamedType(field.args[0]?.type);
    if (!isInputObjectType(input)) return [];
    const fields = Object.values(input.getFields());
    return fields
      .filter((one) => getNamedType(one.type) === GraphQLID)
      .map((one) => ({
        name: `${field.name}.${one.name}`,
        ask: async (id: string) => {
          const required = fields.filter((other) => isNonNullType(other.type));
          const given = Object.fromEntries(
            required.map((other) => [other.name, ownValue(other.name, other.type)]),
          );
          const query = `mutation($input: ${input.name}!) { ${field.name}(input: $input) { errors { field messages } } }`;
          return (await api.ask(query, { input: { ...given, [one.name]: id } })).text;
        },
      }));
  });
  return [...queries, ...mutations];
}

describe('ids', () => {
  test('every place that takes one is in this test', () => {
    expect(
      places()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(meant).sort());
  });

  test('of another tenant, of another type, of nothing and of no form are answered alike, everywhere', {
    timeout: 120_000,
  }, async () => {
    for (const { name, ask } of places()) {
      const types = meant[name] ?? [];
      const unknown = await ask(toGlobalId(typeNameOf(types[0] ?? ''), newId<never>()));
      expect(unknown, name).toMatch(/not found\. Check the id and that you have access to it\./);
      expect(unknown, name).toContain(`"field":"${name.split('.')[1]}"`);
      const shared = new Set(types.includes('AuthorizationMethod') ? [foreign.ids.AuthorizationMethod] : []);
      const wrong = [
        ...Object.values(foreign.ids).filter((id) => !shared.has(id)),
        ...Object.entries(ours.ids).flatMap(([type, id]) => (types.includes(type) ? [] : [id])),
        '',
        'x',
        newId<never>() as string,
        `${ours.ids[types[0] ?? '']} `,
        Buffer.from(`${types[0]}:1`).toString('base64'),
      ];
      for (const id of wrong) expect(await ask(id), `${name} ${Buffer.from(id, 'base64')}`).toBe(unknown);
    }
  });

  test('of connections in settings are answered alike too, named by the config variable', async () => {
    const ask = async (value: string) => {
      const query = `mutation($id: ID!, $v: [InputInstanceConfigVariable]) { updateInstance(input: {id: $id, configVariables: $v}) { errors { field messages } } }`;
      return (await api.ask(query, { id: ours.ids.Instance, v: [{ key: 'Acme Connection', value }] })).text;
    };
    const unknown = await ask(toGlobalId('Credential', newId<never>()));
    expect(unknown).toContain('"field":"Acme Connection"');
    for (const id of [...Object.values(foreign.ids), ours.ids.Customer ?? '', 'x']) {
      expect(await ask(id)).toBe(unknown);
    }
  });

  test('nothing of ours was changed by all of that', async () => {
    const answer = await api.ask(
      'query($c: ID!, $i: ID!, $e: ID!) { credential(id: $c) { label } instance(id: $i) { name } executionResult(id: $e) { status } }',
      { c: ours.ids.Credential, i: ours.ids.Instance, e: ours.ids.InstanceExecutionResult },
    );
    expect(answer.data).toEqual({
      credential: { label: 'Only for the organization' },
      instance: { name: 'Things' },
      executionResult: { status: 'SUCCEEDED' },
    });
  });

  test('a customer’s user finds nothing of the organization’s and nothing of other customers', async () => {
    const other = await api.ask('mutation { createCustomer(input: {name: "Other"}) { customer { id } } }');
    const otherId = other.data.createCustomer.customer.id;
    const user = await api.rooms.addActor(api.rooms, api.rooms.customer.id, 'customer_admin');
    const token = await api.tokenOf(user);
    for (const [query, id] of [
      ['credential(id: $id) { label }', ours.ids.Credential],
      ['customer(id: $id) { name }', otherId],
      ['instances(customer: $id) { totalCount }', otherId],
    ] as const) {
      const answer = await api.ask(`query($id: ID!) { ${query} }`, { id }, token);
      expect(answer.errors[0]?.extensions.code).toBe('not_found');
    }
    const customers = await api.ask('{ customers { nodes { name } } }', {}, token);
    expect(customers.data.customers.nodes).toEqual([{ name: 'Hooli' }]);
  });
});

function typeNameOf(name: string): GlobalType {
  return (name === 'oauth' ? 'Credential' : name) as GlobalType;
}
