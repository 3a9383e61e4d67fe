import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GraphqlHouse, openGraphqlHouse } from '../../../testing/graphql-house.ts';
import { toGlobalId } from './global-id.ts';

let api: GraphqlHouse;
const methods: Record<string, string> = {};
beforeAll(async () => {
  api = await openGraphqlHouse();
  const answer = await api.ask('{ authorizationMethods { nodes { id key } } }');
  for (const { id, key } of answer.data.authorizationMethods.nodes) methods[key] = id;
});
afterAll(async () => await api.close());

const shown = `id label readyForUse authorizationMethod { id key label } org { name } customer { name } values { key value }
  token context authorizationError authorizeUrl redirectUri refreshAt allowUpdate allowRemove`;
const createForCustomer = `mutation($customer: ID!, $label: String!, $authorizationMethod: ID!, $values: [InputCredentialFieldValue]) {
  createCustomerCredential(input: {customer: $customer, label: $label, authorizationMethod: $authorizationMethod, values: $values}) {
    credential { ${shown} } errors { field messages } } }`;
const createForOrganization = `mutation($label: String!, $authorizationMethod: ID!, $values: [InputCredentialFieldValue]) {
  createOrganizationCredential(input: {label: $label, authorizationMethod: $authorizationMethod, values: $values}) {
    credential { ${shown} } errors { field messages } } }`;
const remove = `mutation($id: ID!, $name: String, $label: String) {
  deleteCredential(input: {id: $id, name: $name, label: $label}) { credential { id } errors { field messages } } }`;

const customerId = () => toGlobalId('Customer', api.rooms.customer.id);
const basic = (label: string) => ({
  customer: customerId(),
  label,
  authorizationMethod: methods.basic,
  values: [
    { key: 'username', value: 'gavin' },
    { key: 'password', value: 'canary-of-a-password' },
  ],
});
const oauthValues = [
  { key: 'client_id', value: 'the-client' },
  { key: 'client_secret', value: 'canary-of-a-client-secret' },
  { key: 'scopes', value: 'files.read' },
  { key: 'auth_uri', value: 'https://provider.example.com/authorize' },
  { key: 'token_uri', value: 'https://provider.example.com/token' },
];

async function createBasic(label: string): Promise<string> {
  return (await api.ask(createForCustomer, basic(label))).data.createCustomerCredential.credential.id;
}

describe('authorization methods', () => {
  test('are listed with the keys of their fields', async () => {
    const answer = await api.ask(
      '{ authorizationMethods { nodes { id key label fields { nodes { key type } } } pageInfo { hasNextPage } } }',
    );
    const { nodes } = answer.data.authorizationMethods;
    expect(nodes.map((node: { key: string }) => node.key)).toEqual([
      'api_key_secret',
      'basic',
      'private_key',
      'api_key',
      'oauth2',
      'noauth',
    ]);
    expect(nodes[1].fields.nodes).toEqual([
      { key: 'username', type: 'STRING' },
      { key: 'password', type: 'PASSWORD' },
    ]);
  });
});

describe('credentials', () => {
  test('one of a customer shows which fields it holds, and no value', async () => {
    const answer = await api.ask(createForCustomer, basic('Hooli login'));
    const { credential, errors } = answer.data.createCustomerCredential;
    expect(errors).toEqual([]);
    expect(credential).toMatchObject({
      label: 'Hooli login',
      readyForUse: true,
      authorizationMethod: { id: methods.basic, key: 'basic', label: 'Basic Auth' },
      org: null,
      customer: { name: 'Hooli' },
      values: [
        { key: 'password', value: null },
        { key: 'username', value: null },
      ],
      token: null,
      context: null,
      authorizeUrl: null,
      redirectUri: null,
      allowUpdate: true,
      allowRemove: true,
    });
    expect(answer.text).not.toContain('canary');
  });

  test('an oauth2 one of the organization tells its redirect address and the page that starts the consent', async () => {
    const answer = await api.ask(createForOrganization, {
      label: 'Dropbox of Acme',
      authorizationMethod: methods.oauth2,
      values: oauthValues,
    });
    const { credential } = answer.data.createOrganizationCredential;
    expect(credential).toMatchObject({
      readyForUse: false,
      org: { name: 'Acme' },
      customer: null,
      token: null,
    });
    expect(credential.authorizeUrl).toMatch(/\/oauth\/start\/[\w-]{43}$/);
    expect(credential.redirectUri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback\/c\/[\w-]{22}$/);
    expect(answer.text).not.toContain('canary');
  });

  test('an unknown field, a missing one and one that is given twice are named', async () => {
    const ask = async (values: readonly unknown[]) => {
      const answer = await api.ask(createForCustomer, { ...basic('x'), values });
      return answer.data.createCustomerCredential.errors[0];
    };
    const username = { key: 'username', value: 'gavin' };
    expect((await ask([username, { key: 'passcode', value: 'canary-1' }])).field).toBe('values.passcode');
    expect((await ask([username])).field).toBe('values.password');
    expect((await ask([username, username])).field).toBe('values.username');
    expect(
      (await ask([username, { key: 'password', value: `canary${'x'.repeat(70_000)}` }])).messages[0],
    ).toBe('values.password: is longer than 65536 bytes. Shorten it.');
  });

  test('an update changes what is given, and says the same for a new and for an equal value', async () => {
    const id = await createBasic('To be changed');
    const update = `mutation($id: ID!, $label: String, $values: [InputCredentialFieldValue]) {
      updateCredential(input: {id: $id, label: $label, values: $values}) { credential { id label values { key value } } errors { field messages } } }`;
    const same = await api.ask(update, { id, values: [{ key: 'password', value: 'canary-of-a-password' }] });
    const other = await api.ask(update, { id, values: [{ key: 'password', value: 'canary-other' }] });
    expect(other.text).toBe(same.text);
    const renamed = await api.ask(update, { id, label: 'Changed' });
    expect(renamed.data.updateCredential.credential.label).toBe('Changed');
  });

  test('are deleted only with the exact label', async () => {
    const id = await createBasic('Exactly this');
    const attempts = [
      {},
      { name: 'exactly this' },
      { name: 'Exactly this ' },
      { label: '\u0415xactly this' },
    ];
    for (const attempt of attempts) {
      const answer = await api.ask(remove, { id, ...attempt });
      expect(answer.data.deleteCredential.credential).toBeNull();
      expect(answer.data.deleteCredential.errors[0].field).toBe('name');
    }
    const without = await api.ask(remove, { id });
    expect(without.data.deleteCredential.errors[0].messages[0]).toContain('exact label');
    const done = await api.ask(remove, { id, name: 'Exactly this' });
    expect(done.data.deleteCredential).toEqual({ credential: { id }, errors: [] });
    const again = await api.ask(remove, { id, name: 'Exactly this' });
    expect(again.data.deleteCredential.errors[0]).toEqual({
      field: 'id',
      messages: ['Credential not found. Check the id and that you have access to it.'],
    });
  });

  test('lists keep organization and customers apart, and search by label', async () => {
    const lists = await api.ask(
      `query($customer: ID!) {
        organization { credentials { nodes { label } } }
        customer(id: $customer) { credentials(label_Icontains: "hooli") { nodes { label } totalCount } }
        all: credentials { totalCount }
        own: credentials(customer_Isnull: true) { nodes { label } }
        theirs: credentials(customer: $customer, label_Icontains: "LOGIN") { nodes { label } } }`,
      { customer: customerId() },
    );
    expect(lists.data.organization.credentials.nodes).toEqual([{ label: 'Dropbox of Acme' }]);
    expect(lists.data.customer.credentials).toEqual({ nodes: [{ label: 'Hooli login' }], totalCount: 1 });
    expect(lists.data.own.nodes).toEqual([{ label: 'Dropbox of Acme' }]);
    expect(lists.data.theirs.nodes).toEqual([{ label: 'Hooli login' }]);
    expect(lists.data.all.totalCount).toBeGreaterThan(2);
  });

  test('what searches takes %, _ and \\ as they stand', async () => {
    for (const text of ['%', '_', '\\', "'", 'Hooli_login']) {
      const answer = await api.ask('query($s: String) { credentials(label_Icontains: $s) { totalCount } }', {
        s: text,
      });
      expect(answer.data.credentials.totalCount).toBe(0);
    }
  });

  test('an invitation goes to the mailbox and its link to nobody else', async () => {
    const made = await api.ask(createForOrganization, {
      label: 'Invited',
      authorizationMethod: methods.oauth2,
      values: oauthValues,
    });
    const { id } = made.data.createOrganizationCredential.credential;
    const invite = `mutation($id: ID!, $email: String!, $message: String) {
      requestOAuth2CredentialAuthorization(input: {id: $id, email: $email, message: $message}) {
        credential { id logs { nodes { code severity message } } } errors { field messages } } }`;
    const answer = await api.ask(invite, { id, email: 'gavin@hooli.example', message: 'Please connect.' });
    const { credential, errors } = answer.data.requestOAuth2CredentialAuthorization;
    expect(errors).toEqual([]);
    expect(credential.logs.nodes[0]).toMatchObject({ code: 'invitation_queued', severity: 'INFO' });
    expect(answer.text).not.toMatch(/oauth\/start\/[\w-]{60}/);
    const wrong = await api.ask(invite, { id, email: 'not an address' });
    expect(wrong.data.requestOAuth2CredentialAuthorization.errors[0].field).toBe('email');
    const plain = await api.ask(invite, { id: await createBasic('No OAuth'), email: 'gavin@hooli.example' });
    expect(plain.data.requestOAuth2CredentialAuthorization.errors).toHaveLength(1);
  });

  test('disconnecting one that was never connected is no error, and one without OAuth is told so', async () => {
    const disconnect = `mutation($id: ID!) { disconnectConnection(input: {id: $id}) {
      credential { id readyForUse } instanceConfigVariable { id } errors { field messages } } }`;
    const made = await api.ask(createForOrganization, {
      label: 'Never connected',
      authorizationMethod: methods.oauth2,
      values: oauthValues,
    });
    const { id } = made.data.createOrganizationCredential.credential;
    const answer = await api.ask(disconnect, { id });
    expect(answer.data.disconnectConnection).toEqual({
      credential: { id, readyForUse: false },
      instanceConfigVariable: null,
      errors: [],
    });
    const plain = await api.ask(disconnect, { id: await createBasic('Plain') });
    expect(plain.data.disconnectConnection.errors[0].field).toBe('__all__');
  });
});

describe('a customer’s user', () => {
  test('sees the customer’s credentials and none of the organization', async () => {
    const user = await api.rooms.addActor(api.rooms, api.rooms.customer.id, 'customer_user');
    const token = await api.tokenOf(user);
    const answer = await api.ask(
      '{ organization { name credentials { totalCount } } credentials { nodes { org { id } customer { name } allowUpdate } } }',
      {},
      token,
    );
    expect(answer.data.organization).toEqual({ name: 'Acme', credentials: { totalCount: 0 } });
    for (const node of answer.data.credentials.nodes) {
      expect(node).toEqual({ org: null, customer: { name: 'Hooli' }, allowUpdate: false });
    }
    const refused = await api.ask(createForCustomer, basic('Mine'), token);
    expect(refused.data.createCustomerCredential.errors[0]).toMatchObject({ field: '__all__' });
  });
});
