// A person's browser without the person: cookies, redirects, and forms filled in by the names of their fields. It knows
// no address but those that pages lead it to.
import { createCookieJar } from '../providers/walk-consent.ts';
import { StepFailure } from './step-failure.ts';

export type PageSeen = {
  readonly url: string;
  readonly status: number;
  readonly html: string;
  /** Text of the first heading. */
  readonly heading: string;
};

export type Browser = {
  readonly open: (url: string) => Promise<PageSeen>;
  /** Fills in and sends the page's form that has all these fields; hidden ones go along as they stand. */
  readonly submit: (page: PageSeen, fields: Readonly<Record<string, string>>) => Promise<PageSeen>;
  /** As a script of the page would send it. */
  readonly postJson: (url: string, body: unknown) => Promise<{ status: number; body: unknown }>;
};

const maxRedirects = 15;

export function createBrowser(): Browser {
  const jar = createCookieJar();

  async function follow(url: string, init: RequestInit): Promise<PageSeen> {
    let at = url;
    let response = await jar.fetch(at, init);
    for (let count = 0; count < maxRedirects; count += 1) {
      const location = response.headers.get('location');
      if (location === null) return seen(at, response.status, await response.text());
      await response.body?.cancel();
      at = new URL(location, at).href;
      response = await jar.fetch(at);
    }
    throw new StepFailure(`${new URL(at).origin} redirects without end`);
  }

  return {
    open: (url) => follow(url, {}),
    submit: (page, fields) => {
      const form = findForm(page, Object.keys(fields));
      const { origin } = new URL(page.url);
      const body = new URLSearchParams({ ...form.hidden, ...fields });
      return follow(new URL(form.action, page.url).href, { method: 'POST', body, headers: { origin } });
    },
    postJson: async (url, body) => {
      const response = await jar.fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: new URL(url).origin },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: JSON.parse(await response.text()) as unknown };
    },
  };
}

function seen(url: string, status: number, html: string): PageSeen {
  const heading = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(html)?.[1] ?? '';
  return { url, status, html, heading: decoded(heading.replace(/<[^>]+>/g, '')).trim() };
}

function findForm(page: PageSeen, names: readonly string[]) {
  for (const [whole, attributes = ''] of page.html.matchAll(/<form\b([^>]*)>[\s\S]*?<\/form>/g)) {
    const controls = [...whole.matchAll(/<(?:input|button|select)\b[^>]*>/g)].map(([tag]) => tag);
    const offered = controls.map((tag) => attribute(tag, 'name'));
    if (!names.every((name) => offered.includes(name))) continue;
    const hidden = controls
      .filter((tag) => attribute(tag, 'type') === 'hidden')
      .map((tag): [string, string] => [attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? '']);
    return { action: attribute(attributes, 'action') ?? page.url, hidden: Object.fromEntries(hidden) };
  }
  const wanted = names.length === 0 ? 'a form' : `a form with ${names.join(', ')}`;
  throw new StepFailure(`the page "${page.heading}" (status ${page.status}) has not ${wanted}`);
}

function attribute(tag: string, name: string): string | null {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? null : decoded(value);
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decoded(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return entities[name] ?? whole;
    return String.fromCodePoint(decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal));
  });
}
