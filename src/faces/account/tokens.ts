// API tokens for programs: GET, POST /account/tokens and DELETE /account/tokens/{id}, in JSON.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { invalidField, isFault, notFound } from '../../kernel/fault.ts';
import { isUuid, type PrincipalId } from '../../kernel/ids.ts';
import type { Actor } from '../../tenancy/actor.ts';
import { type CreatedApiToken, createApiToken, revokeApiToken } from '../../tenancy/api-token.ts';
import type { ApiTokenView } from '../../tenancy/api-token-store.ts';
import { listApiTokens } from '../../tenancy/list-api-tokens.ts';
import { plainDialect } from '../http/server.ts';
import type { AccountHouse } from './exchange.ts';
import { readBody } from './read-body.ts';

type IdParams = { readonly Params: { readonly id: string } };

const newToken = z.strictObject({
  name: z.string(),
  scopes: z.array(z.string()).max(100).nullish(),
  expiresAt: z.iso.datetime({ offset: true }).nullish(),
  /** A service account's; the own principal by default. */
  principalId: z.string().nullish(),
});

export function registerTokens(scope: FastifyInstance, house: AccountHouse): void {
  const config = { errorDialect: plainDialect };
  scope.get('/account/tokens', { config }, async (request) => {
    const actor = await house.authenticate(request);
    const tokens = await house.doors.withTenant(actor.tenant, (tx) => listApiTokens({ tx, actor }));
    return { tokens: tokens.map(toJson) };
  });
  scope.post('/account/tokens', { config }, async (request, reply) => {
    const actor = await house.authenticate(request);
    const given = readBody(newToken, request.body);
    const created = await makeToken(house, actor, {
      name: given.name,
      scopes: given.scopes ?? null,
      expiresAt: given.expiresAt == null ? null : new Date(given.expiresAt),
      principalId: given.principalId ?? null,
    });
    return reply.code(201).send(created);
  });
  scope.delete<IdParams>('/account/tokens/:id', { config }, async (request, reply) => {
    const actor = await house.authenticate(request);
    await dropToken(house, actor, request.params.id);
    return reply.code(204).send();
  });
}

export type NewToken = {
  readonly name: string;
  readonly scopes: readonly string[] | null;
  readonly expiresAt: Date | null;
  /** As it came from outside; null = the actor's own. */
  readonly principalId: string | null;
};

export async function makeToken(
  house: AccountHouse,
  actor: Actor,
  given: NewToken,
): Promise<CreatedApiToken> {
  const { name, scopes, expiresAt } = given;
  if (expiresAt !== null && expiresAt.getTime() <= house.clock.now().getTime()) {
    throw invalidField('expiresAt', 'is in the past.', 'Give a later time, or leave it out.');
  }
  const principalId = given.principalId ?? actor.principalId;
  if (!isUuid(principalId)) throw unknownPrincipal();
  try {
    return await house.doors.withTenant(actor.tenant, (tx) =>
      createApiToken({ tx, actor, principalId: principalId as PrincipalId, name, scopes, expiresAt }),
    );
  } catch (error) {
    throw isFault(error, 'not_found') ? unknownPrincipal() : error;
  }
}

export async function dropToken(house: AccountHouse, actor: Actor, id: string): Promise<void> {
  if (!isUuid(id)) throw notFound('API token');
  await house.doors.withTenant(actor.tenant, (tx) => revokeApiToken({ tx, actor, id }));
}

function unknownPrincipal() {
  return invalidField('principalId', 'is nobody here.', 'Give the id of a service account, or leave it out.');
}

function toJson(token: ApiTokenView) {
  const { principalId, principalName, principalKind, ...rest } = token;
  return { ...rest, principal: { id: principalId, name: principalName, kind: principalKind } };
}
