import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoClient } from '../../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount } from '../../testing/connect-account.ts';
import {
  declaredField,
  declareOAuthType,
  declareType,
  plainValues,
  storeCredential,
} from '../../testing/credential-kit.ts';
import { addVersion, connectionVariable } from '../../testing/instance-kit.ts';
import { openRefreshProcess, type RefreshProcess } from '../../testing/refresh-process.ts';
import { openTwoTenants, outcomeOf, type TwoTenants } from '../../testing/two-tenants.ts';
import { createAuthClient } from '../credentials/auth-client.ts';
import { type ConnectionType, getBuiltinType } from '../credentials/connection-type.ts';
import type { Credential } from '../credentials/credential.ts';
import { setTokens } from '../credentials/set-tokens.ts';
import { newId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { type ResolvedConnection, resolveConnection } from './resolve.ts';
import { createTemplate } from './template.ts';

let two: TwoTenants;
let emulator: Emulator;
let one: RefreshProcess;
beforeAll(async () => {
  two = await openTwoTenants();
  emulator = await startEmulator({ set: { rotation: 'always' } });
  one = await openRefreshProcess(two.house, emulator);
});
afterAll(async () => {
  await emulator.close();
  await two.house.close();
});

const within = <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
  two.house.doors.withTenant(two.a.tenant, work);
const builtin = (key: string) => within((tx) => getBuiltinType(tx, key));
const canary = (name: string) => `canary-${name}-${newId<never>() as string}`;

/** As a step of a component gets it: the token read first, then the fields. */
async function resolve(
  credential: Credential,
  wanted: ConnectionType | null = null,
  more: {
    readonly defaults?: Record<string, string>;
    readonly templateId?: string;
    readonly isTrusted?: boolean;
  } = {},
): Promise<ResolvedConnection> {
  const { isTrusted = true, templateId = null, defaults = {} } = more;
  const [variable = null] =
    wanted === null
      ? []
      : (await addVersion(two.house, [connectionVariable('My Connection', wanted, { templateId, defaults })]))
          .variables;
  const reading =
    credential.grant === null
      ? null
      : await one.reader.readToken({
          tenant: credential.tenantId,
          credentialId: credential.id,
          minTtlSeconds: 0,
        });
  return await within((tx) =>
    resolveConnection({
      tx,
      vault: two.house.vault,
      tenant: two.a.tenant,
      connectionId: null,
      credentialId: credential.id,
      variable,
      tokens: reading === null ? null : { stored: reading.grant.tokens, expiresAt: reading.grant.expiresAt },
      isTrusted,
    }),
  );
}

test('api_key_secret serves an AWS connection under its names, and an old step under its own', async () => {
  const aws = await declareType(two.house, {
    key: 'apiKeySecret',
    fields: [declaredField('accessKeyId'), declaredField('secretAccessKey', { secret: true })],
  });
  const credential = await storeCredential(two.house, 'api_key_secret', {
    api_key: 'AKIA1',
    api_secret: 'wJalr/x+y',
  });
  const resolved = await resolve(credential, aws);
  expect(resolved.modern).toEqual({
    key: 'apiKeySecret',
    configVarKey: 'My Connection',
    fields: { accessKeyId: 'AKIA1', secretAccessKey: 'wJalr/x+y' },
  });
  expect(resolved.legacy).toEqual({
    authorizationMethod: 'api_key_secret',
    fields: { api_key: 'AKIA1', api_secret: 'wJalr/x+y' },
  });
  expect(new Set(resolved.secrets)).toEqual(new Set(['AKIA1', 'wJalr/x+y']));
});

test('private_key serves an SFTP connection to the byte, without inventing a passphrase', async () => {
  const sftp = await declareType(two.house, {
    key: 'privateKey',
    fields: [
      declaredField('username'),
      declaredField('privateKey', { secret: true }),
      declaredField('passphrase', { secret: true, required: false }),
      declaredField('port', { defaultValue: '22' }),
    ],
  });
  const pem = `-----BEGIN OPENSSH PRIVATE KEY-----\r\n${'A'.repeat(70)}\n-----END OPENSSH PRIVATE KEY-----\n`;
  const credential = await storeCredential(two.house, 'private_key', { username: 'ada', private_key: pem });
  const { modern, legacy } = await resolve(credential, sftp);
  expect(modern.fields).toEqual({ username: 'ada', privateKey: pem, port: '22' });
  expect(legacy).toEqual({
    authorizationMethod: 'private_key',
    fields: { username: 'ada', private_key: pem },
  });
});

test('basic, api_key and noauth keep their keys for old and new steps', async () => {
  const cases: [string, Record<string, string>][] = [
    ['basic', { username: 'ada', password: 'p\u00e4ss 🔑' }],
    ['api_key', { api_key: 'eyJ.x.y' }],
    ['noauth', {}],
  ];
  for (const [key, values] of cases) {
    const { modern, legacy } = await resolve(await storeCredential(two.house, key, values));
    expect(modern).toEqual({ key, configVarKey: '', fields: values });
    expect(legacy).toEqual({ authorizationMethod: key, fields: values });
  }
});

test('oauth2 hands out the access token with the provider’s further words and the redirect’s, and how the app is called', async () => {
  const credential = await storeCredential(two.house, 'oauth2', {
    client_id: demoClient.client_id,
    client_secret: demoClient.client_secret,
    scopes: 'files.read',
    auth_uri: `${emulator.url}/authorize`,
    token_uri: `${emulator.url}/token`,
  });
  const { accessToken } = await connectAccount(two.house, emulator, credential, {
    expiresInSeconds: 600,
    dueInSeconds: 300,
    extra: { instance_url: 'https://na1.example', authed_user: { access_token: 'xoxp-user' } },
    callbackParams: { realmId: '42' },
  });
  const component = await declareOAuthType(two.house);
  const { modern, legacy } = await resolve(credential, component);
  const token = {
    access_token: accessToken,
    token_type: 'Bearer',
    instance_url: 'https://na1.example',
    authed_user: { access_token: 'xoxp-user' },
    expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  };
  expect(modern).toEqual({
    key: 'widgets',
    configVarKey: 'My Connection',
    fields: {
      clientId: demoClient.client_id,
      authorizeUrl: `${emulator.url}/authorize`,
      tokenUrl: `${emulator.url}/token`,
    },
    token,
    context: { realmId: '42' },
  });
  expect(legacy).toEqual({
    authorizationMethod: 'oauth2',
    fields: {
      client_id: demoClient.client_id,
      scopes: 'files.read',
      auth_uri: `${emulator.url}/authorize`,
      token_uri: `${emulator.url}/token`,
    },
    token,
    context: { realmId: '42' },
  });
});

test('no client secret and no refresh token is in what a step gets, wherever it was kept', async () => {
  const { a, house } = two;
  const secret = canary('client-secret');
  emulator.addClient({ client_id: 'canary-app', client_secret: secret });
  const urls = { auth: `${emulator.url}/authorize`, token: `${emulator.url}/token` };
  const widgets = await declareOAuthType(house);
  const shared = await within((tx) =>
    createAuthClient({
      tx,
      vault: house.vault,
      actor: a.owner,
      client: {
        unitId: a.organization.id,
        name: 'Shared',
        type: 'oauth2',
        identity: {
          clientId: 'canary-app',
          authorizeUrl: urls.auth,
          tokenUrl: urls.token,
          refreshUrl: null,
          revokeUrl: null,
          clientAuth: 'post',
        },
        secret: Plain.fromText(secret),
      },
    }),
  );
  const inTemplate = await within((tx) =>
    createTemplate({
      tx,
      vault: house.vault,
      actor: a.owner,
      unitId: a.organization.id,
      name: 'With a secret',
      type: widgets,
      values: plainValues({ clientSecret: secret, siteId: 'eu' }),
    }),
  );
  const typed = {
    client_id: 'canary-app',
    client_secret: secret,
    auth_uri: urls.auth,
    token_uri: urls.token,
  };
  const credentials = [
    await storeCredential(house, 'oauth2', typed, { label: 'Inline' }),
    await storeCredential(house, 'oauth2', {}, { authClientId: shared.id, label: 'Shared client' }),
    await storeCredential(
      house,
      widgets,
      {},
      { authClientId: shared.id, label: 'Template', templateId: inTemplate.id },
    ),
    await storeCredential(house, widgets, {
      clientId: 'canary-app',
      clientSecret: secret,
      authorizeUrl: urls.auth,
      tokenUrl: urls.token,
      siteId: 'us',
    }),
  ];
  const refreshTokens: string[] = [];
  for (const credential of credentials) {
    const identity = { client_id: 'canary-app', client_secret: secret };
    const timing = { expiresInSeconds: 300, dueInSeconds: 0, identity };
    refreshTokens.push((await connectAccount(house, emulator, credential, timing)).refreshToken);
  }
  const seen: ResolvedConnection[] = [];
  for (const credential of credentials) {
    for (const wanted of [null, widgets, await builtin('oauth2')]) {
      seen.push(
        await resolve(credential, wanted, { defaults: wanted === widgets ? { clientSecret: secret } : {} }),
      );
    }
  }
  await one.refresher.runOnce();
  for (const credential of credentials) seen.push(await resolve(credential, widgets));
  const manual = credentials[0];
  if (manual === undefined) throw new Error('no credential');
  const refreshToken = canary('manual-refresh');
  refreshTokens.push(refreshToken);
  await within((tx) =>
    setTokens({
      tx,
      vault: house.vault,
      actor: a.owner,
      id: manual.id,
      tokens: {
        accessToken: Plain.fromText('by-hand'),
        refreshToken: Plain.fromText(refreshToken),
        expiresInSeconds: 3600,
      },
      now: new Date(),
      random: Math.random,
    }),
  );
  seen.push(await resolve(manual, widgets));
  const everything = seen.map((one) => `${JSON.stringify(one)} ${inspect(one, { depth: 20 })}`).join('\n');
  expect(everything).toContain('by-hand');
  for (const hidden of [secret, ...refreshTokens]) expect(everything.includes(hidden)).toBe(false);
  expect(everything).not.toMatch(/"?refresh_token"?:/);
});

test('the order is credential, template, variable’s default, type’s default', async () => {
  const { a, house } = two;
  const type = await declareType(house, {
    key: 'ordered',
    fields: ['a', 'b', 'c', 'd', 'e'].map((key) =>
      declaredField(key, { required: false, ...(key === 'e' ? {} : { defaultValue: `type ${key}` }) }),
    ),
  });
  const template = await within((tx) =>
    createTemplate({
      tx,
      vault: house.vault,
      actor: a.owner,
      unitId: a.organization.id,
      name: 'Ordered',
      type,
      values: plainValues({ a: 'template a', b: 'template b' }),
    }),
  );
  const credential = await storeCredential(house, type, { a: 'credential a' });
  const { modern } = await resolve(credential, type, {
    templateId: template.id,
    defaults: { a: 'default a', b: 'default b', c: 'default c' },
  });
  expect(modern.fields).toEqual({ a: 'credential a', b: 'template b', c: 'default c', d: 'type d' });
});

test('an empty field is not filled by another one that sounds alike', async () => {
  const type = await declareType(two.house, {
    key: 'twins',
    fields: [
      declaredField('apiKey', { secret: true }),
      declaredField('token', { secret: true, required: false }),
    ],
  });
  const { modern } = await resolve(await storeCredential(two.house, type, { apiKey: 'k' }), type);
  expect(modern.fields).toEqual({ apiKey: 'k' });
});

test('a stranger’s component gets no secret of a template, whatever name its own field has', async () => {
  const { a, house } = two;
  const builtinType = await builtin('api_key_secret');
  const template = await within((tx) =>
    createTemplate({
      tx,
      vault: house.vault,
      actor: a.owner,
      unitId: a.organization.id,
      name: 'Organization’s',
      type: builtinType,
      values: plainValues({ api_key: 'template-key', api_secret: 'template-secret' }),
    }),
  );
  const wanted = await declareType(house, {
    key: 'stranger',
    // Declared as if nothing were secret.
    fields: [
      declaredField('accessKeyId', { required: false }),
      declaredField('secretAccessKey', { required: false }),
    ],
  });
  const credential = await storeCredential(house, 'noauth', {});
  const shown = async (isTrusted: boolean) => {
    const { modern, legacy } = await resolve(credential, wanted, { templateId: template.id, isTrusted });
    return JSON.stringify({ modern, legacy });
  };
  expect(await shown(false)).not.toMatch(/template-/);
  expect(await shown(true)).toContain('template-secret');
});

test('every secret text of a connection is named, so that it can be kept out of logs', async () => {
  const header = await declareType(two.house, {
    key: 'header',
    fields: [declaredField('headerValue', { secret: false })],
  });
  const credential = await storeCredential(two.house, 'api_key', { api_key: 'secret under a harmless name' });
  const { secrets, modern } = await resolve(credential, header);
  expect(modern.fields).toEqual({ headerValue: 'secret under a harmless name' });
  expect(secrets).toContain('secret under a harmless name');
});

test('nothing of another tenant resolves', async () => {
  const { b, house } = two;
  const theirs = await storeCredential(house, 'api_key', { api_key: 'theirs' }, { at: b });
  expect(await outcomeOf(() => resolve(theirs))).toBe('not_found');
});
