// The first person of the installation: sets it up in a browser, then makes an API token for the program.
import { randomBytes } from 'node:crypto';
import { type Browser, createBrowser } from './browser.ts';
import { hold } from './step-failure.ts';

export type Owner = {
  readonly browser: Browser;
  readonly email: string;
  readonly password: string;
  readonly apiToken: string;
};

export async function setUpOwner(url: string, setupUrl: string): Promise<Owner> {
  const browser = createBrowser();
  const email = 'monica@acme.example';
  const password = randomBytes(18).toString('base64url');
  const form = await browser.open(setupUrl);
  const account = await browser.submit(form, {
    organization: 'Acme Integrations',
    name: 'Monica Hall',
    email,
    password,
  });
  hold(account.status === 200 && new URL(account.url).pathname === '/account', 'the form leads to /account');
  const again = await createBrowser().open(setupUrl);
  hold(again.status === 410, `the set-up link works once (then ${again.status})`);
  const made = await browser.postJson(`${url}/account/tokens`, { name: 'Demo program' });
  const token =
    typeof made.body === 'object' && made.body !== null && 'token' in made.body && made.body.token;
  hold(made.status === 201 && typeof token === 'string', `the session makes an API token (${made.status})`);
  return { browser, email, password, apiToken: token };
}
