// Service accounts for programs: GET and POST /account/services, in JSON.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { createServiceAccount, listServiceAccounts } from '../../accounts/service-account.ts';
import { invalidField } from '../../kernel/fault.ts';
import { isUuid, type UnitId } from '../../kernel/ids.ts';
import type { Actor } from '../../tenancy/actor.ts';
import type { Principal } from '../../tenancy/principal.ts';
import { plainDialect } from '../http/server.ts';
import type { AccountHouse } from './exchange.ts';
import { readBody } from './read-body.ts';

const newService = z.strictObject({
  name: z.string(),
  /** Null or left out = the organization. */
  unitId: z.string().nullish(),
  role: z.string(),
});

export function registerServices(scope: FastifyInstance, house: AccountHouse): void {
  const config = { errorDialect: plainDialect };
  scope.get('/account/services', { config }, async (request) => {
    const actor = await house.authenticate(request);
    const services = await house.doors.withTenant(actor.tenant, (tx) => listServiceAccounts({ tx, actor }));
    return { services };
  });
  scope.post('/account/services', { config }, async (request, reply) => {
    const actor = await house.authenticate(request);
    const { name, unitId, role } = readBody(newService, request.body);
    const made = await makeService(house, actor, { name, unitId: unitId ?? null, role });
    return reply.code(201).send({ id: made.id, name: made.name, unitId: made.unitId });
  });
}

export async function makeService(
  house: AccountHouse,
  actor: Actor,
  given: { readonly name: string; readonly unitId: string | null; readonly role: string },
): Promise<Principal> {
  const { name, unitId, role } = given;
  if (unitId !== null && !isUuid(unitId))
    throw invalidField('unitId', 'is not an id.', 'Give the id of a customer, or leave it out.');
  return await house.doors.withTenant(actor.tenant, (tx) =>
    createServiceAccount({ tx, actor, name, unitId: unitId as UnitId | null, roleKey: role }),
  );
}
