// Reading versions: who may see them, and the file that they came from.
import { selectConfigVariables } from '../connections/config-variable-store.ts';
import { getConnectionType } from '../credentials/connection-type.ts';
import { notFound } from '../kernel/fault.ts';
import type { IntegrationId, IntegrationVersionId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, can } from '../tenancy/actor.ts';
import { getIntegration } from './integration.ts';
import { selectPublishedVersions, selectVersion, type Version } from './version-store.ts';
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
