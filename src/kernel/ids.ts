// Identifiers: UUIDs, branded per record so that one kind cannot be passed for another.
import { randomUUID } from 'node:crypto';

declare const brand: unique symbol;
export type Id<Name extends string> = string & { readonly [brand]: Name };

export type TenantId = Id<'Tenant'>;
export type UnitId = Id<'Unit'>;
export type PrincipalId = Id<'Principal'>;
export type CredentialId = Id<'Credential'>;
export type AuthClientId = Id<'AuthClient'>;
export type ConnectionId = Id<'Connection'>;
export type InstanceId = Id<'Instance'>;
export type IntegrationId = Id<'Integration'>;
export type IntegrationVersionId = Id<'IntegrationVersion'>;
export type ExecutionId = Id<'Execution'>;

/** The tenant row that owns what the installation itself provides (built-in and bundled things). */
export const platformTenantId = '00000000-0000-4000-8000-000000000001' as TenantId;
/** The root unit; its id equals its tenant's, as for every organization. */
export const platformUnitId = platformTenantId as string as UnitId;

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function newId<T extends Id<string>>(): T {
  return randomUUID() as T;
}

/** True for a lower-case UUID; anything else must not reach a `uuid` column (it would be a 5xx). */
export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && uuidPattern.test(text);
}
