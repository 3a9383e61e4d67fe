// Routes of roles and permissions: a tenant's list is read and replaced, a contract's is what may be given there.
import { notFound } from '../../../kernel/fault.ts';
import type { UnitId } from '../../../kernel/ids.ts';
import { type Actor, can } from '../../../tenancy/actor.ts';
import { listRoles, replaceRoles } from '../../../tenancy/role.ts';
import { getUnit } from '../../../tenancy/unit.ts';
import { rootOf } from '../client-visibility.ts';
import { declared } from '../openapi/operation.ts';
import { idInPath, readBody } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';
import { type Scopes, sendJson } from '../route.ts';
import { policyAnswer } from './role-answer.ts';
import { rolesBody, rolesField, wantedRoles } from './role-body.ts';
import { roleOperations } from './role-operations.ts';
import { listedPermissions, scopeKinds } from './vendor-permission.ts';

export function registerRoleRoutes(scopes: Scopes, house: Rooms): void {
  scopes.json.get('/permissions', declared(roleOperations.permissions), async (request, reply) => {
    await house.authenticate(request);
    // Without an id, as the vendor answers it: there is only one such list.
    const data = { id: null, type: 'permissions', attributes: { permissions: listedPermissions } };
    return sendJson(reply, { data, meta: {} });
  });

  scopes.json.get('/tenants/:tenant/roles', declared(roleOperations.ofTenant), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = tenantIn(request.params, actor);
    const roles = await house.doors.withTenant(actor.tenant, (tx) => listRoles(tx, null));
    return sendJson(reply, { data: policyAnswer('tenant', id, roles), meta: {} });
  });

  scopes.json.patch('/tenants/:tenant/roles', declared(roleOperations.replace), async (request, reply) => {
    const actor = await house.authenticate(request);
    const id = tenantIn(request.params, actor);
    const { roles: given } = readBody(rolesBody, request.body).data.attributes;
    const roles = await house.doors.withTenant(actor.tenant, async (tx) => {
      const wanted = wantedRoles(given, await listRoles(tx, null));
      await replaceRoles({ tx, actor, wanted, field: rolesField });
      return await listRoles(tx, null);
    });
    return sendJson(reply, { data: policyAnswer('tenant', id, roles), meta: {} });
  });

  scopes.json.get(
    '/contracts/:contract/roles',
    declared(roleOperations.ofContract),
    async (request, reply) => {
      const actor = await house.authenticate(request);
      const { contract } = request.params as { readonly contract?: string };
      const id = idInPath<UnitId>(contract, 'Contract');
      const roles = await house.doors.withTenant(actor.tenant, async (tx) => {
        const unit = await getUnit({ tx, actor, id, what: 'Contract' });
        if (unit.kind !== 'customer') throw notFound('Contract');
        return await listRoles(tx, null);
      });
      const given = roles.filter(({ unitKind }) => unitKind !== scopeKinds.tenants);
      return sendJson(reply, { data: policyAnswer('contract', id, given), meta: {} });
    },
  );
}

/** The own organization, seen only by those who belong to it as a whole. */
function tenantIn(params: unknown, actor: Actor): UnitId {
  const id = idInPath<UnitId>((params as { readonly tenant?: string }).tenant, 'Tenant');
  if (id !== rootOf(actor) || !can(actor, 'unit.view', [id])) throw notFound('Tenant');
  return id;
}
