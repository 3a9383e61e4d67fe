// Bodies of forms. What is no UTF-8 is refused with its field's name: stored as something else it would stand on pages for
// ever (WHATWG URL, section 5.1, replaces it instead, which suits browsers, and browsers never send it).
import type { FastifyInstance } from 'fastify';
import { Fault, invalidField } from '../../kernel/fault.ts';

/** No form of ours comes near it. */
export const formLimitBytes = 32 * 1024;

/** A field that stands several times is an array of its values. */
export type FormBody = Readonly<Record<string, string | readonly string[]>>;

export function acceptForms(scope: FastifyInstance): void {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer', bodyLimit: formLimitBytes },
    (_request, body, done) => {
      try {
        done(null, readForm(body as Buffer));
      } catch (error) {
        done(error as Fault);
      }
    },
  );
}

export function readForm(body: Buffer): FormBody {
  const values = new Map<string, string[]>();
  for (const pair of body.toString('latin1').split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    if (name === null) {
      throw new Fault('bad_request', 'A field’s name is not UTF-8.', {
        cure: 'Send the form as the page has it.',
      });
    }
    const value = decode(at < 0 ? '' : pair.slice(at + 1));
    if (value === null) throw invalidField(name, 'is not UTF-8.', 'Send the form as UTF-8.');
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  const entries = [...values].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? '') : all] as const);
  return Object.fromEntries(entries);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Null for bytes that are no text. */
function decode(part: string): string | null {
  const bytes = part
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  try {
    return strict.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return null;
  }
}
