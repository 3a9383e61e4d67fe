// Endpoints that differ per customer: `https://{{shop}}.myshopify.com/oauth`. A placeholder stands only in the host,
// left of a literal suffix, so that whatever is filled in, the request stays at the same provider.
import { invalidField } from '../kernel/fault.ts';
import { checkEndpointUrl } from './endpoint-url.ts';

const placeholder = /\{\{\s*([A-Za-z][A-Za-z0-9_]{0,39})\s*\}\}/g;
// One or more host labels: letters, digits and inner hyphens (RFC 1123 2.1). Nothing here can end a host.
const hostValue = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){0,3}$/i;

/** The names of the placeholders, in order, each once. */
export function placeholdersOf(pattern: string): string[] {
  return [...new Set([...pattern.matchAll(placeholder)].map((match) => match[1] ?? ''))];
}

/** Save-time check of an endpoint that may have placeholders. */
export function checkEndpointPattern(pattern: string, field: string): void {
  pinnedSuffixOf(pattern, field);
  checkEndpointUrl(pattern.replaceAll(placeholder, 'x'), field);
}

/** Fills the placeholders in. Throws `invalid_field` naming the value that is not a plain host label. */
export function expandEndpointPattern(
  pattern: string,
  values: Readonly<Record<string, string>>,
  field: string,
): string {
  const suffix = pinnedSuffixOf(pattern, field);
  const expanded = pattern.replaceAll(placeholder, (_match, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined || !hostValue.test(value)) {
      throw invalidField(
        name,
        'is not a plain host name part.',
        'Use letters, digits, hyphens and dots only.',
      );
    }
    return value.toLowerCase();
  });
  const url = checkEndpointUrl(expanded, field);
  // The second lock on the same door: what was parsed must be where the pattern pinned it.
  if (suffix !== null && !url.hostname.endsWith(suffix)) {
    throw invalidField(field, 'leads to another host than its pattern.');
  }
  return expanded;
}

/** The literal end of the host, with its leading dot; null when there is no placeholder. */
function pinnedSuffixOf(pattern: string, field: string): string | null {
  const [, host, rest] = /^https?:\/\/((?:\{\{[^{}]*\}\}|[^/?#{}])*)(.*)$/i.exec(pattern) ?? [];
  if (host === undefined || rest === undefined) return null;
  if (/[{}]/.test(rest) || /[{}]/.test(host.replaceAll(placeholder, ''))) {
    throw invalidField(field, 'placeholders may stand only in the host name, as {{name}}.');
  }
  const end = host.lastIndexOf('}}');
  if (end === -1) return null;
  const suffix = host
    .slice(end + 2)
    .toLowerCase()
    .replace(/:\d+$/, '');
  if (!/^(?:\.[a-z0-9-]+){2,}$/.test(suffix) || isPublicSuffix(suffix)) {
    throw invalidField(
      field,
      'a placeholder needs a fixed provider domain to its right.',
      'Write for example https://{{subdomain}}.provider.com/oauth/token.',
    );
  }
  return suffix;
}

/** `.co.uk` and its like: two labels that anybody can register under. */
function isPublicSuffix(suffix: string): boolean {
  return /^\.(?:co|com|net|org|gov|edu|ac|gob|or|ne|go|nom|ltd|plc|me)\.[a-z]{2}$/.test(suffix);
}
