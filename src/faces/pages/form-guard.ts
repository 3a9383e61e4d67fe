// Forms that only our own pages can send: the browser says where a form comes from, and a hidden field must match a
// cookie that no other site can read or, with its __Host- prefix, set.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault, invalidField } from '../../kernel/fault.ts';
import { requireSameOrigin } from '../http/same-origin.ts';
import { type Html, html } from './html.ts';

const fieldName = 'form_token';

/** The hidden field that `requireOwnForm` wants back; sets the cookie when the browser has none. */
export function formToken(request: FastifyRequest, reply: FastifyReply, publicUrl: string): Html {
  const cookie = cookieOf(publicUrl);
  let secret = readCookie(request, cookie.name);
  if (secret === null) {
    secret = randomBytes(32).toString('base64url');
    reply.header('set-cookie', `${cookie.name}=${secret}; ${cookie.attributes}`);
  }
  return html`<input type="hidden" name="${fieldName}" value="${fieldValue(secret)}">`;
}

/** For routes that take forms. Throws `forbidden` for a form that is not ours. */
export function requireOwnForm(request: FastifyRequest, publicUrl: string): void {
  requireSameOrigin(request, publicUrl);
  const secret = readCookie(request, cookieOf(publicUrl).name);
  const given = Buffer.from(formText(request.body, fieldName));
  const wanted = Buffer.from(secret === null ? '' : fieldValue(secret));
  if (secret !== null && given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  throw new Fault('forbidden', 'The form is no longer valid.', {
    cure: 'Go back, load the page again, and allow cookies for this site.',
  });
}

/** One field of a form's body; empty when it is absent. */
export function formText(body: unknown, name: string): string {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return '';
  const value: unknown = Object.entries(body).find(([key]) => key === name)?.[1];
  if (Array.isArray(value))
    throw invalidField(name, 'is given more than once.', 'Send the form as the page has it.');
  return typeof value === 'string' ? value : '';
}

/** All values of a field that may stand several times, such as a row of checkboxes. */
export function formTexts(body: unknown, name: string): readonly string[] {
  if (typeof body !== 'object' || body === null) return [];
  const value: unknown = Object.entries(body).find(([key]) => key === name)?.[1];
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function cookieOf(publicUrl: string): { readonly name: string; readonly attributes: string } {
  const base = 'Path=/; HttpOnly; SameSite=Lax';
  return publicUrl.startsWith('https:')
    ? { name: '__Host-latchkey_form', attributes: `${base}; Secure` }
    : { name: 'latchkey_form', attributes: base };
}

function readCookie(request: FastifyRequest, name: string): string | null {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const found = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  return /^[A-Za-z0-9_-]{43}$/.test(found) ? found : null;
}

// Not the secret itself: what stands in the page does not tell the cookie.
function fieldValue(secret: string): string {
  return createHash('sha256').update(`latchkey form\0${secret}`).digest('base64url');
}
