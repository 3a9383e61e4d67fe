// Sets up the first owner of a running server as a browser would, and makes an API token.
import { createCookieJar } from '../providers/walk-consent.ts';

/** As the account page proposes it: what people follow our pages with is a token that ends. */
const tokenLifeMs = 90 * 24 * 60 * 60 * 1000;

export async function setUpOwner(url: string, setupUrl: string): Promise<{ readonly apiToken: string }> {
  const jar = createCookieJar();
  const form = await (await jar.fetch(setupUrl)).text();
  const hidden = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
  const fields = new URLSearchParams([
    ...hidden.map(([, name = '', value = '']) => [name, value] as [string, string]),
    ['organization', 'Acme'],
    ['name', 'Ada'],
    ['email', 'ada@acme.example'],
    ['password', 'correct horse battery staple'],
  ]);
  const done = await jar.fetch(`${url}/setup`, { method: 'POST', body: fields, headers: { origin: url } });
  if (done.status !== 303) throw new Error(`set-up answered ${done.status}: ${await done.text()}`);
  const made = await jar.fetch(`${url}/account/tokens`, {
    method: 'POST',
    body: JSON.stringify({ name: 'test', expiresAt: new Date(Date.now() + tokenLifeMs) }),
    headers: { origin: url, 'content-type': 'application/json' },
  });
  const { token } = (await made.json()) as { token: string };
  return { apiToken: token };
}
