// Units as this dialect has them: an organization, its customers, and nothing in between or beneath.
import { notFound } from '../../kernel/fault.ts';
import type { UnitId } from '../../kernel/ids.ts';
import type { Tx } from '../../storage/doors.ts';
import { can } from '../../tenancy/actor.ts';
import { findUnit, type Unit } from '../../tenancy/unit.ts';
import { fromGlobalId } from './global-id.ts';
import type { RequestContext } from './request-context.ts';

/** Everybody may know the name of the organization that he belongs to. */
export async function organizationOf(context: RequestContext): Promise<Unit | null> {
  const id = context.actor.tenant as string as UnitId;
  context.spend(1);
  return await context.once(`unit:${id}`, () => context.read((tx) => findUnit(tx, id)));
}

/** The id of the customer that a unit belongs to; null for the organization itself. */
function customerIdOf(unitPath: readonly UnitId[]): UnitId | null {
  return unitPath.at(-2) ?? null;
}

/** The customer that a unit belongs to; null for the organization itself and for whoever may not see it. */
export async function customerOf(context: RequestContext, unitPath: readonly UnitId[]): Promise<Unit | null> {
  const id = customerIdOf(unitPath);
  if (id === null || !can(context.actor, 'unit.view', unitPath.slice(-2))) return null;
  context.spend(1);
  return await context.once(`unit:${id}`, () => context.read((tx) => findUnit(tx, id)));
}

/** The customer that a global id names: not_found, naming `field`, unless it is one that the actor may see. */
export async function customerById(
  tx: Tx,
  context: RequestContext,
  globalId: string,
  field = 'id',
): Promise<Unit> {
  const id = fromGlobalId<UnitId>('Customer', globalId, field);
  const unit = await findUnit(tx, id);
  if (unit?.kind !== 'customer' || !can(context.actor, 'unit.view', unit.path))
    throw notFound('Customer', field);
  return unit;
}
