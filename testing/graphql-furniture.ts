// One of everything that the GraphQL face has ids for, at one tenant, made through the face itself. What is secret
// contains the word "canary", so that tests can look for it.
import { findCredential } from '../src/credentials/credential.ts';
import { storeConsent } from '../src/credentials/grant.ts';
import { parseGlobalId, toGlobalId } from '../src/faces/graphql/global-id.ts';
import type { CredentialId, ExecutionId } from '../src/kernel/ids.ts';
import { Plain } from '../src/kernel/plain.ts';
import { acmeYaml, storeAcmeComponent } from './acme-component.ts';
import { finishExecution } from './finish-execution.ts';
import type { GraphqlAnswer, GraphqlHouse } from './graphql-house.ts';
import type { TestTenant } from './test-house.ts';

export type Furniture = {
  readonly token: string;
  /** Global ids by the name of their type; `oauth` is another Credential. */
  readonly ids: Readonly<Record<string, string>>;
};

export async function furnishTenant(api: GraphqlHouse, at: TestTenant): Promise<Furniture> {
  const token = await api.tokenOf(at.owner);
  const ask = async (
    query: string,
    variables: Record<string, unknown> = {},
  ): Promise<GraphqlAnswer['data']> => {
    const answer = await api.ask(query, variables, token);
    if (answer.errors.length > 0 || answer.text.includes('"messages"')) throw new Error(answer.text);
    return answer.data;
  };
  await storeAcmeComponent(api.rooms.doors, at.owner);
  const ids: Record<string, string> = {
    Customer: toGlobalId('Customer', at.customer.id),
    Organization: toGlobalId('Organization', at.organization.id),
    User: toGlobalId('User', at.owner.principalId),
  };
  await addCredentials(ask, ids);
  await plantTokens(api, at, ids.oauth ?? '');
  await addIntegration(ask, ids);
  await finishExecution(api.rooms, parseGlobalId(ids.InstanceExecutionResult ?? '')?.id as ExecutionId, at);
  return { token, ids };
}

type Ask = (query: string, variables?: Record<string, unknown>) => Promise<GraphqlAnswer['data']>;

async function addCredentials(ask: Ask, ids: Record<string, string>): Promise<void> {
  const { authorizationMethods } = await ask('{ authorizationMethods { nodes { id key } } }');
  const method = (key: string): string =>
    authorizationMethods.nodes.find((node: { key: string }) => node.key === key).id;
  ids.AuthorizationMethod = method('basic');
  const values = (given: Record<string, string>) =>
    Object.entries(given).map(([key, value]) => ({ key, value }));
  const own = await ask(
    `mutation($m: ID!, $v: [InputCredentialFieldValue]) { createOrganizationCredential(input: {
      label: "Only for the organization", authorizationMethod: $m, values: $v}) { credential { id } errors { messages } } }`,
    { m: method('basic'), v: values({ username: 'canary-name', password: 'canary-password' }) },
  );
  ids.Credential = own.createOrganizationCredential.credential.id;
  const theirs = await ask(
    `mutation($c: ID!, $m: ID!, $v: [InputCredentialFieldValue]) { createCustomerCredential(input: {
      customer: $c, label: "Of the customer", authorizationMethod: $m, values: $v}) { credential { id } errors { messages } } }`,
    {
      c: ids.Customer,
      m: method('oauth2'),
      v: values({
        client_id: 'the-client',
        client_secret: 'canary-client-secret',
        auth_uri: 'https://acme.example.com/authorize',
        token_uri: 'https://acme.example.com/token',
      }),
    },
  );
  ids.oauth = theirs.createCustomerCredential.credential.id;
}

async function plantTokens(api: GraphqlHouse, at: TestTenant, globalId: string): Promise<void> {
  const credentialId = parseGlobalId(globalId)?.id as CredentialId;
  await api.rooms.doors.withTenant(at.tenant, async (tx) => {
    const credential = await findCredential(tx, credentialId);
    await storeConsent({
      tx,
      vault: api.rooms.vault,
      credentialId,
      expectedConsentNo: credential?.grant?.consentNo ?? 0,
      tokens: {
        accessToken: Plain.fromText('canary-access-token'),
        refreshToken: Plain.fromText('canary-refresh-token'),
        tokenType: 'Bearer',
        scope: null,
        extra: { id_token: 'canary-id-token' },
        callbackParams: { realmId: 'canary-realm' },
      },
      timing: {
        issuedAt: new Date(Date.now()),
        expiresAt: new Date(Date.now() + 3_600_000),
        refreshDueAt: new Date(Date.now() + 3_000_000),
        refreshExpiresAt: null,
        expiryAssumed: false,
      },
      registration: null,
      mintedBy: null,
      providerKey: 'acme.example.com',
      account: null,
      grantedScope: null,
    });
  });
}

async function addIntegration(ask: Ask, ids: Record<string, string>): Promise<void> {
  const secretDefault = `
    inputs:
      clientSecret: { type: value, value: canary-default }
`;
  const definition = acmeYaml.replace('key: oauth2 }\n', `key: oauth2 }${secretDefault}`);
  const imported = await ask(
    'mutation($d: String!) { importIntegration(input: {definition: $d}) { integration { id flows { nodes { id } } } errors { messages } } }',
    { d: definition },
  );
  ids.Integration = imported.importIntegration.integration.id;
  ids.IntegrationFlow = imported.importIntegration.integration.flows.nodes[0].id;
  await ask(
    'mutation($id: ID!) { publishIntegration(input: {id: $id}) { integration { id } errors { messages } } }',
    { id: ids.Integration },
  );
  const made = await ask(
    `mutation($i: ID!, $c: ID!, $v: [InputInstanceConfigVariable]) { createInstance(input: {name: "Things", integration: $i, customer: $c, configVariables: $v}) {
      instance { id flowConfigs { nodes { id } } configVariables { nodes { id requiredConfigVariable { id } } } } errors { messages } } }`,
    { i: ids.Integration, c: ids.Customer, v: [{ key: 'Acme Connection', value: ids.oauth }] },
  );
  const { instance } = made.createInstance;
  ids.Instance = instance.id;
  ids.InstanceFlowConfig = instance.flowConfigs.nodes[0].id;
  ids.InstanceConfigVariable = instance.configVariables.nodes[0].id;
  ids.RequiredConfigVariable = instance.configVariables.nodes[0].requiredConfigVariable.id;
  await ask(
    'mutation($id: ID!) { deployInstance(input: {id: $id}) { instance { id } errors { messages } } }',
    {
      id: ids.Instance,
    },
  );
  const tested = await ask(
    `mutation($id: ID!) { testInstanceFlowConfig(input: {id: $id, payload: "canary-payload"}) {
      testInstanceFlowConfigResult { execution { id } } errors { messages } } }`,
    { id: ids.InstanceFlowConfig },
  );
  ids.InstanceExecutionResult = tested.testInstanceFlowConfig.testInstanceFlowConfigResult.execution.id;
}
