// The customer Hooli with its three credentials. Every value goes in once and comes out of no answer.
import type { Ask } from './graphql-client.ts';
import { hold } from './step-failure.ts';
import type { World } from './world.ts';

export type StoredCredential = {
  readonly id: string;
  readonly label: string;
  readonly readyForUse: boolean;
  readonly redirectUri: string | null;
  readonly authorizeUrl: string | null;
  readonly values: readonly { readonly key: string; readonly value: string | null }[];
};

export type CredentialName = 'dropbox' | 'googleMaps' | 'aws';
export type Credentials = Readonly<Record<CredentialName, StoredCredential>>;

const credentialFields = 'id label readyForUse redirectUri authorizeUrl values { key value }';

export async function createCustomer(ask: Ask): Promise<string> {
  type Answer = { createCustomer: { customer: { id: string; name: string; externalId: string } } };
  const { createCustomer: made } = await ask<Answer>(
    `mutation { createCustomer(input: {name: "Hooli", externalId: "hooli"}) {
       customer { id name externalId } errors { field messages } } }`,
  );
  hold(made.customer.name === 'Hooli' && made.customer.externalId === 'hooli', 'the customer is Hooli');
  return made.customer.id;
}

type Methods = { authorizationMethods: { nodes: { id: string; key: string; label: string }[] } };

export async function createCredentials(
  ask: Ask,
  customer: string,
  world: World,
  /** As somebody types it. */
  awsSecret: string,
): Promise<Credentials> {
  const { authorizationMethods } = await ask<Methods>('{ authorizationMethods { nodes { id key label } } }');
  const methodOf = (key: string) => {
    const method = authorizationMethods.nodes.find((node) => node.key === key);
    hold(method !== undefined, `there is an authorization method ${key}`);
    return method.id;
  };
  const create = async (label: string, method: string, values: Readonly<Record<string, string>>) => {
    type Answer = { createCustomerCredential: { credential: StoredCredential } };
    const { createCustomerCredential: made } = await ask<Answer>(
      `mutation($input: CreateCustomerCredentialInput!) {
         createCustomerCredential(input: $input) { credential { ${credentialFields} } errors { field messages } } }`,
      {
        input: {
          customer,
          label,
          authorizationMethod: methodOf(method),
          values: Object.entries(values).map(([key, value]) => ({ key, value })),
        },
      },
    );
    return made.credential;
  };
  const { accounts } = world.standIns;
  return {
    googleMaps: await create('Google Maps', 'api_key', { api_key: accounts.googleMaps.apiKey }),
    aws: await create('AWS', 'api_key_secret', {
      api_key: accounts.s3.accessKeyId,
      api_secret: awsSecret,
    }),
    dropbox: await create('Dropbox', 'oauth2', {
      client_id: world.app.clientId,
      client_secret: world.app.clientSecret,
      scopes: 'files.metadata.read files.content.read',
      auth_uri: `${world.provider.url}/authorize`,
      token_uri: `${world.provider.url}/token`,
      revoke_uri: `${world.provider.url}/revoke`,
    }),
  };
}

export async function readCredential(ask: Ask, id: string): Promise<StoredCredential> {
  type Answer = { credential: StoredCredential | null };
  const { credential } = await ask<Answer>(
    `query($id: ID!) { credential(id: $id) { ${credentialFields} } }`,
    { id },
  );
  hold(credential !== null, 'the credential is there');
  return credential;
}
