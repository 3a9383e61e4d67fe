// Short ways to credentials for tests: stored through the real rooms, looked at as somebody with a copy of the
// database would, and the jobs that take tokens back run at once.
import { sql } from 'kysely';
import type { Emulator } from '../providers/emulator.ts';
import {
  type ConnectionType,
  type DeclaredType,
  declareConnectionTypes,
  getBuiltinType,
} from '../src/credentials/connection-type.ts';
import { createCredential, type NewCredential } from '../src/credentials/create-credential.ts';
import { type Credential, findCredential } from '../src/credentials/credential.ts';
import { createRevoker } from '../src/credentials/revocation.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { type CredentialId, newId, type TenantId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { Plain } from '../src/kernel/plain.ts';
import { createEgress } from '../src/oauth/egress.ts';
import type { TestHouse, TestTenant } from './test-house.ts';

export function plainValues(values: Readonly<Record<string, string>>): ReadonlyMap<string, Plain> {
  return new Map(Object.entries(values).map(([key, value]) => [key, Plain.fromText(value)]));
}

/** As the owner, at the organization, unless told otherwise. */
export async function storeCredential(
  house: TestHouse,
  type: string | ConnectionType,
  values: Readonly<Record<string, string>>,
  options: { readonly at?: TestTenant } & Partial<
    Omit<NewCredential, 'tx' | 'vault' | 'type' | 'values'>
  > = {},
): Promise<Credential> {
  const { at = house, ...more } = options;
  return await house.doors.withTenant(at.tenant, async (tx) =>
    createCredential({
      tx,
      vault: house.vault,
      actor: at.owner,
      unitId: at.organization.id,
      label: 'Stored',
      type: typeof type === 'string' ? await getBuiltinType(tx, type) : type,
      values: plainValues(values),
      ...more,
    }),
  );
}

export async function seeCredential(house: TestHouse, credential: Credential): Promise<Credential | null> {
  return await house.doors.withTenant(credential.tenantId, (tx) => findCredential(tx, credential.id));
}

export function declaredField(
  key: string,
  is: { readonly secret?: boolean; readonly required?: boolean; readonly defaultValue?: string } = {},
) {
  const { secret = false, required = true, defaultValue = null } = is;
  return {
    key,
    label: key,
    type: 'string' as const,
    secret,
    required,
    shown: true,
    defaultValue,
    comments: '',
  };
}

/** As a published component declares it. */
export async function declareType(
  house: TestHouse,
  type: Pick<DeclaredType, 'key' | 'fields'> & Partial<DeclaredType>,
  at: TestTenant = house,
): Promise<ConnectionType> {
  return await house.doors.withTenant(at.tenant, async (tx) => {
    const componentId = newId<never>() as string;
    const componentVersionId = newId<never>() as string;
    await sql`insert into component (tenant_id, id, unit_id, key, label, is_public)
      values (${at.tenant}, ${componentId}, ${at.organization.id}, ${componentId}, 'Widgets', false)`.execute(
      tx,
    );
    await sql`insert into component_version (tenant_id, id, component_id, version_no, signature, definition, package)
      values (${at.tenant}, ${componentVersionId}, ${componentId}, 1, '', '{}', '')`.execute(tx);
    const [declared] = await declareConnectionTypes(tx, {
      tenantId: at.tenant,
      componentVersionId,
      types: [{ label: type.key, comments: '', oauthKind: null, pkce: null, oauthOptions: {}, ...type }],
    });
    if (declared === undefined) throw new Error('no type was declared');
    return declared;
  });
}

/** A component's OAuth type whose credentials know where tokens are taken back. */
export async function declareOAuthType(house: TestHouse, at: TestTenant = house): Promise<ConnectionType> {
  const fields = [
    declaredField('clientId'),
    declaredField('clientSecret', { secret: true }),
    declaredField('authorizeUrl'),
    declaredField('tokenUrl'),
    declaredField('revokeUrl', { required: false }),
    declaredField('siteId', { required: false }),
  ];
  return await declareType(house, { key: 'widgets', oauthKind: 'authorization_code', fields }, at);
}

/** Values of its app. */
export const widgetsApp = {
  clientId: 'widgets',
  clientSecret: 'widget-secret',
  authorizeUrl: 'https://widgets.example/authorize',
  tokenUrl: 'https://widgets.example/token',
};

export type StoredGrant = {
  readonly state: string;
  readonly ct: Buffer | null;
  readonly registration_id: string | null;
  readonly minted_by: string | null;
  readonly consent_no: number;
  readonly token_no: number;
  readonly attempt_id: string | null;
  readonly outcome_unknown: boolean;
  readonly fail_count: number;
  readonly suspect_since: Date | null;
  readonly refresh_due_at: Date | null;
  readonly issued_at: Date | null;
  readonly expires_at: Date | null;
  readonly expiry_assumed: boolean;
  readonly last_error_code: string | null;
  readonly last_error_at: Date | null;
};

/** The row as it stands in the table. */
export async function grantRow(house: TestHouse, tenant: TenantId, id: CredentialId): Promise<StoredGrant> {
  const found = await house.doors.withTenant(tenant, (tx) =>
    sql<StoredGrant>`select * from oauth_grant where credential_id = ${id}`.execute(tx),
  );
  const row = found.rows[0];
  if (row === undefined) throw new Error('there is no grant');
  return row;
}

/** Runs what waits to be revoked, as the worker would. Answers what became of each, oldest first. */
export async function runRevocations(
  house: TestHouse,
  tenant: TenantId,
  provider: Pick<Emulator, 'url'>,
  mayRevoke = true,
): Promise<readonly (string | null)[]> {
  const egress = createEgress({ allow: [new URL(provider.url).host], log: silentLog });
  const { doors, vault } = house;
  const revoke = createRevoker({
    doors,
    vault,
    egress,
    clock: systemClock,
    log: silentLog,
    mayRevoke: () => mayRevoke,
  });
  const waiting = await doors.withTenant(tenant, (tx) =>
    sql<{ id: string }>`select id from revocation where done_at is null order by created_at`.execute(tx),
  );
  for (const { id } of waiting.rows) await revoke({ tenantId: tenant, revocationId: id });
  const ended = await doors.withTenant(tenant, (tx) =>
    sql<{ result: string | null }>`
      select result from revocation where id = any(${waiting.rows.map((row) => row.id)}::uuid[]) order by created_at`.execute(
      tx,
    ),
  );
  return ended.rows.map((row) => row.result);
}
