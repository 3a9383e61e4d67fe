// Where a browser may be sent when a consent has ended: only to origins that the organization has listed. Checked when
// a target is saved and again when it is used, because the list can shrink in between. Compared as text with what the
// URL parser understood, so that nothing can read one way to us and another way to a browser.
import { invalidField } from '../kernel/fault.ts';

const maxLength = 2_048;
const cure =
  'Give an absolute https URL of an origin that the organization allows, such as https://app.example.com/done.';

/** The URL, or a Fault that names `field`. */
export function checkRedirectTarget(text: string, origins: readonly string[], field: string): URL {
  const read = readTarget(text);
  if (typeof read === 'string') throw invalidField(field, read, cure);
  if (!isListed(read, origins)) {
    throw invalidField(
      field,
      `${read.origin} is not an allowed origin.`,
      'Ask an owner or admin to add this origin to the organization’s redirect origins.',
    );
  }
  return read;
}

/** At redirect time: null instead of a Fault, for the page of our own is shown then. */
export function allowedTarget(text: string, origins: readonly string[]): URL | null {
  const read = readTarget(text);
  return typeof read === 'string' || !isListed(read, origins) ? null : read;
}

function isListed(url: URL, origins: readonly string[]): boolean {
  return origins.some((origin) => origin === url.origin && typeof readTarget(origin) !== 'string');
}

/** The parsed URL, or what is wrong with the text. */
function readTarget(text: string): URL | string {
  if (text.length > maxLength) return `is longer than ${maxLength} characters.`;
  // The parser drops tabs and newlines, turns backslashes into slashes and folds look-alike letters of hosts.
  if (!/^[\x21-\x7e]+$/.test(text) || /[\\<>"`^{|}]/.test(text))
    return 'holds a character that a URL must not have.';
  const [, scheme = '', authority = '', rest = ''] = /^(https?):\/\/([^/?#]+)(.*)$/s.exec(text) ?? [];
  if (scheme === '' || !URL.canParse(text)) return 'is not an absolute https URL.';
  if (authority.includes('@')) return 'must not contain a user name or password.';
  if (rest.includes('#')) return 'must not contain a fragment (#).';
  if (rest.startsWith('//')) return 'must not begin its path with //.';
  const url = new URL(text);
  // `https://2130706433`, `https://%65vil.example`, `https://EVIL.example.`: one spelling only, the parser's own.
  const isPlain = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d+)?$/.test(authority);
  if (!isPlain || url.host !== authority || url.hostname.endsWith('.'))
    return 'does not spell its host plainly.';
  if (scheme === 'http' && !isLoopback(url.hostname)) return 'must use https.';
  return url;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** What faces check before they save redirects with a credential or a connection. */
export function checkRedirects(
  redirects: { readonly success: string | null; readonly failure: string | null },
  origins: readonly string[],
  fields = { success: 'redirects.success', failure: 'redirects.failure' },
): void {
  for (const outcome of ['success', 'failure'] as const) {
    const target = redirects[outcome];
    if (target !== null) checkRedirectTarget(target, origins, fields[outcome]);
  }
}
