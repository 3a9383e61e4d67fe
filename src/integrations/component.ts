// Components as integrations refer to them: by key, owner and version. A version is stored once and never changes.
import { createHash } from 'node:crypto';
import { audit, systemActor } from '../audit/event.ts';
import {
  type ConnectionType,
  declareConnectionTypes,
  listDeclaredTypes,
} from '../credentials/connection-type.ts';
import type { ComponentDefinition } from '../hosts/component-definition.ts';
import { newId, type TenantId, type UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, unitsWith } from '../tenancy/actor.ts';
import { declaredTypes } from './component-fields.ts';
import {
  type ComponentId,
  type ComponentVersion,
  type ComponentVersionId,
  insertComponentVersion,
  selectComponents,
  selectComponentVersion,
  selectKnownSignatures,
  upsertComponent,
} from './component-store.ts';
import type { ComponentRef } from './definition.ts';

export type { ComponentVersion } from './component-store.ts';

/** What a reference means at this moment. Null when there is no such component, or not that version of it. */
export async function findComponentVersion(tx: Tx, ref: ComponentRef): Promise<ComponentVersion | null> {
  const { version } = ref;
  return await selectComponentVersion(tx, {
    key: ref.key,
    isPublic: ref.isPublic,
    versionNo: version.kind === 'number' ? version.versionNo : null,
    signature: version.kind === 'signature' ? version.signature.toLowerCase() : null,
  });
}

/** The newest version of each component that the actor may use: the organization's and the platform's. */
export async function listComponents(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  /** Only those with one of these keys. */
  readonly keys?: readonly string[] | null;
  readonly isPublic?: boolean | null;
  readonly search?: string | null;
  readonly page: PageRequest;
}): Promise<Page<ComponentVersion>> {
  return await selectComponents(options.tx, {
    within: unitsWith(options.actor, 'component.view'),
    keys: options.keys ?? null,
    isPublic: options.isPublic ?? null,
    search: options.search ?? null,
    page: options.page,
  });
}

/** The connection types that a version declares. */
export async function connectionTypesOf(
  tx: Tx,
  version: Pick<ComponentVersion, 'tenantId' | 'id'>,
): Promise<readonly ConnectionType[]> {
  return await listDeclaredTypes(tx, { tenantId: version.tenantId, componentVersionId: version.id });
}

export function signatureOf(bundle: Buffer): string {
  return createHash('sha1').update(bundle).digest('hex');
}

/** Stores a new version unless these very bytes are there already. The transaction must be of `tenant`. */
export async function storeComponentVersion(options: {
  readonly tx: Tx;
  readonly actor: Actor | null;
  readonly tenant: TenantId;
  readonly unitId: UnitId;
  readonly isPublic: boolean;
  readonly definition: ComponentDefinition;
  readonly bundle: Buffer;
}): Promise<'stored' | 'known'> {
  const { tx, tenant, definition, bundle } = options;
  const signature = signatureOf(bundle);
  const componentId = await upsertComponent(tx, {
    id: newId<ComponentId>(),
    unitId: options.unitId,
    key: definition.key,
    label: definition.display.label,
    description: definition.display.description,
    isPublic: options.isPublic,
  });
  // Asked again under the component's row lock: another process may have stored it meanwhile.
  if ((await selectKnownSignatures(tx, [signature])).has(signature)) return 'known';
  const id = newId<ComponentVersionId>();
  const versionNo = await insertComponentVersion(tx, {
    id,
    componentId,
    signature,
    definition,
    package: bundle,
  });
  await declareConnectionTypes(tx, {
    tenantId: tenant,
    componentVersionId: id,
    types: declaredTypes(definition),
  });
  await audit(tx, {
    action: 'component.published',
    actor: options.actor ?? systemActor,
    object: { kind: 'component', id: componentId },
    detail: { key: definition.key.slice(0, 200), versionNo },
  });
  return 'stored';
}
