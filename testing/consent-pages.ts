// The pages of a consent and the GraphQL face on a port of their own, over the house of the JSON:API face: people open pages
// in browsers that keep cookies, fill in forms by name, and sign in at the emulator.
import { createCookieJar } from '../providers/walk-consent.ts';
import { createAuthorize } from '../src/authorize/authorize.ts';
import { registerGraphql } from '../src/faces/graphql/register-graphql.ts';
import type { House } from '../src/faces/house.ts';
import { createHttpServer } from '../src/faces/http/server.ts';
import { registerOAuthPages } from '../src/faces/oauth/register.ts';
import { registerPages } from '../src/faces/pages/register-pages.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createEgress } from '../src/oauth/egress.ts';
import type { Actor } from '../src/tenancy/actor.ts';
import type { JsonApiHouse } from './jsonapi-house.ts';

export type PageSeen = {
  readonly url: string;
  readonly status: number;
  readonly html: string;
  /** Every address on the way to it, the last one included. */
  readonly trail: readonly string[];
};

export type PageBrowser = {
  /** `path` of ours, or a whole address. Follows redirects. */
  readonly open: (path: string) => Promise<PageSeen>;
  /** Fills in the form of that page that has all these fields and presses its button. */
  readonly submit: (page: PageSeen, fields: Readonly<Record<string, string>>) => Promise<PageSeen>;
};

export type ConsentPages = {
  readonly url: string;
  /** Null: nobody is signed in in it. */
  readonly browser: (actor: Actor | null) => PageBrowser;
  /** The data of a GraphQL answer, as the owner gets it. */
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into answers of every shape
  readonly graphql: (query: string, variables?: Readonly<Record<string, unknown>>) => Promise<any>;
  readonly close: () => Promise<void>;
};

const session = 'x-signed-in-for-this-test';

export async function openConsentPages(house: JsonApiHouse): Promise<ConsentPages> {
  const signedIn: Actor[] = [];
  const app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: false });
  // The port is known only when the server listens, and all addresses are made with it.
  const reserved = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: false });
  const url = (await reserved.listen({ host: '127.0.0.1', port: 0 })).replace(/\/+$/, '');
  await reserved.close();
  const { rooms, face, emulator } = house;
  const authorize = createAuthorize({
    doors: rooms.doors,
    vault: rooms.vault,
    egress: createEgress({ allow: [new URL(emulator.url).host], log: silentLog }),
    clock: face.clock,
    random: face.random,
    mailer: { send: async () => {} },
    publicUrl: url,
    log: silentLog,
    allowHeadless: false,
    pinnedProviders: [],
  });
  const whole: House = {
    ...face,
    log: silentLog,
    authorize,
    publicUrl: () => url,
    actorBySession: async (request) => signedIn[Number(request.headers[session] ?? -1)] ?? null,
  };
  registerPages(app);
  await registerOAuthPages(app, whole);
  await registerGraphql(app, whole);
  await app.listen({ host: '127.0.0.1', port: Number(new URL(url).port) });
  return {
    url,
    browser: (actor) => {
      if (actor === null) return openBrowser(url, {});
      return openBrowser(url, { [session]: String(signedIn.push(actor) - 1) });
    },
    graphql: async (query, variables = {}) => {
      const response = await fetch(`${url}/api`, {
        method: 'POST',
        body: JSON.stringify({ query, variables }),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${house.ownerToken}` },
      });
      const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
      if (errors !== undefined) throw new Error(JSON.stringify(errors));
      return data;
    },
    close: async () => {
      await app.close();
    },
  };
}

function openBrowser(home: string, headers: Readonly<Record<string, string>>): PageBrowser {
  const jar = createCookieJar();

  async function follow(address: string, first: RequestInit): Promise<PageSeen> {
    let url = address;
    let init = first;
    const trail: string[] = [];
    for (let count = 0; count < 15; count += 1) {
      trail.push(url);
      const own = url.startsWith(`${home}/`) ? headers : {};
      const response = await jar.fetch(url, { ...init, headers: { ...own, ...init.headers } });
      const location = response.headers.get('location');
      if (location === null) return { url, status: response.status, html: await response.text(), trail };
      await response.body?.cancel();
      url = new URL(location, url).href;
      init = {};
    }
    throw new Error(`redirects without end at ${url}`);
  }

  return {
    open: (path) => follow(new URL(path, home).href, {}),
    submit: (page, fields) => {
      for (const [form] of page.html.matchAll(/<form\b[\s\S]*?<\/form>/g)) {
        const names = new Set([...form.matchAll(/\bname="([^"]*)"/g)].map(([, name]) => name));
        if (!Object.keys(fields).every((name) => names.has(name))) continue;
        const hidden = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
        const body = new URLSearchParams(
          hidden.map(([, name = '', value = '']): [string, string] => [name, value]),
        );
        for (const [name, value] of Object.entries(fields)) body.set(name, value);
        const action = /^<form[^>]*\baction="([^"]*)"/.exec(form)?.[1] ?? page.url;
        return follow(new URL(action, page.url).href, { method: 'POST', body });
      }
      throw new Error(`no form with ${Object.keys(fields).join(', ')} (status ${page.status}): ${page.html}`);
    },
  };
}
