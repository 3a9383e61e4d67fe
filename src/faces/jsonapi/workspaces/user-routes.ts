// Routes of users: who one is, and who made a secret.
import { notFound } from '../../../kernel/fault.ts';
import type { PrincipalId } from '../../../kernel/ids.ts';
import { can } from '../../../tenancy/actor.ts';
import { getPrincipal } from '../../../tenancy/principal.ts';
import { declared } from '../openapi/operation.ts';
import { idInPath } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendJson } from '../route.ts';
import { userOperations } from './user-operations.ts';

export function registerUserRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.get('/users/:user', declared(userOperations.read), async (request, reply) => {
    const actor = await house.authenticate(request);
    const { user: text } = request.params as { readonly user?: string };
    const isMe = text === 'me' || text === actor.principalId;
    const id = isMe ? actor.principalId : idInPath<PrincipalId>(text, 'User');
    const user = await house.doors.withTenant(actor.tenant, (tx) => getPrincipal(tx, id));
    const path = (await house.authority.unitPath(actor.tenant, user.unitId)) ?? [];
    if (!isMe && !can(actor, 'unit.view', path)) throw notFound('User');
    return sendJson(reply, { data: userAnswer(user), meta: {} });
  });
}

function userAnswer(user: {
  readonly id: PrincipalId;
  readonly name: string;
  readonly email: string | null;
}): Readonly<Record<string, unknown>> {
  const [firstName = user.name, ...others] = user.name.split(' ');
  return {
    id: user.id,
    type: 'user',
    links: { self: `/v2/users/${user.id}` },
    attributes: { first_name: firstName, last_name: others.join(' '), email: user.email },
  };
}
