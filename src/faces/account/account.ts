// /account for people: who they are, their API tokens and service accounts. Every change is a form of its own; a new
// token's text is shown in the answer to its form and nowhere else.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { listServiceAccounts } from '../../accounts/service-account.ts';
import { type Fault, notFound } from '../../kernel/fault.ts';
import type { UnitId } from '../../kernel/ids.ts';
import { type Actor, can } from '../../tenancy/actor.ts';
import { listApiTokens } from '../../tenancy/list-api-tokens.ts';
import { isMendable } from '../pages/field.ts';
import { formTexts, formToken, requireOwnForm } from '../pages/form-guard.ts';
import { sendPage } from '../pages/layout.ts';
import { type AccountView, accountBody, newTokenBody, revokeBody } from './account-page.ts';
import { type AccountHouse, personOrSignIn, signedInAside, textOf } from './exchange.ts';
import { makeService } from './service-accounts.ts';
import { dropToken, makeToken } from './tokens.ts';

// Whoever reloads or goes back to the answer of a form asks for its address; there is only the account to show.
const formPaths = ['/account/new-token', '/account/new-service', '/account/place'];

type IdParams = { readonly Params: { readonly id: string } };

export function registerAccountPages(scope: FastifyInstance, house: AccountHouse): void {
  scope.get('/account', async (request, reply) => {
    const actor = await personOrSignIn(house, request, reply);
    return actor === null ? reply : showAccount(house, request, reply, actor, null);
  });
  for (const path of formPaths) {
    scope.get(path, async (_request, reply) => reply.redirect('/account', 303));
  }
  scope.post('/account/new-token', async (request, reply) => {
    const actor = await personWithForm(house, request, reply);
    return actor === null ? reply : createToken(house, request, reply, actor);
  });
  scope.get<IdParams>('/account/tokens/:id/revoke', async (request, reply) => {
    const actor = await personOrSignIn(house, request, reply);
    return actor === null ? reply : askToRevoke(house, request, reply, actor);
  });
  scope.post<IdParams>('/account/tokens/:id/revoke', async (request, reply) => {
    const actor = await personWithForm(house, request, reply);
    if (actor === null) return reply;
    await dropToken(house, actor, request.params.id);
    return reply.redirect('/account', 303);
  });
  scope.post('/account/new-service', async (request, reply) => {
    const actor = await personWithForm(house, request, reply);
    if (actor === null) return reply;
    try {
      const [name, role] = [textOf(request, 'serviceName'), textOf(request, 'role')];
      await makeService(house, actor, { name, unitId: null, role });
      return reply.redirect('/account', 303);
    } catch (error) {
      if (!isMendable(error)) throw error;
      return showAccount(house, request, reply, actor, { form: 'service', fault: error });
    }
  });
  scope.post('/account/place', async (request, reply) => {
    const actor = await personWithForm(house, request, reply);
    if (actor === null) return reply;
    const places = await house.accounts.placesOf(actor);
    const chosen = places.find((place) => place.principalId === textOf(request, 'principalId'));
    if (chosen === undefined) throw notFound('Organization');
    await house.accounts.actAs(actor, chosen.tenant, chosen.principalId);
    return reply.redirect('/account', 303);
  });
}

async function personWithForm(
  house: AccountHouse,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Actor | null> {
  const actor = await personOrSignIn(house, request, reply);
  if (actor !== null) requireOwnForm(request, house.publicUrl());
  return actor;
}

async function createToken(
  house: AccountHouse,
  request: FastifyRequest,
  reply: FastifyReply,
  actor: Actor,
): Promise<FastifyReply> {
  try {
    const scopes = formTexts(request.body, 'scopes');
    const { token } = await makeToken(house, actor, {
      name: textOf(request, 'name'),
      scopes: scopes.length === 0 ? null : scopes,
      expiresAt: expiryOf(house, textOf(request, 'expiresInDays')),
      principalId: textOf(request, 'principalId') || null,
    });
    const aside = signedInAside(actor, formToken(request, reply, house.publicUrl()));
    return sendPage(reply, {
      title: 'New API token',
      aside,
      body: newTokenBody({ name: textOf(request, 'name'), token, publicUrl: house.publicUrl() }),
    });
  } catch (error) {
    if (!isMendable(error)) throw error;
    return showAccount(house, request, reply, actor, { form: 'token', fault: error });
  }
}

function expiryOf(house: AccountHouse, days: string): Date | null {
  if (!/^\d{1,4}$/.test(days)) return null;
  return new Date(house.clock.now().getTime() + Number(days) * 24 * 60 * 60 * 1000);
}

async function askToRevoke(
  house: AccountHouse,
  request: FastifyRequest<IdParams>,
  reply: FastifyReply,
  actor: Actor,
): Promise<FastifyReply> {
  const tokens = await house.doors.withTenant(actor.tenant, (tx) => listApiTokens({ tx, actor }));
  const token = tokens.find((one) => one.id === request.params.id && one.revokedAt === null);
  if (token === undefined) throw notFound('API token');
  const form = formToken(request, reply, house.publicUrl());
  return sendPage(reply, {
    title: 'Revoke an API token',
    aside: signedInAside(actor, form),
    body: revokeBody(token, form),
  });
}

async function showAccount(
  house: AccountHouse,
  request: FastifyRequest,
  reply: FastifyReply,
  actor: Actor,
  problem: { readonly form: 'token' | 'service'; readonly fault: Fault } | null,
): Promise<FastifyReply> {
  const form = formToken(request, reply, house.publicUrl());
  const [tokens, services] = await house.doors.withTenant(actor.tenant, async (tx) => [
    await listApiTokens({ tx, actor }),
    await listServiceAccounts({ tx, actor }),
  ]);
  const organizationPath = [actor.tenant as string as UnitId];
  const view: AccountView = {
    actor,
    form,
    tokens,
    services,
    places: await house.accounts.placesOf(actor),
    managesServices: can(actor, 'member.manage', organizationPath),
    now: house.clock.now(),
    tokenProblem: problem?.form === 'token' ? problem.fault : null,
    serviceProblem: problem?.form === 'service' ? problem.fault : null,
  };
  return sendPage(reply, {
    title: 'Your account',
    aside: signedInAside(actor, form),
    width: 'wide',
    body: accountBody(view),
    status: problem?.fault.status ?? 200,
  });
}
