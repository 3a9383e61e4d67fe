// What this dialect calls a workspace: a unit of that kind, or a customer's own unit, so that whatever the other dialects
// keep at a customer has its place here too.
import { Fault, notFound } from '../../../kernel/fault.ts';
import type { UnitId } from '../../../kernel/ids.ts';
import { type Actor, can } from '../../../tenancy/actor.ts';
import type { Permission } from '../../../tenancy/permission.ts';
import { idInPath } from '../read-input.ts';
import type { Rooms } from '../rooms.ts';

export type Workspace = {
  readonly id: UnitId;
  /** The unit, then its ancestors up to the organization. */
  readonly path: readonly UnitId[];
};

/** From the memory of authority: costs no statement on a warm path. */
export async function findWorkspace(
  house: Pick<Rooms, 'authority'>,
  actor: Actor,
  id: string | undefined,
  permission: Permission,
): Promise<Workspace> {
  const unitId = idInPath<UnitId>(id, 'Workspace');
  const path = await house.authority.unitPath(actor.tenant, unitId);
  if (path === null || !can(actor, permission, path)) throw notFound('Workspace');
  if (path.length === 1) {
    throw new Fault('not_found', 'This is the id of a tenant; secrets belong to workspaces.', {
      cure: 'Give the id of a workspace or of a contract.',
    });
  }
  return { id: unitId, path };
}

/** The customer that a workspace belongs to; a customer's own unit is its own contract. */
export function contractOf(workspace: Workspace): UnitId {
  return workspace.path.at(-2) ?? workspace.id;
}
