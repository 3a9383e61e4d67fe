// Endpoint URLs as people type them: what is wrong with one is said when it is saved. Whether it may be dialled
// (https, public address) is decided when it is, in `egress.ts`.
import { invalidField } from '../kernel/fault.ts';

const maxUrlLength = 2048;
/** As the parser answers it: lower case, other alphabets as "xn--...", IPv6 in brackets. Some providers' hosts have underscores. */
const properHost = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/;

/** Save-time check of an endpoint: an absolute http(s) URL without userinfo and fragment. Answers it parsed. */
export function checkEndpointUrl(text: string, field: string): URL {
  const problem = endpointProblem(text);
  if (problem !== null) {
    throw invalidField(field, problem, 'Give an absolute URL such as https://provider.example/oauth/token.');
  }
  return new URL(text);
}

/** Where a person's browser is sent: https, except to this very machine (RFC 6749 3.1). */
export function checkAuthorizeUrl(text: string, field: string): URL {
  const url = checkEndpointUrl(text, field);
  if (isAuthorizeUrl(text)) return url;
  throw invalidField(field, 'does not use https.', 'Make an auth client with an https address.');
}

export function isAuthorizeUrl(text: string): boolean {
  if (endpointProblem(text) !== null) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

function endpointProblem(text: string): string | null {
  if (text.length > maxUrlLength) return `is longer than ${maxUrlLength} characters.`;
  // The URL parser drops tabs and newlines and turns backslashes into slashes: what a person reads would not be
  // what is dialled, so none of them may be there in the first place.
  if (hasUnsafeCharacter(text)) return 'contains a space, a control character or a backslash.';
  if (!/^https?:\/\/[^/]/i.test(text)) return 'is not an absolute http or https URL.';
  if (!URL.canParse(text)) return 'is not a URL.';
  const url = new URL(text);
  const authority = /^https?:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  if (authority.includes('@') || url.username !== '' || url.password !== '') {
    return 'must not contain a user name or password.';
  }
  if (text.includes('#')) return 'must not contain a fragment (#).';
  if (url.hostname === '' || url.hostname.endsWith('.') || url.hostname.includes('..')) {
    return 'has no proper host name.';
  }
  // The parser lets more through, ";" and "," among it, which would end a directive of the page that leads there.
  if (!properHost.test(url.hostname)) {
    return 'has a host name with other characters than letters, digits, dots and hyphens.';
  }
  return null;
}

function hasUnsafeCharacter(text: string): boolean {
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point <= 0x20 || (point >= 0x7f && point <= 0xa0) || character === '\\') return true;
    // Bidirectional controls and line separators make a URL look like another one.
    if ((point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069)) return true;
    if (point >= 0x200b && point <= 0x200f) return true;
  }
  return false;
}
