// Did one of our own pages send this request? Browsers say so in two headers that pages cannot forge; programs that
// are no browsers send neither, and carry no stranger's cookies.
import type { FastifyRequest } from 'fastify';
import { Fault } from '../../kernel/fault.ts';

/** Throws `forbidden` for what another site made a browser send. */
export function requireSameOrigin(request: FastifyRequest, publicUrl: string): void {
  const site = request.headers['sec-fetch-site'];
  // "none" is a person's own doing: the address bar, a bookmark.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw fromElsewhere();
  const { origin } = request.headers;
  if (origin === undefined || isOwn(origin, request, publicUrl)) return;
  // Pages with the policy no-referrer send "null"; then the browser's other word has to vouch.
  if (origin === 'null' && site === 'same-origin') return;
  throw fromElsewhere();
}

// A page of ours may be open under another name than the public one (localhost instead of 127.0.0.1). A browser sends
// the Host that it asked for, so an equal Origin is the same place.
function isOwn(origin: string, request: FastifyRequest, publicUrl: string): boolean {
  return origin === new URL(publicUrl).origin || origin === `${request.protocol}://${request.host}`;
}

function fromElsewhere(): Fault {
  return new Fault('forbidden', 'The request came from another site.', {
    cure: 'Open the page here and try again.',
  });
}
