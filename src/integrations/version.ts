// Reading versions: who may see them, and the file that they came from.
import { audit } from '../audit/event.ts';
import { selectConfigVariables } from '../connections/config-variable-store.ts';
import { getConnectionType } from '../credentials/connection-type.ts';
import { notFound } from '../kernel/fault.ts';
import type { IntegrationId, IntegrationVersionId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, can, requirePermission } from '../tenancy/actor.ts';
import { getIntegration } from './integration.ts';
import { selectPublishedVersions, selectVersion, updateAvailability, type Version } from './version-store.ts';
import { type IsSecretField, isSecretByName } from './without-secrets.ts';
import { toYaml } from './yaml.ts';

export type { Version } from './version-store.ts';

/** not_found when the actor may not see its integration; drafts are for those who build. */
export async function getVersion(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: IntegrationVersionId;
}): Promise<Version> {
  const { tx, actor, id } = options;
  const version = await selectVersion(tx, id);
  if (version === null) throw notFound('Version');
  const { unitPath } = await getIntegration({ tx, actor, id: version.integrationId });
  if (version.versionNo === null && !can(actor, 'integration.view', unitPath)) throw notFound('Version');
  return version;
}

/** Published ones, the newest first. */
export async function listVersions(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly integrationId: IntegrationId;
  /** Only those that new instances may take, or only those that they may not. */
  readonly isAvailable?: boolean | null;
  readonly page: PageRequest;
}): Promise<Page<Version>> {
  const { tx, actor, integrationId } = options;
  await getIntegration({ tx, actor, id: integrationId });
  return await selectPublishedVersions(tx, integrationId, {
    isAvailable: options.isAvailable ?? null,
    page: options.page,
  });
}

/** Withdraws a version from new instances, or offers it again. */
export async function setAvailability(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: IntegrationVersionId;
  readonly isAvailable: boolean;
}): Promise<Version> {
  const { tx, actor, id, isAvailable } = options;
  const version = await getVersion({ tx, actor, id });
  const { unitPath } = await getIntegration({ tx, actor, id: version.integrationId });
  requirePermission(actor, 'integration.manage', unitPath);
  await updateAvailability(tx, id, isAvailable);
  await audit(tx, {
    action: 'integration.updated',
    actor,
    object: { kind: 'integration_version', id },
    fields: ['isAvailable'],
  });
  return await getVersion({ tx, actor, id });
}

/** The file of a version, secrets left empty: the draft unless one is named. */
export async function exportYaml(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly integrationId: IntegrationId;
  readonly versionId?: IntegrationVersionId | null;
}): Promise<string> {
  const { tx, actor, integrationId } = options;
  const integration = await getIntegration({ tx, actor, id: integrationId });
  const version = await getVersion({ tx, actor, id: options.versionId ?? integration.draftVersionId });
  if (version.integrationId !== integrationId) throw notFound('Version');
  return toYaml(version.definition, await secretFieldsOf(tx, version.id));
}

async function secretFieldsOf(tx: Tx, versionId: IntegrationVersionId): Promise<IsSecretField> {
  const secrets = new Map<string, ReadonlyMap<string, boolean>>();
  for (const variable of await selectConfigVariables(tx, versionId)) {
    if (variable.connectionType === null) continue;
    const type = await getConnectionType(tx, variable.connectionType);
    secrets.set(variable.key, new Map(type.fields.map((field) => [field.key, field.secret])));
  }
  return (variable, field) => secrets.get(variable.key)?.get(field.key) ?? isSecretByName(variable, field);
}
