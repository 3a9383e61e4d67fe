// What the account routes share: how a request is read, and how one route answers people with pages and programs with
// JSON. A program says what it is by sending JSON.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts } from '../../accounts/accounts.ts';
import type { Browser } from '../../accounts/sign-in-library.ts';
import { Plain } from '../../kernel/plain.ts';
import type { Actor } from '../../tenancy/actor.ts';
import type { House } from '../house.ts';
import { type ErrorDialect, plainDialect } from '../http/server.ts';
import { errorPage } from '../pages/error-page.ts';
import { formText } from '../pages/form-guard.ts';
import { type Html, html } from '../pages/html.ts';

export type AccountHouse = Pick<
  House,
  'publicUrl' | 'clock' | 'doors' | 'actorBySession' | 'authenticate'
> & {
  readonly accounts: Accounts;
};

export function browserOf(request: FastifyRequest): Browser {
  return {
    cookie: request.headers.cookie ?? null,
    address: request.ip,
    userAgent: request.headers['user-agent'] ?? null,
  };
}

export function isJson(request: FastifyRequest): boolean {
  return /^application\/json\b/i.test(request.headers['content-type'] ?? '');
}

/** A page for people, JSON for whoever sent or asked for JSON. */
export const eitherDialect: ErrorDialect = (fault, request) => {
  const { accept = '' } = request.headers;
  const wantsData = isJson(request) || (accept.includes('json') && !accept.includes('html'));
  return wantsData ? plainDialect(fault, request) : errorPage(fault, request);
};

/** A text of the body, JSON or form; empty when it is absent. */
export function textOf(request: FastifyRequest, name: string): string {
  return formText(request.body, name);
}

export function secretOf(request: FastifyRequest, name: string): Plain {
  return Plain.fromText(textOf(request, name));
}

export function setCookies(reply: FastifyReply, cookies: readonly string[]): void {
  for (const cookie of cookies) reply.header('set-cookie', cookie);
}

/** Who is signed in; null has been sent to the sign-in page, which leads back here. */
export async function personOrSignIn(
  house: AccountHouse,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Actor | null> {
  const actor = await house.actorBySession(request);
  if (actor !== null) return actor;
  const next = request.method === 'GET' ? request.url : '/account';
  reply.redirect(`/sign-in?next=${encodeURIComponent(next)}`, 303);
  return null;
}

/** The header's right side on pages of somebody who is signed in. */
export function signedInAside(actor: Actor, token: Html): Html {
  return html`<span>${actor.name}</span><form class="inline" method="post" action="/sign-out">${token}<button class="quiet slim">Sign out</button></form>`;
}
