// The account face on a listening server over a fresh database, with browsers that keep cookies.
import { type CookieJar, createCookieJar } from '../providers/walk-consent.ts';
import { type Accounts, createAccounts } from '../src/accounts/accounts.ts';
import { registerAccount } from '../src/faces/account/register-account.ts';
import { createAuthenticate } from '../src/faces/http/authenticate.ts';
import { createHttpServer } from '../src/faces/http/server.ts';
import { createActorBySession } from '../src/faces/http/session-actor.ts';
import { registerPages } from '../src/faces/pages/register-pages.ts';
import { type Clock, systemClock } from '../src/kernel/clock.ts';
import { silentLog } from '../src/kernel/log.ts';
import { openTestHouse, type TestHouse } from './test-house.ts';

export const founder = {
  organization: 'Initech',
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  password: 'correct horse battery',
} as const;

export type Answer = { readonly status: number; readonly text: string; readonly headers: Headers };

export type TestBrowser = {
  readonly jar: CookieJar;
  readonly get: (path: string) => Promise<Answer>;
  /** As a person would: opens `page`, fills in its hidden fields and sends the form to `action`. */
  readonly submit: (
    page: string,
    action: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>;
  readonly json: (method: string, path: string, body?: unknown, headers?: object) => Promise<Answer>;
};

export type AccountTestHouse = {
  readonly rooms: TestHouse;
  readonly accounts: Accounts;
  readonly url: string;
  readonly clock: Clock & { readonly pass: (ms: number) => void };
  readonly browser: () => TestBrowser;
  /** Set up by `founder`, signed in. */
  readonly foundedBrowser: () => Promise<TestBrowser>;
  readonly close: () => Promise<void>;
};

export async function openAccountHouse(
  options: { readonly isHttps?: boolean } = {},
): Promise<AccountTestHouse> {
  const rooms = await openTestHouse();
  const { doors, vault, authority, database } = rooms;
  const { isHttps = false } = options;
  let passedMs = 0;
  const clock = {
    now: () => new Date(systemClock.now().getTime() + passedMs),
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
    pass: (ms: number) => {
      passedMs += ms;
    },
  };
  const accounts = await createAccounts({
    database: database.database,
    doors,
    vault,
    authority,
    clock,
    log: silentLog,
    isHttps,
  });
  const app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps });
  let url = '';
  const publicUrl = () => (isHttps ? 'https://latchkey.example' : url);
  const actorBySession = createActorBySession({ accounts, publicUrl });
  const authenticate = createAuthenticate({ actorByApiToken: authority.actorByApiToken, actorBySession });
  registerPages(app);
  await registerAccount(app, { publicUrl, clock, doors, actorBySession, authenticate, accounts });
  url = (await app.listen({ host: '127.0.0.1', port: 0 })).replace(/\/+$/, '');
  const browser = () => openBrowser(url);
  return {
    rooms,
    accounts,
    url,
    clock,
    browser,
    foundedBrowser: async () => {
      const token = await accounts.ensureSetupLink();
      const made = browser();
      const answer = await made.json('POST', '/setup', { ...founder, token });
      if (answer.status !== 201) throw new Error(`The set-up failed: ${answer.text}`);
      return made;
    },
    close: async () => {
      await app.close();
      await rooms.close();
    },
  };
}

function openBrowser(url: string): TestBrowser {
  const jar = createCookieJar();
  const ask = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await jar.fetch(`${url}${path}`, init);
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return {
    jar,
    get: (path) => ask(path),
    submit: async (page, action, fields, headers = {}) => {
      const { text } = await ask(page);
      const hidden = [...text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(
        ([, name = '', value = '']) => [name, value] as const,
      );
      return await ask(action, {
        method: 'POST',
        body: new URLSearchParams({ ...Object.fromEntries(hidden), ...fields }),
        headers: { origin: url, 'sec-fetch-site': 'same-origin', ...headers },
      });
    },
    json: (method, path, body, headers = {}) =>
      ask(path, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      }),
  };
}
