// Credentials as the rest of the house sees them: what they are and how they stand, never what they hold.
import { notFound } from '../kernel/fault.ts';
import type { AuthClientId, CredentialId, PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requireVisible, unitsWith } from '../tenancy/actor.ts';
import type { ConnectionTypeId, OAuthKind } from './connection-type.ts';
import { type CredentialRow, selectCredential, selectCredentials } from './credential-store.ts';
import type { GrantState } from './grant-store.ts';

/** The health of an oauth2 credential's tokens. */
export type GrantView = {
  readonly state: GrantState;
  readonly consentNo: number;
  readonly tokenNo: number;
  readonly issuedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly refreshExpiresAt: Date | null;
  readonly refreshDueAt: Date | null;
  readonly refreshedAt: Date | null;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly grantedScope: string | null;
  readonly accountLabel: string | null;
  readonly isRefreshing: boolean;
};

export type Credential = {
  readonly tenantId: TenantId;
  readonly id: CredentialId;
  readonly unitId: UnitId;
  readonly unitPath: readonly UnitId[];
  readonly kind: 'named' | 'owned';
  /** Null for credentials that a connection owns. */
  readonly label: string | null;
  readonly connectionType: {
    readonly tenantId: TenantId;
    readonly id: ConnectionTypeId;
    readonly key: string;
    readonly label: string;
    readonly oauthKind: OAuthKind | null;
  };
  readonly authClientId: AuthClientId | null;
  readonly templateId: string | null;
  /** Added to the provider's authorize URL. */
  readonly authorizeParams: Readonly<Record<string, string>>;
  /** An error that a client of ours has reported about it. */
  readonly reportedError: string | null;
  readonly redirects: { readonly success: string | null; readonly failure: string | null };
  readonly createdBy: PrincipalId | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Null unless the type is an OAuth one. */
  readonly grant: GrantView | null;
  /** Its values are complete and, for OAuth, tokens are there. */
  readonly isReadyForUse: boolean;
  /** Which fields hold a value; the values themselves stay sealed. */
  readonly fieldKeys: readonly string[];
  readonly usedBy: number;
};

function toCredential(row: CredentialRow): Credential {
  const grant = toGrantView(row);
  return {
    tenantId: row.tenantId,
    id: row.id,
    unitId: row.unitId,
    unitPath: row.unitPath,
    kind: row.kind,
    label: row.label,
    connectionType: {
      tenantId: row.typeTenantId,
      id: row.typeId,
      key: row.typeKey,
      label: row.typeLabel,
      oauthKind: row.oauthKind,
    },
    authClientId: row.authClientId,
    templateId: row.templateId,
    authorizeParams: row.authorizeParams,
    reportedError: row.reportedError,
    redirects: { success: row.redirectSuccess, failure: row.redirectFailure },
    createdBy: row.createdBy,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    grant,
    isReadyForUse: grant === null || ['active', 'degraded', 'static'].includes(grant.state),
    fieldKeys: row.fieldKeys,
    usedBy: row.usedBy,
  };
}

function toGrantView(row: CredentialRow): GrantView | null {
  if (row.grantState === null || row.consentNo === null || row.tokenNo === null) return null;
  return {
    state: row.grantState,
    consentNo: row.consentNo,
    tokenNo: row.tokenNo,
    issuedAt: row.issuedAt,
    expiresAt: row.expiresAt,
    refreshExpiresAt: row.refreshExpiresAt,
    refreshDueAt: row.refreshDueAt,
    refreshedAt: row.refreshedAt,
    lastErrorCode: row.lastErrorCode,
    lastError: row.lastError,
    grantedScope: row.grantedScope,
    accountLabel: row.accountLabel,
    isRefreshing: row.isRefreshing,
  };
}

/** Without a look at permissions: for rooms that act for the house itself. */
export async function findCredential(tx: Tx, id: CredentialId): Promise<Credential | null> {
  const row = await selectCredential(tx, id);
  return row === null ? null : toCredential(row);
}

/** not_found when it is absent or the actor may not see credentials of its unit. */
export async function getCredential(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: CredentialId;
}): Promise<Credential> {
  const credential = await findCredential(options.tx, options.id);
  requireVisible(options.actor, 'credential.view', credential?.unitPath, 'Credential');
  if (credential === null) throw notFound('Credential');
  return credential;
}

/** Named credentials that the actor may see, by label. `unitId` null = every unit. */
export async function listCredentials(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly unitId: UnitId | null;
  readonly includeBeneath?: boolean;
  readonly authClientId?: AuthClientId | null;
  readonly createdBy?: PrincipalId | null;
  readonly search?: string | null;
  readonly page: PageRequest;
}): Promise<Page<Credential>> {
  const page = await selectCredentials(options.tx, {
    within: unitsWith(options.actor, 'credential.view'),
    unitId: options.unitId,
    includeBeneath: options.includeBeneath ?? false,
    authClientId: options.authClientId ?? null,
    createdBy: options.createdBy ?? null,
    search: options.search ?? null,
    page: options.page,
  });
  return { ...page, items: page.items.map(toCredential) };
}
