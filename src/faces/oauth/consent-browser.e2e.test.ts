// cspell:ignore requestfailed
// The whole way of a person, in a real browser: set-up, a token, a secret connected at its provider. Our server and the provider
// are different sites here (localhost and 127.0.0.1), so cookies are sent as between two companies. Judged by what the screen
// shows, by the provider's ledger, and by what the browser complains of.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { demoClient } from '../../../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../../../providers/emulator.ts';
import { type ServerProcess, startServerProcess } from '../../../testing/running-server.ts';
import { testWhere } from '../../../testing/where.ts';

const executablePath = process.env.CHROMIUM_PATH ?? '';
const testInBrowser = testWhere(executablePath !== '', 'needs a browser in CHROMIUM_PATH');

let data: string;
let url: string;
let server: ServerProcess;
let emulator: Emulator;
let browser: Browser;
beforeAll(async () => {
  if (executablePath === '') return;
  data = await mkdtemp(join(tmpdir(), 'latchkey-browser-'));
  emulator = await startEmulator({ set: { rotation: 'always' } });
  const port = await freePort();
  url = `http://localhost:${port}`;
  server = startServerProcess({
    data,
    port,
    env: { PUBLIC_URL: url, LATCHKEY_EGRESS_ALLOW: new URL(emulator.url).host },
  });
  await server.ready;
  // As root, which CI is, the browser has no sandbox of its own; it sees nothing but our pages.
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser?.close();
  server?.child.kill('SIGTERM');
  await server?.exited;
  await emulator?.close();
  if (data !== undefined) await rm(data, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** A page as wide as a telephone that keeps what the browser complains of: refused styles and scripts, errors, failed loads. */
async function openPage(context: BrowserContext): Promise<{ page: Page; complaints: string[] }> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`));
  return { page, complaints };
}

/** Whoever reads on a telephone must not have to push the page to and fro. */
async function expectFits(page: Page): Promise<void> {
  const [content, width] = (await page.evaluate(
    'const { scrollWidth, clientWidth } = document.documentElement; [scrollWidth, clientWidth]',
  )) as [number, number];
  expect(content, page.url()).toBeLessThanOrEqual(width);
}

const telephone = { viewport: { width: 390, height: 800 } };

testInBrowser('a person sets up, connects an account at another site, and the token works', async () => {
  const context = await browser.newContext(telephone);
  const { page, complaints } = await openPage(context);
  await expect.poll(() => server.output()).toMatch(/setup\?token=\S{43,}/);
  await page.goto(/(http:\S+\/setup\?token=\S+)/.exec(server.output())?.[1] ?? '');
  await expectFits(page);
  await page.getByLabel('Organization').fill('Acme');
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('E-mail').fill('ada@acme.example');
  await page.getByLabel('Password').fill('correct horse battery staple');
  await page.getByRole('button', { name: 'Create organization' }).click();
  await page.waitForURL(`${url}/account`);
  await expectFits(page);
  const apiToken = await makeToken(page);
  const customer = await createCustomer(apiToken);

  await page.goto(`${url}/oauth/workspaces/${customer}/secrets/new`);
  await expectFits(page);
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('New secret');
  await page.getByLabel('Name of the client').fill('Files');
  await page.getByLabel('Client id').fill(demoClient.client_id);
  await page.getByLabel('Client secret').fill(demoClient.client_secret);
  await page.getByLabel('Authorization address').fill(`${emulator.url}/authorize`);
  await page.getByLabel('Token address').fill(`${emulator.url}/token`);
  await page.getByRole('button', { name: 'Add the client' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Sales');
  await page.getByLabel('Scopes').fill('files.read');
  await expectFits(page);
  await page.getByRole('button', { name: 'Continue' }).click();

  await page.getByRole('button', { name: /^Continue to / }).waitFor();
  await expectNothingForStrangers(page.url());
  await page.getByRole('button', { name: /^Continue to / }).click();
  await page.waitForURL((address) => address.origin === emulator.url);
  await page.getByLabel('Account').fill('ada');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.waitForURL((address) => address.origin === url);
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Is this the right account?');
  await expectFits(page);
  await page.getByRole('button', { name: 'Yes, connect it' }).click();
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Authorization Complete');
  await expectFits(page);

  const [secret] = await secretsOf(apiToken, customer);
  expect(secret?.attributes).toMatchObject({ name: 'Sales', state: 'ready' });
  expect(emulator.isLiveAccessToken(secret?.attributes.credentials.access_token ?? '')).toBe(true);
  expect(emulator.ledger.records().filter((record) => record.kind === 'code')).toHaveLength(1);
  expect(complaints).toEqual([]);
  await context.close();
});

/** The address alone, without the browser in which the person is signed in. */
async function expectNothingForStrangers(address: string): Promise<void> {
  const context = await browser.newContext(telephone);
  const page = await context.newPage();
  await page.goto(address);
  expect(new URL(page.url()).pathname).toBe('/sign-in');
  await expectFits(page);
  await context.close();
}

async function makeToken(page: Page): Promise<string> {
  await page.getByText('New API token').click();
  await page.getByLabel('Name', { exact: true }).first().fill('browser');
  await page.getByRole('button', { name: 'Make token' }).click();
  const shown = await page.locator('#token').textContent();
  return shown ?? '';
}

async function createCustomer(apiToken: string): Promise<string> {
  const answer = await fetch(`${url}/api`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      query: 'mutation { createCustomer(input: { name: "Hooli" }) { customer { id } errors { messages } } }',
    }),
  });
  const { data: made } = (await answer.json()) as { data: { createCustomer: { customer: { id: string } } } };
  return Buffer.from(made.createCustomer.customer.id, 'base64').toString('utf8').split(':')[1] ?? '';
}

type Secret = {
  readonly attributes: {
    readonly name: string;
    readonly state: string;
    readonly credentials: { readonly access_token: string };
  };
};

async function secretsOf(apiToken: string, workspace: string): Promise<readonly Secret[]> {
  const answer = await fetch(`${url}/v2/workspaces/${workspace}/secrets`, {
    headers: { authorization: `Bearer ${apiToken}` },
  });
  const { data: secrets } = (await answer.json()) as { data: readonly Secret[] };
  return secrets;
}
