// Who stands at a consent page: a browser known by its cookie, and the person signed in in it, if anybody.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isBrowserToken, newBrowserToken } from '../../authorize/browser-binding.ts';
import { isFault } from '../../kernel/fault.ts';
import type { Actor } from '../../tenancy/actor.ts';
import type { House } from '../house.ts';

export type PageVisitor = { readonly browserToken: string | null; readonly actor: Actor | null };

export async function visitorOf(house: House, request: FastifyRequest): Promise<PageVisitor> {
  const cookie = request.cookies[house.authorize.cookie.name];
  return { browserToken: isBrowserToken(cookie) ? cookie : null, actor: await signedIn(house, request) };
}

/** Keeps the browser's cookie, or gives it one: a form must be able to prove which browser it was shown to. */
export function ensureBrowserToken(house: House, visitor: PageVisitor, reply: FastifyReply): string {
  const token = visitor.browserToken ?? newBrowserToken();
  const { name, attributes } = house.authorize.cookie;
  const { maxAgeSeconds, ...rest } = attributes;
  void reply.setCookie(name, token, { ...rest, maxAge: maxAgeSeconds });
  return token;
}

// A session that has just ended is nobody: the page then says where to sign in.
async function signedIn(house: House, request: FastifyRequest): Promise<Actor | null> {
  try {
    return await house.actorBySession(request);
  } catch (error) {
    if (isFault(error, 'not_authenticated')) return null;
    throw error;
  }
}
