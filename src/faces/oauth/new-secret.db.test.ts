// A person makes a secret of a workspace by signing in at its provider; the emulator is the provider and its ledger the
// judge. What comes of it is looked at through both dialects.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConsentPages, openConsentPages, type PageBrowser, type PageSeen } from '../../../testing/consent-pages.ts';
import { type JsonApiHouse, openJsonApiHouse } from '../../../testing/jsonapi-house.ts';
import { listCredentials } from '../../credentials/credential.ts';
import type { UnitId } from '../../kernel/ids.ts';
import { firstPage } from '../../kernel/page.ts';

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
async function newWorkspace(): Promise<{ readonly id: string; readonly page: string; readonly level: object }> {
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

const secretsOf = async (workspace: string) => (await house.ask('GET', `/workspaces/${workspace}/secrets`)).body.data;

/** From our start page through the provider's pages and back; the addresses on the way. */
async function consent(browser: PageBrowser, start: PageSeen, decision = 'allow'): Promise<readonly PageSeen[]> {
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
  expect(before[0].attributes).toMatchObject({ state: 'error', error: 'Nobody has connected an account yet.' });
  const [signIn, , done] = await consent(browser, start);
  expect(done?.html).toContain('Authorization Complete');
  const asked = house.emulator.ledger.records().filter((record) => record.kind === 'code');
  expect(asked).toHaveLength(1);
  expect(signIn?.url.startsWith(house.emulator.url)).toBe(true);
  const [secret] = await secretsOf(id);
  expect(secret).toMatchObject({
    id: before[0].id,
    attributes: {
      name: 'Sales',
      type: 'oauth2',
      state: 'ready',
      credentials: {
        scope: 'files.read files.write',
        additional_params: '{"access_type":"offline","prompt":"consent"}',
        refresh_token: '********',
        expires_in: expect.any(Number),
        undefined_params: {},
      },
    },
    relationships: { workspace: { data: { id } }, auth_client: { data: { id: clientId } } },
  });
  expect(house.emulator.isLiveAccessToken(secret.attributes.credentials.access_token)).toBe(true);
  // The other dialect's list of that unit has it too.
  const { doors, tenant, owner } = house.rooms;
  const listed = await doors.withTenant(tenant, (tx) =>
    listCredentials({ tx, actor: owner, unitId: id as UnitId, page: firstPage }),
  );
  expect(listed.items.map((item) => [item.id, item.label, item.grant?.state])).toEqual([
    [secret.id, 'Sales', 'active'],
  ]);
  const refreshed = await house.ask('POST', `/workspaces/${id}/secrets/${secret.id}/refresh`);
  expect(refreshed.status, refreshed.text).toBe(200);
});
