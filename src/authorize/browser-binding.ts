// Binds a consent to the browser that began it: a random cookie whose hash is stored, and a form token derived from it.
// `Lax`, because the provider's redirect back to us is a cross-site navigation on which a `Strict` cookie stays at home.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Fault } from '../kernel/fault.ts';

export type BrowserCookie = {
  readonly name: string;
  readonly attributes: {
    readonly path: '/';
    readonly httpOnly: true;
    readonly sameSite: 'lax';
    readonly secure: boolean;
    readonly maxAgeSeconds: number;
  };
};

// Longer than one consent and its confirmation take, so that a page left open over lunch still ends in words.
const maxAgeSeconds = 7_200;

/** The prefix makes browsers refuse the cookie from a sibling host or over http; it demands `Secure` (RFC 6265bis 4.1.3). */
export function browserCookie(publicUrl: string): BrowserCookie {
  const secure = new URL(publicUrl).protocol === 'https:';
  return {
    name: secure ? '__Host-lk-authz' : 'lk-authz',
    attributes: { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAgeSeconds },
  };
}

export function newBrowserToken(): string {
  return randomBytes(32).toString('base64url');
}

/** True for a cookie value that `newBrowserToken` may have made; a browser keeps its own for parallel consents. */
export function isBrowserToken(text: string | null | undefined): text is string {
  return typeof text === 'string' && /^[A-Za-z0-9_-]{43}$/.test(text);
}

export function hashBrowserToken(token: string): Buffer {
  return createHash('sha256').update(`browser ${token}`).digest();
}

export function isSameBrowser(stored: Buffer, token: string): boolean {
  const hash = hashBrowserToken(token);
  return stored.length === hash.length && timingSafeEqual(stored, hash);
}

/** Stands in the page's form, so that a page of somebody else cannot submit it. `purpose` is the key in the page's address. */
export function formToken(browserToken: string, purpose: string): string {
  return createHash('sha256').update(`form ${browserToken} ${purpose}`).digest('base64url');
}

/** A Fault unless the form came from a page that we gave to this browser for this purpose. */
export function checkFormToken(given: string, browserToken: string | null, purpose: string): string {
  if (!isBrowserToken(browserToken)) throw noCookie();
  const expected = Buffer.from(formToken(browserToken, purpose));
  const received = Buffer.from(given);
  if (expected.length === received.length && timingSafeEqual(expected, received)) return browserToken;
  throw new Fault('forbidden', 'This form does not come from the page that was shown here.', {
    cure: 'Load the page again and repeat the step there.',
  });
}

export function noCookie(): Fault {
  return new Fault('bad_request', 'This browser did not begin the connection.', {
    cure: 'Open the link again in the browser in which you began, with cookies allowed.',
  });
}
