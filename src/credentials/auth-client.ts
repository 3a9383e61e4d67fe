// Auth clients: named possession of a registration (or of other client values) at a unit, with its secrets. Secrets are
// never shared because client ids are equal, and never leave towards another endpoint than the one they were typed for.
import { audit } from '../audit/event.ts';
import { Fault, notFound } from '../kernel/fault.ts';
import { type AuthClientId, type CredentialId, newId, type TenantId, type UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible, unitsWith } from '../tenancy/actor.ts';
import { checkName, findUnit } from '../tenancy/unit.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import {
  type AuthClientChange,
  type AuthClientRow,
  countUsesOfClient,
  deleteAuthClientRow,
  insertAuthClient,
  lockAuthClient,
  type RefreshMode,
  refreshModes,
  replaceComponentRefs,
  selectAuthClient,
  selectAuthClients,
  selectValuesSealed,
  selectVisibleAuthClient,
  updateAuthClientRow,
} from './auth-client-store.ts';
import { addClientSecret, setClientSecret } from './client-secret.ts';
import { wakeParkedGrants } from './grant-schedule-store.ts';
import {
  ensureRegistration,
  getRegistration,
  type Registration,
  type RegistrationIdentity,
} from './registration.ts';

export type AuthClient = AuthClientRow & { readonly registration: Registration | null };

export type NewClient = {
  readonly unitId: UnitId;
  readonly name: string;
  readonly type: string;
  readonly identity: RegistrationIdentity | null;
  readonly context?: string | null;
  readonly secret: Plain | null;
  /** Free values of types that are not OAuth, or what a client holds beyond its identity. */
  readonly values?: Readonly<Record<string, unknown>> | null;
  readonly authorizeParams?: Readonly<Record<string, string>>;
  readonly scopes?: string | null;
  readonly tokenExpiresInSeconds?: number | null;
  readonly leadSeconds?: number | null;
  readonly refreshMode?: RefreshMode;
  readonly componentRefs?: readonly string[];
  readonly ownerCredentialId?: CredentialId | null;
};

/** Grants that wake together must not come to the provider together. */
const wakeSpreadSeconds = 900;

type Context = { readonly tx: Tx; readonly vault: Vault; readonly actor: Actor };

export async function createAuthClient(
  options: Context & { readonly client: NewClient },
): Promise<AuthClient> {
  const { tx, vault, actor, client } = options;
  const unit = await findUnit(tx, client.unitId);
  if ((client.ownerCredentialId ?? null) === null) {
    requireVisible(actor, 'unit.view', unit?.path, 'Unit');
    requirePermission(actor, 'auth_client.create', unit?.path ?? []);
  }
  const registration =
    client.identity === null ? null : await ensureRegistration(tx, client.identity, client.context ?? null);
  const id = newId<AuthClientId>();
  const values = client.values ?? null;
  await insertAuthClient(tx, {
    tenantId: actor.tenant,
    id,
    unitId: client.unitId,
    name: checkName(client.name),
    type: client.type,
    registrationId: registration?.id ?? null,
    valuesSealed:
      values === null
        ? null
        : await vault.seal(tx, valuesPlace(actor.tenant, id, 0), Plain.fromText(JSON.stringify(values))),
    authorizeParams: client.authorizeParams ?? {},
    scopes: client.scopes ?? null,
    tokenExpiresInSeconds: client.tokenExpiresInSeconds ?? null,
    leadSeconds: client.leadSeconds ?? null,
    refreshMode: client.refreshMode ?? 'eager',
    ownerCredentialId: client.ownerCredentialId ?? null,
    createdBy: actor.principalId,
  });
  if (client.secret !== null && client.secret.byteLength > 0)
    await addClientSecret({ tx, vault, tenant: actor.tenant, clientId: id, secret: client.secret });
  await replaceComponentRefs(tx, id, client.componentRefs ?? []);
  await audit(tx, {
    action: 'auth_client.created',
    actor,
    object: { kind: 'auth_client', id },
    fields: ['name', 'type'],
  });
  return await getAuthClient(tx, id);
}

export async function getAuthClient(tx: Tx, id: AuthClientId): Promise<AuthClient> {
  const row = await selectAuthClient(tx, id);
  if (row === null) throw notFound('Auth client', 'authClient');
  return await withRegistration(tx, row);
}

/**
 * For faces: not_found unless the actor may see it. Who may see clients at a unit sees those beneath it, and those above
 * it, which serve there; the platform's are visible to all.
 */
export async function getVisibleAuthClient(tx: Tx, actor: Actor, id: AuthClientId): Promise<AuthClient> {
  const row = await selectVisibleAuthClient(tx, id, unitsWith(actor, 'auth_client.view'));
  if (row === null) throw notFound('Auth client');
  return await withRegistration(tx, row);
}

async function withRegistration(tx: Tx, row: AuthClientRow): Promise<AuthClient> {
  const registration = row.registrationId === null ? null : await getRegistration(tx, row.registrationId);
  return { ...row, registration };
}

/** Of these units, or wherever the actor may see clients when `unitIds` is null. Never more than he may see. */
export async function listAuthClients(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly unitIds: readonly UnitId[] | null;
  readonly includePlatform: boolean;
  readonly componentRef?: string | null;
  readonly search?: string | null;
  readonly page: PageRequest;
}): Promise<Page<AuthClient>> {
  const { tx } = options;
  const page = await selectAuthClients(tx, {
    within: unitsWith(options.actor, 'auth_client.view'),
    unitIds: options.unitIds,
    includePlatform: options.includePlatform,
    componentRef: options.componentRef ?? null,
    search: options.search ?? null,
    page: options.page,
  });
  const items: AuthClient[] = [];
  for (const row of page.items) items.push(await withRegistration(tx, row));
  return { ...page, items };
}

export async function updateAuthClient(
  options: Context & {
    readonly id: AuthClientId;
    readonly change: {
      readonly name?: string;
      readonly secret?: Plain;
      readonly values?: Readonly<Record<string, unknown>>;
      readonly authorizeParams?: Readonly<Record<string, string>>;
      readonly scopes?: string | null;
      readonly tokenExpiresInSeconds?: number | null;
      readonly leadSeconds?: number | null;
      readonly refreshMode?: RefreshMode;
      readonly componentRefs?: readonly string[];
    };
  },
): Promise<AuthClient> {
  const { tx, vault, actor, id, change } = options;
  const client = await ownClient(tx, actor, id, 'auth_client.edit');
  const { name, secret, values, componentRefs, ...plainChange } = change;
  const valueNo = client.valueNo + 1;
  const rowChange: AuthClientChange = {
    ...plainChange,
    ...(name === undefined ? {} : { name: checkName(name) }),
    ...(values === undefined
      ? {}
      : {
          values: {
            valueNo,
            sealed: await vault.seal(
              tx,
              valuesPlace(actor.tenant, id, valueNo),
              Plain.fromText(JSON.stringify(values)),
            ),
          },
        }),
  };
  await updateAuthClientRow(tx, id, rowChange);
  if (isMoreEager(change.refreshMode, client.refreshMode)) await wakeParkedGrants(tx, id, wakeSpreadSeconds);
  if (secret !== undefined) await setClientSecret({ tx, vault, tenant: actor.tenant, clientId: id, secret });
  if (componentRefs !== undefined) await replaceComponentRefs(tx, id, componentRefs);
  await audit(tx, {
    action: 'auth_client.updated',
    actor,
    object: { kind: 'auth_client', id },
    fields: Object.keys(change),
  });
  return await getAuthClient(tx, id);
}

/** Those that are parked would otherwise wait for their next reader, or for days. */
function isMoreEager(wanted: RefreshMode | undefined, current: RefreshMode): boolean {
  return wanted !== undefined && refreshModes.indexOf(wanted) < refreshModes.indexOf(current);
}

/** Refused while credentials or templates hang on it. */
export async function deleteAuthClient(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: AuthClientId;
}): Promise<void> {
  const { tx, actor, id } = options;
  await ownClient(tx, actor, id, 'auth_client.delete');
  await lockAuthClient(tx, id);
  const { credentials, templates } = await countUsesOfClient(tx, id);
  if (credentials + templates > 0) {
    throw new Fault(
      'in_use',
      `The auth client is used by ${credentials} credential(s) and ${templates} template(s).`,
      { cure: 'Delete these first.' },
    );
  }
  await deleteAuthClientRow(tx, id);
  await audit(tx, { action: 'auth_client.deleted', actor, object: { kind: 'auth_client', id }, fields: [] });
}

async function ownClient(
  tx: Tx,
  actor: Actor,
  id: AuthClientId,
  permission: 'auth_client.edit' | 'auth_client.delete',
): Promise<AuthClient> {
  const client = await getVisibleAuthClient(tx, actor, id);
  if (client.tenantId !== actor.tenant) {
    throw new Fault('forbidden', 'This auth client belongs to the platform.', {
      cure: 'Make one of your own.',
    });
  }
  const unit = await findUnit(tx, client.unitId);
  requirePermission(actor, permission, unit?.path ?? []);
  return client;
}

/** The free values of a client, or null when it has none. */
export async function openClientValues(
  tx: Tx,
  vault: Vault,
  client: AuthClientRow,
): Promise<Readonly<Record<string, unknown>> | null> {
  const sealed = await selectValuesSealed(tx, client);
  if (sealed === null) return null;
  const plain = await vault.open(tx, valuesPlace(client.tenantId, client.id, client.valueNo), sealed);
  return JSON.parse(plain.revealText()) as Record<string, unknown>;
}

function valuesPlace(tenant: TenantId, id: AuthClientId, valueNo: number) {
  return placeOf('authClientValues', { tenant_id: tenant, id, value_no: valueNo });
}
