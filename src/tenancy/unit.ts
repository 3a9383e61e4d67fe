// Units: where things belong. Rules of names and parents, and who may change them; the SQL is in unit-store.ts.
import { audit } from '../audit/event.ts';
import { Fault, invalidField, notFound } from '../kernel/fault.ts';
import { newId, type UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { isUniqueViolation } from '../storage/database.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible, unitsWith } from './actor.ts';
import { bumpAuthority } from './authority-store.ts';
import type { UnitKind } from './permission.ts';
import {
  deleteUnitRow,
  hasConnectedAccounts,
  insertUnit,
  selectUnit,
  selectUnits,
  type UnitChange,
  type UnitRow,
  updateUnitRow,
} from './unit-store.ts';

export type Unit = UnitRow;

const maxNameLength = 200;
const maxDescriptionLength = 5_000;

/** Trimmed name of 1 to 200 characters without control characters; a Fault names `field` otherwise. */
export function checkName(name: string, field = 'name'): string {
  const trimmed = name.trim();
  if (trimmed === '') throw invalidField(field, 'must not be empty.', 'Give it a name.');
  if (trimmed.length > maxNameLength) {
    throw invalidField(field, `is longer than ${maxNameLength} characters.`, 'Shorten it.');
  }
  if (/[\p{Cc}\p{Surrogate}]/u.test(trimmed)) {
    throw invalidField(field, 'holds control characters or half a character.', 'Remove them.');
  }
  // Unicode TR 36, 2.1.1: one name could pass for another.
  if (/[\u202a-\u202e\u2066-\u2069]/.test(trimmed)) {
    throw invalidField(field, 'holds characters that turn the direction of text around.', 'Remove them.');
  }
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
      description: checkDescription(given.description ?? ''),
      labels: (given.labels ?? []).map((label) => checkName(label, 'labels')),
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
  const checked = checkChange(change);
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

function checkChange(change: UnitChange): UnitChange {
  const { name, externalId, description, labels, concurrentExecutionLimit: limit, redirectOrigins } = change;
  if (limit !== undefined && limit !== null && !(Number.isInteger(limit) && limit > 0 && limit <= 10_000)) {
    throw invalidField(
      'concurrentExecutionLimit',
      'is not a whole number from 1 to 10000.',
      'Give one, or null.',
    );
  }
  return {
    ...change,
    ...(name === undefined ? {} : { name: checkName(name) }),
    ...(externalId === undefined || externalId === null
      ? {}
      : { externalId: checkName(externalId, 'externalId') }),
    ...(description === undefined ? {} : { description: checkDescription(description) }),
    ...(labels === undefined ? {} : { labels: labels.map((label) => checkName(label, 'labels')) }),
    ...(redirectOrigins === undefined ? {} : { redirectOrigins: redirectOrigins.map(checkOrigin) }),
  };
}

function checkDescription(text: string): string {
  if (text.length > maxDescriptionLength) {
    throw invalidField('description', `is longer than ${maxDescriptionLength} characters.`, 'Shorten it.');
  }
  if (text.includes('\0')) throw invalidField('description', 'holds a NUL character.', 'Remove it.');
  return text;
}

/** Redirects after a consent may lead to these origins only: anything that is more than an origin would be a mistake. */
function checkOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isLoopback = url !== null && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  const isFit = url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback));
  if (isFit && url.origin === text) return text;
  throw invalidField(
    'redirectOrigins',
    'holds something that is not an https origin.',
    'Give origins such as https://app.example.com, without a path.',
  );
}

/**
 * Deletes a customer or workspace with everything beneath it. Refused while accounts are connected there: their tokens
 * must be taken back at the providers first, which credentials know how to do.
 */
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
  if (await hasConnectedAccounts(tx, id)) {
    throw new Fault('in_use', `${unit.name} has connected accounts.`, { cure: 'Disconnect them first.' });
  }
  await deleteUnitRow(tx, id);
  // Its users and their API tokens went with it.
  await bumpAuthority(tx);
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
