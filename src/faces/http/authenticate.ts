// Who sends a request: an API token as bearer, or as the password of HTTP Basic with the principal's e-mail; or a browser
// session, for requests that carry neither.
import type { FastifyRequest } from 'fastify';
import { Fault } from '../../kernel/fault.ts';
import type { Actor } from '../../tenancy/actor.ts';

export type Authenticate = (request: FastifyRequest) => Promise<Actor>;

export type Authenticators = {
  readonly actorByApiToken: (token: string) => Promise<Actor>;
  /** The signed-in person's principal, or null when the request carries no live session. */
  readonly actorBySession: (request: FastifyRequest) => Promise<Actor | null>;
};

const maxHeaderLength = 4_096;

export function createAuthenticate(by: Authenticators): Authenticate {
  return async (request) => {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      const actor = await by.actorBySession(request);
      if (actor !== null) return actor;
      throw notAuthenticated('The request carries no credentials.');
    }
    if (authorization.length > maxHeaderLength)
      throw notAuthenticated('The Authorization header is too long.');
    const bearer = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
    if (bearer !== undefined) return await by.actorByApiToken(bearer);
    const basic = /^Basic +([A-Za-z0-9+/_-]+=*)$/i.exec(authorization)?.[1];
    if (basic !== undefined) return await byBasic(by, basic);
    throw notAuthenticated('The Authorization header is neither Bearer nor Basic.');
  };
}

async function byBasic(by: Authenticators, encoded: string): Promise<Actor> {
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  const actor = await by.actorByApiToken(colon === -1 ? '' : pair.slice(colon + 1));
  const user = pair.slice(0, Math.max(colon, 0)).toLowerCase();
  // The key alone identifies its principal; a wrong e-mail beside it means that somebody mixed two accounts up.
  if (actor.email !== null && actor.email.toLowerCase() !== user) {
    throw notAuthenticated('The e-mail does not belong to this API key.');
  }
  return actor;
}

function notAuthenticated(problem: string): Fault {
  return new Fault('not_authenticated', problem, {
    cure: 'Send an API token as "Authorization: Bearer <token>", or as the password of HTTP Basic with your e-mail as user.',
  });
}
