// Whether a caller can read our answers at all: everything here is JSON.
import { Fault } from '../../kernel/fault.ts';

const readable = new Set(['*/*', 'application/*', 'application/json', 'application/vnd.api+json']);

/** Fault not_acceptable for an Accept header that leaves no room for JSON. Without one, anything goes (RFC 9110 12.5.1). */
export function requireJsonAccepted(accept: string | undefined): void {
  if (accept === undefined || accept.trim() === '' || accept.includes('application/json')) return;
  const ranges = accept.split(',').map((range) => range.split(';').map((part) => part.trim().toLowerCase()));
  const isReadable = ranges.some(
    ([type, ...params]) => readable.has(type ?? '') && !params.some((param) => /^q=0(\.0*)?$/.test(param)),
  );
  if (isReadable) return;
  throw new Fault('not_acceptable', 'The Accept header does not allow JSON.', {
    cure: 'Send "Accept: application/json", or leave it out.',
  });
}
