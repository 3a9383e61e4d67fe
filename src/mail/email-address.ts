// One recipient address. Anything that could smuggle a second recipient, a display name or a header is refused.
import { domainToASCII } from 'node:url';
import { invalidField } from '../kernel/fault.ts';

declare const brand: unique symbol;
export type EmailAddress = string & { readonly [brand]: 'EmailAddress' };

// RFC 5321 dot-string; quoted local parts are legal but nobody has one and they carry spaces and angle brackets.
const localPart = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const hostLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The address with its domain in ASCII, or a fault that names `field`. */
export function parseEmailAddress(text: string, field: string): EmailAddress {
  const refuse = (problem: string) =>
    invalidField(field, problem, 'Write one address like name@example.com.');
  if (text.length > 254) throw refuse('longer than 254 characters.');
  const at = text.lastIndexOf('@');
  if (at < 1) throw refuse('is not an e-mail address.');
  const local = text.slice(0, at);
  if (/[^\p{ASCII}]/u.test(local)) throw refuse('letters outside ASCII are not supported before the @.');
  if (local.length > 64 || !localPart.test(local)) throw refuse('is not an e-mail address.');
  const written = text.slice(at + 1);
  // `domainToASCII` repairs what it reads (it drops tabs, folds dots); only letters, digits, dots, hyphens may enter.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(written)) throw refuse('has a domain that is not a host name.');
  const domain = domainToASCII(written);
  const labels = domain.split('.');
  if (labels.length < 2 || domain.length > 253 || !labels.every((label) => hostLabel.test(label))) {
    throw refuse('has a domain that is not a host name.');
  }
  if (/^\d+$/.test(labels.at(-1) ?? '')) throw refuse('has an IP address as its domain.');
  return `${local}@${domain}` as EmailAddress;
}
