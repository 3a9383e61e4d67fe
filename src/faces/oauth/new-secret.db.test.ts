// A person makes a secret of a workspace by signing in at its provider; the emulator is the provider and its ledger the
// judge. What comes of it is looked at through both dialects.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type ConsentPages,
  openConsentPages,
  type PageBrowser,
  type PageSeen,
} from '../../../testing/consent-pages.ts';
import { type JsonApiHouse, openJsonApiHouse } from '../../../testing/jsonapi-house.ts';
import { toGlobalId } from '../graphql/global-id.ts';

let house: JsonApiHouse;
let pages: ConsentPages;
beforeAll(async () => {
  house = await openJsonApiHouse();
  pages = await openConsentPages(house);
});
afterAll(async () => {
  await pages.close();
  await house.close();
});

let count = 0;
/** With nothing of another test in it. */
async function newWorkspace(): Promise<{
  readonly id: string;
  readonly page: string;
  readonly level: Record<string, unknown>;
}> {
  count += 1;
  const made = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: `Workspace ${count}` },
      relationships: { contract: { data: { id: house.rooms.customer.id, type: 'contract' } } },
    },
  });
  const { id } = made.body.data;
  return {
    id,
    page: `/oauth/workspaces/${id}/secrets/new?component=for-${id}`,
    level: {
      workspace: { data: { id, type: 'workspace' } },
      components: { data: [{ id: `for-${id}`, type: 'component' }] },
    },
  };
}

const secretsOf = async (workspace: string) =>
  (await house.ask('GET', `/workspaces/${workspace}/secrets`)).body.data;

/** From our start page through the provider's pages and back; the addresses on the way. */
async function consent(
  browser: PageBrowser,
  start: PageSeen,
  decision = 'allow',
): Promise<readonly PageSeen[]> {
  const signIn = await browser.submit(start, {});
  const question = await browser.submit(signIn, { login: 'ada' });
  const back = await browser.submit(question, { decision });
  if (decision !== 'allow') return [signIn, back];
  return [signIn, back, await browser.submit(back, { decision: 'accept' })];
}

test('a single client is taken without a question, and the secret holds tokens that work', async () => {
  const { id, page, level } = await newWorkspace();
  const clientId = await house.makeClient({}, level);
  const browser = pages.browser(house.rooms.owner);
  const form = await browser.open(page);
  expect(form.status, form.html).toBe(200);
  expect(form.html).toContain(`Workspace ${count}`);
  expect(form.html).not.toContain('<select');
  const start = await browser.submit(form, {
    name: 'Sales',
    scope: 'files.read files.write',
    additional_params: 'access_type:offline,prompt:consent',
  });
  expect(start.url).toMatch(/\/oauth\/start\/[\w-]{43}$/);
  expect(start.html).toContain('files.write');
  const before = await secretsOf(id);
  expect(before).toHaveLength(1);
  expect(before[0].attributes).toMatchObject({
    state: 'error',
    error: 'Nobody has connected an account yet.',
  });
  const [signIn, , done] = await consent(browser, start);
  expect(done?.html).toContain('Authorization Complete');
  const asked = house.emulator.ledger.records().filter((record) => record.kind === 'code');
  expect(asked).toHaveLength(1);
  const authorizeUrl = new URL(
    signIn?.trail.find((url) => url.startsWith(`${house.emulator.url}/authorize?`)) ?? '',
  );
  expect(Object.fromEntries(authorizeUrl.searchParams)).toMatchObject({
    access_type: 'offline',
    prompt: 'consent',
    scope: 'files.read files.write',
    code_challenge_method: 'S256',
    redirect_uri: expect.stringMatching(/\/callback\/c\/[\w-]+$/),
  });
  const [secret] = await secretsOf(id);
  expect(secret).toMatchObject({
    id: before[0].id,
    attributes: {
      name: 'Sales',
      type: 'oauth2',
      state: 'ready',
      credentials: {
        scope: 'files.read files.write',
        refresh_token: '********',
        expires_in: expect.any(Number),
        undefined_params: {},
      },
    },
    relationships: { workspace: { data: { id } }, auth_client: { data: { id: clientId } } },
  });
  expect(JSON.parse(secret.attributes.credentials.additional_params)).toEqual({
    access_type: 'offline',
    prompt: 'consent',
  });
  expect(house.emulator.isLiveAccessToken(secret.attributes.credentials.access_token)).toBe(true);
  const asCredential = await pages.graphql(
    'query($id: ID!) { credential(id: $id) { label readyForUse authorizationError values { key value } customer { name } } }',
    { id: toGlobalId('Credential', secret.id) },
  );
  expect(asCredential.credential).toEqual({
    label: 'Sales',
    readyForUse: true,
    authorizationError: null,
    values: [{ key: 'scopes', value: null }],
    customer: { name: 'Hooli' },
  });
  const refreshed = await house.ask('POST', `/workspaces/${id}/secrets/${secret.id}/refresh`);
  expect(refreshed.status, refreshed.text).toBe(200);
});

test('several clients are offered, and the chosen one is used', async () => {
  const { id, page, level } = await newWorkspace();
  const first = await house.makeClient({}, level);
  const second = await house.makeClient({ token_expires_in: 77 }, level);
  const browser = pages.browser(house.rooms.owner);
  const form = await browser.open(page);
  const offered = [...form.html.matchAll(/<option value="([^"]+)"/g)].map(([, value]) => value);
  expect(new Set(offered)).toEqual(new Set([first, second]));
  const start = await browser.submit(form, { auth_client: second, name: 'Chosen' });
  await consent(browser, start);
  const [secret] = await secretsOf(id);
  expect(secret.attributes.state).toBe('ready');
  expect(secret.relationships.auth_client.data.id).toBe(second);
});

test('offered is what the workspace can see: its own clients, those above it, none of a sibling', async () => {
  const one = await newWorkspace();
  const other = await newWorkspace();
  const component = { components: { data: [{ id: `for-${one.id}`, type: 'component' }] } };
  const { customer, organization } = house.rooms;
  const seen = [
    await house.makeClient({}, one.level),
    await house.makeClient({}, { ...component, contract: { data: { id: customer.id, type: 'contract' } } }),
    await house.makeClient({}, { ...component, tenant: { data: { id: organization.id, type: 'tenant' } } }),
  ];
  const ofSibling = await house.makeClient({}, { ...other.level, ...component });
  const ofOtherComponent = await house.makeClient({}, { ...one.level, components: { data: [] } });
  const browser = pages.browser(house.rooms.owner);
  const form = await browser.open(one.page);
  const offered = [...form.html.matchAll(/<option value="([^"]+)"/g)].map(([, value]) => value);
  expect(new Set(offered)).toEqual(new Set(seen));
  for (const hidden of [ofSibling, ofOtherComponent, 'x', '']) {
    const refused = await browser.submit(form, { auth_client: hidden, name: 'Forged' });
    expect(refused.status).toBe(400);
    expect(refused.html).toContain('is not among those offered');
    expect(refused.html).toContain('value="Forged"');
  }
  expect(await secretsOf(one.id)).toEqual([]);
});

test('a client that is not there yet is added for this workspace alone, and then chosen', async () => {
  const { id, page } = await newWorkspace();
  const browser = pages.browser(house.rooms.owner);
  const empty = await browser.open(page);
  expect(empty.html).toContain('There is no OAuth client here yet');
  const { url } = house.emulator;
  const typed = {
    client_name: 'Added here',
    client_id: 'latchkey-demo',
    client_secret: 'latchkey-demo-secret',
    auth_uri: `${url}/authorize`,
    token_uri: `${url}/token`,
  };
  const refused = await browser.submit(empty, { ...typed, token_uri: 'no address' });
  expect(refused.status).toBe(400);
  expect(refused.html).toContain('value="Added here"');
  expect(refused.html).not.toContain('latchkey-demo-secret');
  const form = await browser.submit(refused, typed);
  expect(form.html).toContain('Added here');
  const listed = await house.ask('GET', `/auth-clients?workspace_id=${id}&filter[component]=for-${id}`);
  expect(listed.body.data).toHaveLength(1);
  expect(listed.body.data[0].relationships.workspace.data.id).toBe(id);
  const [, , done] = await consent(browser, await browser.submit(form, { name: 'With it' }));
  expect(done?.html).toContain('Authorization Complete');
  expect((await secretsOf(id))[0].attributes.state).toBe('ready');
});

test('what the provider denies leaves a secret that says so, and it is connected anew at its own address', async () => {
  const { id, page, level } = await newWorkspace();
  await house.makeClient({}, level);
  const browser = pages.browser(house.rooms.owner);
  const start = await browser.submit(await browser.open(page), { name: 'Second try' });
  const [, denied] = await consent(browser, start, 'deny');
  expect(denied?.html).toContain('access_denied');
  const [before] = await secretsOf(id);
  expect(before.attributes.state).toBe('error');
  expect(before.attributes.credentials).not.toHaveProperty('access_token');
  const again = await browser.open(`/oauth/workspaces/${id}/secrets/${before.id}`);
  expect(again.url).toBe(start.url);
  await consent(browser, again);
  const after = await secretsOf(id);
  expect(after).toHaveLength(1);
  expect(after[0]).toMatchObject({ id: before.id, attributes: { state: 'ready' } });
});

test('a credential that the other dialect made and a person connected is a ready secret of its contract’s workspace', async () => {
  const { customer, owner } = house.rooms;
  const { url } = house.emulator;
  const methods = await pages.graphql('{ authorizationMethods { nodes { id key } } }');
  const made = await pages.graphql(
    `mutation($input: CreateCustomerCredentialInput!) { createCustomerCredential(input: $input) {
      credential { id authorizeUrl } errors { messages } } }`,
    {
      input: {
        customer: toGlobalId('Customer', customer.id),
        label: 'From elsewhere',
        authorizationMethod: methods.authorizationMethods.nodes.find(
          (method: { key: string }) => method.key === 'oauth2',
        ).id,
        values: [
          { key: 'client_id', value: 'latchkey-demo' },
          { key: 'client_secret', value: 'latchkey-demo-secret' },
          { key: 'scopes', value: 'files.read' },
          { key: 'auth_uri', value: `${url}/authorize` },
          { key: 'token_uri', value: `${url}/token` },
        ],
      },
    },
  );
  expect(made.createCustomerCredential.errors).toEqual([]);
  const { authorizeUrl } = made.createCustomerCredential.credential;
  const browser = pages.browser(owner);
  await consent(browser, await browser.open(authorizeUrl));
  const listed = await secretsOf(customer.id);
  expect(listed).toHaveLength(1);
  expect(listed[0].attributes).toMatchObject({
    name: 'From elsewhere',
    type: 'oauth2',
    state: 'ready',
    credentials: { scope: 'files.read' },
  });
  expect(house.emulator.isLiveAccessToken(listed[0].attributes.credentials.access_token)).toBe(true);
  const refreshed = await house.ask('POST', `/workspaces/${customer.id}/secrets/${listed[0].id}/refresh`);
  expect(refreshed.status, refreshed.text).toBe(200);
  // Its own address leads to the same start page.
  const again = await browser.open(`/oauth/workspaces/${customer.id}/secrets/${listed[0].id}`);
  expect(again.url).toBe(authorizeUrl);
});

test('only who may connect sees the page, and only a form of its own makes anything', async () => {
  const { id, page, level } = await newWorkspace();
  await house.makeClient({}, level);
  const nobody = await pages.browser(null).open(page);
  expect(new URL(nobody.url).pathname).toBe('/sign-in');
  expect(new URL(nobody.url).searchParams.get('next')).toBe(page);
  const { rooms } = house;
  const guest = await rooms.addActor(rooms, rooms.customer.id, 'customer_user');
  expect((await pages.browser(guest).open(page)).status).toBe(403);
  const stranger = pages.browser((await rooms.addTenant('Umbrella')).owner);
  expect((await stranger.open(page)).status).toBe(404);
  const browser = pages.browser(rooms.owner);
  const form = await browser.open(page);
  const forged = await browser.submit(form, { name: 'Forged', form_token: 'x'.repeat(43) });
  expect(forged.status).toBe(403);
  for (const [fields, field] of [
    [{ name: ' ' }, 'name'],
    [{ name: 'n', scope: 'a\u0007b' }, 'scope'],
    [{ name: 'n', additional_params: 'no pair' }, 'additional_params'],
    [{ name: 'n', additional_params: '{"a": [1]}' }, 'additional_params'],
    [{ name: 'n', additional_params: 'client_id:another' }, 'additional_params'],
  ] as const) {
    const refused = await browser.submit(form, fields);
    expect(refused.status, field).toBe(400);
    expect(refused.html).toContain(`id="${field}-problem"`);
  }
  expect((await browser.open(`/oauth/workspaces/${rooms.organization.id}/secrets/new`)).status).toBe(404);
  expect((await browser.open(`/oauth/workspaces/${id}/secrets/${id}`)).status).toBe(404);
  expect(await secretsOf(id)).toEqual([]);
});

test.each(['{AUTH_URI}', 'http://login.example.com/authorize'])(
  'a client whose authorization address is none, or not https, is refused before anything is stored: %s',
  async (address) => {
    const { id, page, level } = await newWorkspace();
    await house.makeClient({ auth_uri: address }, level);
    const browser = pages.browser(house.rooms.owner);
    const refused = await browser.submit(await browser.open(page), { name: 'Nowhere' });
    expect(refused.status).toBe(400);
    expect(refused.html).toContain(
      'The client has no proper authorization address. Choose or add another one.',
    );
    expect(await secretsOf(id)).toEqual([]);
  },
);
