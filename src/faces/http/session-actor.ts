// The person behind a browser's session cookie. Browsers attach cookies to what other sites make them send, so a
// request that changes something must come from our own pages and be JSON or a form of theirs.
import type { FastifyRequest } from 'fastify';
import type { Accounts } from '../../accounts/accounts.ts';
import { Fault } from '../../kernel/fault.ts';
import type { Actor } from '../../tenancy/actor.ts';
import { requireSameOrigin } from './same-origin.ts';

const harmless = new Set(['GET', 'HEAD', 'OPTIONS']);

export function createActorBySession(deps: {
  readonly accounts: Pick<Accounts, 'actorByCookie'>;
  readonly publicUrl: () => string;
}): (request: FastifyRequest) => Promise<Actor | null> {
  return async (request) => {
    const { cookie } = request.headers;
    if (cookie === undefined) return null;
    const actor = await deps.accounts.actorByCookie(cookie);
    if (actor === null || harmless.has(request.method)) return actor;
    requireSameOrigin(request, deps.publicUrl());
    requireJsonOrForm(request);
    return actor;
  };
}

// Another site's page can send plain text and multipart without asking. Forms too, but only routes that read forms
// parse them (others answer 415 by themselves), and those check the form's token.
function requireJsonOrForm(request: FastifyRequest): void {
  const type = request.headers['content-type'];
  if (type === undefined && request.method === 'DELETE') return;
  if (/^application\/(([a-z.-]+\+)?json|x-www-form-urlencoded)\s*(;|$)/i.test(type ?? '')) return;
  throw new Fault('unsupported_media_type', 'A signed-in browser can send JSON and our own forms only.', {
    cure: 'Set the content type to application/json.',
  });
}
