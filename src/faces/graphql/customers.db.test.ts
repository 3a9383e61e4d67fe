import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GraphqlHouse, openGraphqlHouse } from '../../../testing/graphql-house.ts';
import { toGlobalId } from './global-id.ts';

let api: GraphqlHouse;
beforeAll(async () => {
  api = await openGraphqlHouse();
});
afterAll(async () => await api.close());

const createCustomer = `mutation createCustomer($name: String!, $description: String, $externalId: String, $labels: [String]) {
  createCustomer(input: {name: $name, description: $description, externalId: $externalId, labels: $labels}) {
    customer { id name externalId description labels } errors { field messages } } }`;

describe('who asks', () => {
  test('a request from nobody is refused with 401 and errors', async () => {
    for (const authorization of ['', 'Bearer nonsense', `Bearer ${api.ownerToken}x`]) {
      const answer = await api.post('{"query":"{authenticatedUser{id}}"}', { authorization });
      expect(answer.status).toBe(401);
      expect(answer.errors[0]?.extensions.code).toBe('not_authenticated');
    }
  });

  test('authenticatedUser answers what the clients of the dialect ask for', async () => {
    const whoami =
      '{ authenticatedUser { id name email tenantId org { id name } customer { id name } role { name } } }';
    const owner = await api.ask(whoami);
    expect(owner.data.authenticatedUser).toEqual({
      id: toGlobalId('User', api.rooms.owner.principalId),
      name: 'Acme owner',
      email: '',
      tenantId: api.rooms.tenant,
      org: { id: toGlobalId('Organization', api.rooms.tenant), name: 'Acme' },
      customer: null,
      role: { name: 'Owner' },
    });
    const user = await api.rooms.addActor(api.rooms, api.rooms.customer.id, 'customer_user');
    const customer = await api.ask(whoami, {}, await api.tokenOf(user));
    expect(customer.data.authenticatedUser.customer).toEqual({
      id: toGlobalId('Customer', api.rooms.customer.id),
      name: 'Hooli',
    });
  });

  test('the embedded script’s first question is answered for a customer’s user', async () => {
    const user = await api.rooms.addActor(api.rooms, api.rooms.customer.id, 'customer_user');
    const answer = await api.ask(
      '{ authenticatedUser { customer { allowEmbeddedDesigner } } }',
      {},
      await api.tokenOf(user),
    );
    expect(answer.data.authenticatedUser.customer).toEqual({ allowEmbeddedDesigner: false });
  });
});

describe('customers', () => {
  test('are made, changed, listed page by page from an empty cursor, and deleted', async () => {
    const made = await api.ask(createCustomer, { name: 'Pied Piper', externalId: 'pp', labels: ['b', 'a'] });
    const { id } = made.data.createCustomer.customer;
    expect(made.data.createCustomer).toEqual({
      customer: { id, name: 'Pied Piper', externalId: 'pp', description: '', labels: ['b', 'a'] },
      errors: [],
    });
    expect(Buffer.from(id, 'base64').toString()).toMatch(/^Customer:[0-9a-f-]{36}$/);
    const changed = await api.ask(
      `mutation($id: ID!, $name: String, $description: String) {
         updateCustomer(input: {id: $id, name: $name, description: $description, clientMutationId: "7"}) {
           clientMutationId customer { name externalId description } errors { field messages } } }`,
      { id, description: 'compression' },
    );
    expect(changed.data.updateCustomer).toEqual({
      clientMutationId: '7',
      customer: { name: 'Pied Piper', externalId: 'pp', description: 'compression' },
      errors: [],
    });
    const names: string[] = [];
    let after = '';
    for (let round = 0; round < 5; round += 1) {
      const page = await api.ask(
        `query($after: String) { customers(isSystem: false, after: $after, first: 1) {
           nodes { name } edges { cursor node { name } } pageInfo { hasNextPage endCursor } totalCount } }`,
        { after },
      );
      const { nodes, edges, pageInfo, totalCount } = page.data.customers;
      expect(totalCount).toBe(2);
      expect(edges).toEqual([{ cursor: pageInfo.endCursor, node: nodes[0] }]);
      names.push(nodes[0].name);
      if (!pageInfo.hasNextPage) break;
      after = pageInfo.endCursor;
    }
    expect(names).toEqual(['Hooli', 'Pied Piper']);
    const removed = await api.ask(
      'mutation($id: ID!) { deleteCustomer(input: {id: $id}) { customer { id } errors { field messages } } }',
      { id },
    );
    expect(removed.data.deleteCustomer).toEqual({ customer: { id }, errors: [] });
    const gone = await api.ask('query($id: ID!) { customer(id: $id) { name } }', { id });
    expect(gone.status).toBe(200);
    expect(gone.data).toEqual({ customer: null });
    expect(gone.errors[0]).toMatchObject({
      message: 'Customer not found. Check the id and that you have access to it.',
      extensions: { code: 'not_found', field: 'id' },
    });
  });

  test('a mistake is named in the payload with its field', async () => {
    const empty = await api.ask(createCustomer, { name: '  ' });
    expect(empty.data.createCustomer).toEqual({
      customer: null,
      errors: [{ field: 'name', messages: ['name: must not be empty. Give it a name.'] }],
    });
    const taken = await api.ask(createCustomer, { name: 'Other', externalId: 'hooli' });
    expect(taken.data.createCustomer.errors[0].field).toBe('externalId');
    const long = await api.ask(createCustomer, { name: 'Other', description: 'x'.repeat(10_001) });
    expect(long.data.createCustomer.errors[0].field).toBe('description');
  });
});
