// Connection types: which fields enter a service. Data, not a closed list: built in, or declared by a component.
import { invalidField, notFound } from '../kernel/fault.ts';
import { isUuid, newId, type TenantId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import {
  type ConnectionType,
  type ConnectionTypeId,
  insertConnectionType,
  insertConnectionTypeField,
  selectBuiltinType,
  selectBuiltinTypes,
  selectConnectionType,
  selectConnectionTypeById,
  selectTypesOfComponentVersion,
} from './connection-type-store.ts';

export type {
  ConnectionType,
  ConnectionTypeField,
  ConnectionTypeId,
  OAuthKind,
} from './connection-type-store.ts';

export async function getConnectionType(
  tx: Tx,
  key: { readonly tenantId: TenantId; readonly id: ConnectionTypeId },
): Promise<ConnectionType> {
  const type = await selectConnectionType(tx, key);
  if (type === null) throw notFound('Connection type', 'connectionType');
  return type;
}

/** One that the tenant may use: its own or the platform's. */
export async function getUsableType(tx: Tx, id: string, field = 'connectionType'): Promise<ConnectionType> {
  const type = isUuid(id) ? await selectConnectionTypeById(tx, id as ConnectionTypeId) : null;
  if (type === null) throw notFound('Connection type', field);
  return type;
}

export async function getBuiltinType(tx: Tx, key: string, field = 'type'): Promise<ConnectionType> {
  const type = await selectBuiltinType(tx, key);
  if (type !== null) return type;
  const known = await selectBuiltinTypes(tx, { offset: 0, limit: 100 });
  throw invalidField(
    field,
    `there is no connection type "${key.slice(0, 60)}".`,
    `Choose one of: ${known.items.map((item) => item.key).join(', ')}.`,
  );
}

export async function listBuiltinTypes(tx: Tx, page: PageRequest): Promise<Page<ConnectionType>> {
  return await selectBuiltinTypes(tx, page);
}

export async function listDeclaredTypes(
  tx: Tx,
  key: { readonly tenantId: TenantId; readonly componentVersionId: string },
): Promise<readonly ConnectionType[]> {
  return await selectTypesOfComponentVersion(tx, key);
}

export type DeclaredType = Omit<ConnectionType, 'tenantId' | 'id' | 'componentVersionId'>;

/** Stores what a component version declares. Called once, in the transaction that stores the version. */
export async function declareConnectionTypes(
  tx: Tx,
  options: {
    readonly tenantId: TenantId;
    readonly componentVersionId: string;
    readonly types: readonly DeclaredType[];
  },
): Promise<readonly ConnectionType[]> {
  const stored: ConnectionType[] = [];
  for (const [position, declared] of options.types.entries()) {
    const type: ConnectionType = {
      ...declared,
      tenantId: options.tenantId,
      id: newId<ConnectionTypeId>(),
      componentVersionId: options.componentVersionId,
    };
    await insertConnectionType(tx, type, position);
    for (const [fieldPosition, field] of type.fields.entries()) {
      await insertConnectionTypeField(tx, type, field, fieldPosition);
    }
    stored.push(type);
  }
  return stored;
}
