// The pages of a consent: /oauth/start (who asks), the provider's way back to /callback, /oauth/consent (confirm, done,
// failed). GET changes nothing; codes and states never stay in an address that a browser keeps.
import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { checkFormToken } from '../../authorize/browser-binding.ts';
import type { ConsentView } from '../../authorize/consent-view.ts';
import { parseRecordKey, tenantOfSecretLink } from '../../authorize/link-key.ts';
import type { StartPage } from '../../authorize/start-page.ts';
import { Fault, notFound } from '../../kernel/fault.ts';
import type { ConnectionId, CredentialId } from '../../kernel/ids.ts';
import type { Actor } from '../../tenancy/actor.ts';
import type { House } from '../house.ts';
import { dressErrorPages, errorPage } from '../pages/error-page.ts';
import { acceptForms } from '../pages/form-bodies.ts';
import { formText } from '../pages/form-guard.ts';
import { sendPage } from '../pages/layout.ts';
import { consentWords, startWords } from './consent-page.ts';
import { registerNewSecret } from './new-secret.ts';
import { subjectOf } from './subject.ts';
import { ensureBrowserToken, type PageVisitor, visitorOf } from './visitor.ts';

type KeyParams = { readonly Params: { readonly key: string } };

export async function registerOAuthPages(app: FastifyInstance, house: House): Promise<void> {
  const pages: FastifyPluginAsync = async (scope) => {
    await scope.register(cookie);
    acceptForms(scope);
    dressErrorPages(scope);
    const config = { errorDialect: errorPage };
    scope.get<KeyParams>('/oauth/start/:key', { config }, (request, reply) =>
      showStart(house, request, reply),
    );
    scope.post<KeyParams>('/oauth/start/:key', { config }, (request, reply) => begin(house, request, reply));
    registerNewSecret(scope, house);
    // The context is in the path so that a code meant for one provider cannot be posted to another; `completeCallback`
    // compares the whole address with the one that the consent was begun with.
    for (const path of [
      '/callback',
      '/callback/oauth2',
      '/callback/c/:context',
      '/callback/oauth2/:context',
    ]) {
      scope.get(path, { config }, (request, reply) => receive(house, request, reply));
    }
    scope.get<KeyParams>('/oauth/consent/:key', { config }, (request, reply) =>
      showConsent(house, request, reply),
    );
    scope.post<KeyParams>('/oauth/consent/:key', { config }, (request, reply) =>
      decide(house, request, reply),
    );
  };
  await app.register(pages);
}

type Door =
  | { readonly kind: 'invitation'; readonly token: string }
  | { readonly kind: 'session'; readonly id: CredentialId | ConnectionId; readonly actor: Actor | null };

function doorOf(key: string, visitor: PageVisitor): Door {
  if (tenantOfSecretLink(key) !== null) return { kind: 'invitation', token: key };
  const named = parseRecordKey<CredentialId>(key);
  if (named === null) throw notFound('Connection');
  if (visitor.actor !== null && visitor.actor.tenant !== named.tenant) throw notFound('Connection');
  return { kind: 'session', id: named.id, actor: visitor.actor };
}

async function showStart(
  house: House,
  request: FastifyRequest<KeyParams>,
  reply: FastifyReply,
): Promise<unknown> {
  const { key } = request.params;
  const visitor = await visitorOf(house, request);
  const door = doorOf(key, visitor);
  if (door.kind === 'session' && door.actor === null) return toSignIn(request, reply);
  const page = await startPageOf(house, door);
  const words = startWords(page, key, ensureBrowserToken(house, visitor, reply));
  // Chrome holds a form's redirect to its page's form-action: the provider must be on the list to be reached.
  return sendPage(reply, { ...words, formTargets: [page.providerOrigin] });
}

async function startPageOf(house: House, door: Door): Promise<StartPage> {
  if (door.kind === 'invitation') return await house.authorize.invitationPage(door.token);
  if (door.actor === null) throw notFound('Connection');
  const { actor, id } = door;
  const about = await house.doors.withTenant(actor.tenant, (tx) => subjectOf(tx, actor, id));
  return await house.authorize.startPage({ actor, ...about });
}

function toSignIn(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.redirect(`/sign-in?next=${encodeURIComponent(request.url)}`, 303);
}

async function begin(
  house: House,
  request: FastifyRequest<KeyParams>,
  reply: FastifyReply,
): Promise<unknown> {
  const { key } = request.params;
  const visitor = await visitorOf(house, request);
  const browserToken = checkFormToken(formText(request.body, 'form_token'), visitor.browserToken, key);
  const door = doorOf(key, visitor);
  if (door.kind === 'invitation') {
    const begun = await house.authorize.begin({
      policy: 'invitation',
      browserToken,
      invitationToken: door.token,
    });
    return reply.redirect(begun.authorizeUrl, 303);
  }
  if (door.actor === null) return toSignIn(request, reply);
  const { actor, id } = door;
  const about = await house.doors.withTenant(actor.tenant, (tx) => subjectOf(tx, actor, id));
  const begun = await house.authorize.begin({ policy: 'session', browserToken, actor, ...about });
  return reply.redirect(begun.authorizeUrl, 303);
}

async function receive(house: House, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { pathname, query } = splitUrl(request.url);
  const visitor = await visitorOf(house, request);
  const receivedRedirectUri = `${house.publicUrl()}${pathname}`;
  const view = await house.authorize.completeCallback({ receivedRedirectUri, query, ...visitor });
  return reply.redirect(`/oauth/consent/${view.key}`, 303);
}

async function showConsent(
  house: House,
  request: FastifyRequest<KeyParams>,
  reply: FastifyReply,
): Promise<unknown> {
  const view = await house.authorize.view({ key: request.params.key, ...(await visitorOf(house, request)) });
  return answerView(reply, view);
}

async function decide(
  house: House,
  request: FastifyRequest<KeyParams>,
  reply: FastifyReply,
): Promise<unknown> {
  const decision = formText(request.body, 'decision');
  if (decision !== 'accept' && decision !== 'cancel') {
    throw new Fault('invalid_field', 'decision: is neither accept nor cancel.', {
      field: 'decision',
      cure: 'Use the buttons of the page.',
    });
  }
  const view = await house.authorize.confirm({
    key: request.params.key,
    formToken: formText(request.body, 'form_token'),
    decision,
    acceptsAccountChange: formText(request.body, 'accepts_account_change') === 'yes',
    ...(await visitorOf(house, request)),
  });
  return answerView(reply, view);
}

/** A finished consent goes on to the caller's own pages when it named some; they were checked against the list just now. */
function answerView(reply: FastifyReply, view: ConsentView): FastifyReply {
  if ('redirect' in view && view.redirect !== null) return reply.redirect(view.redirect, 303);
  return sendPage(reply, { ...consentWords(view), formTargets: redirectOrigins(view) });
}

function redirectOrigins(view: ConsentView): readonly string[] {
  const { successRedirect, failureRedirect } = view.snapshot;
  return [successRedirect, failureRedirect].flatMap((url) => (url === null ? [] : [new URL(url).origin]));
}

function splitUrl(url: string): { readonly pathname: string; readonly query: string } {
  const mark = url.indexOf('?');
  return mark === -1
    ? { pathname: url, query: '' }
    : { pathname: url.slice(0, mark), query: url.slice(mark + 1) };
}
