// Units: where things belong. Rules of names and parents, and who may change them; the SQL is in unit-store.ts.
import { audit } from '../audit/event.ts';
import { Fault, invalidField, notFound } from '../kernel/fault.ts';
import { newId, type UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { isUniqueViolation } from '../storage/database.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible, unitsWith } from './actor.ts';
import type { UnitKind } from './permission.ts';
import {
  deleteUnitRow,
  insertUnit,
  selectUnit,
  selectUnits,
  type UnitChange,
  type UnitRow,
  updateUnitRow,
} from './unit-store.ts';

export type Unit = UnitRow;

const maxNameLength = 200;

/** Trimmed name of 1 to 200 characters without control characters; a Fault names `field` otherwise. */
export function checkName(name: string, field = 'name'): string {
  const trimmed = name.trim();
  if (trimmed === '') throw invalidField(field, 'must not be empty.', 'Give it a name.');
  if (trimmed.length > maxNameLength) {
    throw invalidField(field, `is longer than ${maxNameLength} characters.`, 'Shorten it.');
  }
  if (/\p{Cc}/u.test(trimmed)) throw invalidField(field, 'holds control characters.', 'Remove them.');
  return trimmed;
}

export async function findUnit(tx: Tx, id: UnitId): Promise<Unit | null> {
  return await selectUnit(tx, id);
}

/** The unit, or a not_found Fault when it is absent or the actor may not see it. */
export async function getUnit(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: UnitId;
  readonly what?: string;
}): Promise<Unit> {
  const unit = await selectUnit(options.tx, options.id);
  requireVisible(options.actor, 'unit.view', unit?.path, options.what ?? 'Unit');
  if (unit === null) throw notFound(options.what ?? 'Unit');
  return unit;
}

export async function createCustomer(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly name: string;
  readonly externalId?: string | null;
  readonly description?: string;
  readonly labels?: readonly string[];
}): Promise<Unit> {
  const { tx, actor } = options;
  const organization = actor.tenant as string as UnitId;
  requirePermission(actor, 'unit.manage', [organization]);
  return await insertChild(tx, actor, 'customer', organization, options);
}

/** A workspace under a customer: made on first use of the dialect that knows them, never by default. */
export async function createWorkspace(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly customerId: UnitId;
  readonly name: string;
  readonly externalId?: string | null;
}): Promise<Unit> {
  const customer = await getUnit({
    tx: options.tx,
    actor: options.actor,
    id: options.customerId,
    what: 'Customer',
  });
  if (customer.kind !== 'customer')
    throw invalidField('customer', 'is not a customer.', 'Give the id of a customer.');
  requirePermission(options.actor, 'unit.manage', customer.path);
  return await insertChild(options.tx, options.actor, 'workspace', customer.id, options);
}

async function insertChild(
  tx: Tx,
  actor: Actor,
  kind: UnitKind,
  parentId: UnitId,
  given: {
    readonly name: string;
    readonly externalId?: string | null;
    readonly description?: string;
    readonly labels?: readonly string[];
  },
): Promise<Unit> {
  const id = newId<UnitId>();
  const externalId =
    given.externalId === undefined || given.externalId === null
      ? null
      : checkName(given.externalId, 'externalId');
  try {
    await insertUnit(tx, {
      tenantId: actor.tenant,
      id,
      kind,
      parentId,
      externalId,
      name: checkName(given.name),
      description: given.description ?? '',
      labels: given.labels ?? [],
    });
  } catch (error) {
    throw duplicateExternalId(error);
  }
  await audit(tx, { action: 'unit.created', actor, object: { kind, id }, fields: ['name', 'externalId'] });
  const unit = await selectUnit(tx, id);
  if (unit === null) throw notFound('Unit');
  return unit;
}

function duplicateExternalId(error: unknown): unknown {
  if (!isUniqueViolation(error)) return error;
  return new Fault('conflict', 'externalId: is already used by another one here.', {
    field: 'externalId',
    cure: 'Choose another external id, or update the existing one.',
  });
}

export async function updateUnit(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: UnitId;
  readonly change: UnitChange;
}): Promise<Unit> {
  const { tx, actor, id, change } = options;
  const unit = await getUnit({ tx, actor, id });
  requirePermission(actor, 'unit.manage', unit.path);
  const checked = change.name === undefined ? change : { ...change, name: checkName(change.name) };
  try {
    await updateUnitRow(tx, id, checked);
  } catch (error) {
    throw duplicateExternalId(error);
  }
  await audit(tx, {
    action: 'unit.updated',
    actor,
    object: { kind: unit.kind, id },
    fields: Object.keys(change),
  });
  return await getUnit({ tx, actor, id });
}

/** Deletes a customer or workspace with everything beneath it. Refused while credentials of it are in use elsewhere. */
export async function deleteUnit(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: UnitId;
}): Promise<Unit> {
  const { tx, actor, id } = options;
  const unit = await getUnit({ tx, actor, id });
  const parent = unit.path.slice(1);
  if (parent.length === 0)
    throw invalidField('id', 'is the organization itself.', 'Delete customers one by one.');
  requirePermission(actor, 'unit.manage', parent);
  await deleteUnitRow(tx, id);
  await audit(tx, { action: 'unit.deleted', actor, object: { kind: unit.kind, id }, fields: [] });
  return unit;
}

export async function listUnits(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly kind: UnitKind;
  readonly parentId?: UnitId | null;
  readonly externalId?: string | null;
  readonly search?: string | null;
  readonly page: PageRequest;
}): Promise<Page<Unit>> {
  return await selectUnits(options.tx, {
    kind: options.kind,
    within: unitsWith(options.actor, 'unit.view'),
    parentId: options.parentId ?? null,
    externalId: options.externalId ?? null,
    search: options.search ?? null,
    page: options.page,
  });
}
