// A person with a browser, for demos and tests: a cookie jar that follows redirects, signs in at the emulator's
// pages and decides. It stops where the provider sends the browser back to the client.

export type CookieJar = {
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>;
};

/** One browser's cookies for any number of origins; redirects are left to the caller. */
export function createCookieJar(): CookieJar {
  const cookies: {
    readonly origin: string;
    readonly path: string;
    readonly name: string;
    readonly value: string;
  }[] = [];

  function remember(origin: string, header: string): void {
    const [pair = '', ...attributes] = header.split(';').map((part) => part.trim());
    const name = pair.slice(0, pair.indexOf('='));
    const value = pair.slice(pair.indexOf('=') + 1);
    const path = attributes.find((text) => /^path=/i.test(text))?.slice(5) ?? '/';
    const old = cookies.findIndex(
      (cookie) => cookie.origin === origin && cookie.path === path && cookie.name === name,
    );
    if (old >= 0) cookies.splice(old, 1);
    const gone = attributes.some((text) => /^expires=thu, 01 jan 1970|^max-age=0$/i.test(text));
    if (!gone) cookies.push({ origin, path, name, value });
  }

  return {
    fetch: async (url, init = {}) => {
      const { origin, pathname } = new URL(url);
      const sent = cookies
        .filter((cookie) => cookie.origin === origin && pathname.startsWith(cookie.path))
        .map(({ name, value }) => `${name}=${value}`);
      const headers = new Headers(init.headers);
      if (sent.length > 0) headers.set('cookie', sent.join('; '));
      const response = await fetch(url, { ...init, headers, redirect: 'manual' });
      for (const header of response.headers.getSetCookie()) remember(origin, header);
      return response;
    },
  };
}

export type ConsentWalk = {
  readonly jar?: CookieJar;
  readonly login?: string;
  readonly decision?: 'allow' | 'deny';
  /** Address with which the walk is over, by prefix: the client's redirect URI. */
  readonly until: string;
};

const maxSteps = 20;

/** From the authorize URL to the client's callback URL with `code` or `error`, which is not fetched. */
export async function walkConsent(authorizeUrl: string, walk: ConsentWalk): Promise<URL> {
  const jar = walk.jar ?? createCookieJar();
  let url = authorizeUrl;
  let response = await jar.fetch(url);
  for (let step = 0; step < maxSteps; step += 1) {
    const location = response.headers.get('location');
    if (location !== null) {
      url = new URL(location, url).href;
      if (url.startsWith(walk.until)) return new URL(url);
      response = await jar.fetch(url);
      continue;
    }
    const page = await response.text();
    const form = page.includes('name="login"')
      ? new URLSearchParams({ login: walk.login ?? 'ada', password: 'ignored' })
      : new URLSearchParams({ decision: walk.decision ?? 'allow' });
    const action = /<form method="post" action="([^"]+)"/.exec(page)?.[1];
    if (action === undefined) throw new Error(`No form to fill in (status ${response.status}).`);
    url = new URL(action, url).href;
    response = await jar.fetch(url, { method: 'POST', body: form });
  }
  throw new Error('The consent did not come to an end.');
}
