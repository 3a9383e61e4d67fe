// Integrations: imported as a draft that each import replaces, published as versions that never change.
import { createHash } from 'node:crypto';
import { audit } from '../audit/event.ts';
import { createConfigVariables, openDefaults } from '../connections/config-variable.ts';
import { selectConfigVariables } from '../connections/config-variable-store.ts';
import { invalidField, notFound } from '../kernel/fault.ts';
import {
  type IntegrationId,
  type IntegrationVersionId,
  newId,
  type TenantId,
  type UnitId,
} from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible, unitsWith } from '../tenancy/actor.ts';
import { checkName, getUnit } from '../tenancy/unit.ts';
import type { Vault } from '../vault/vault.ts';
import { checkComponents, createComponentLookup } from './component-lookup.ts';
import type { Definition } from './definition.ts';
import {
  type Integration,
  insertIntegration,
  lockIntegration,
  selectIntegration,
  selectIntegrations,
  updateIntegrationTexts,
} from './integration-store.ts';
import { type BuiltVariables, buildVariables, type KeptDefaults } from './integration-variables.ts';
import { Problems } from './problems.ts';
import { deleteConfigVariables, insertDraft, replaceDraft } from './version-store.ts';
import { withoutSecrets } from './without-secrets.ts';
import { parseDefinition, toYaml } from './yaml.ts';

export type { Integration } from './integration-store.ts';

type Context = { readonly tx: Tx; readonly vault: Vault; readonly actor: Actor };

/**
 * A new integration, or the new draft of `integrationId`. Everything that is wrong with the file, or missing here, is
 * told at once in a `DefinitionFault`; nothing is stored then.
 */
export async function importIntegration(
  options: Context & {
    readonly source: { readonly yaml: string } | { readonly definition: Definition };
    readonly integrationId?: IntegrationId | null;
    /** Where a new one belongs: the organization unless said. */
    readonly unitId?: UnitId | null;
  },
): Promise<Integration> {
  const { tx, actor, source } = options;
  const definition = 'yaml' in source ? parseDefinition(source.yaml) : source.definition;
  const place = await placeOfImport(options);
  const integrationId = place.integration?.id ?? newId<IntegrationId>();
  if (place.integration !== null) await lockIntegration(tx, integrationId);
  const kept =
    place.integration === null ? noDefaults : await keptDefaults(options, place.integration.draftVersionId);
  const built = await checkedVariables(tx, definition, place.unitPath, kept);
  const texts = { name: checkName(definition.name), description: definition.description };
  const versionId = place.integration?.draftVersionId ?? newId<IntegrationVersionId>();
  const draft = { id: versionId, ...storedForm(definition, built) };
  if (place.integration === null) {
    await insertIntegration(tx, { id: integrationId, unitId: place.unitId, ...texts });
    await insertDraft(tx, { ...draft, integrationId });
  } else {
    await updateIntegrationTexts(tx, { id: integrationId, ...texts });
    await deleteConfigVariables(tx, versionId);
    await replaceDraft(tx, draft);
  }
  const { variables } = built;
  await createConfigVariables({ tx, vault: options.vault, tenant: actor.tenant, versionId, variables });
  await audit(tx, {
    action: place.integration === null ? 'integration.created' : 'integration.imported',
    actor,
    object: { kind: 'integration', id: integrationId },
    fields: ['definition'],
  });
  return await findOrFail(tx, integrationId);
}

async function placeOfImport(
  options: Context & { readonly integrationId?: IntegrationId | null; readonly unitId?: UnitId | null },
): Promise<{ integration: Integration | null; unitId: UnitId; unitPath: readonly UnitId[] }> {
  const { tx, actor } = options;
  if (options.integrationId !== undefined && options.integrationId !== null) {
    const integration = await getIntegration({ tx, actor, id: options.integrationId });
    requirePermission(actor, 'integration.manage', integration.unitPath);
    return { integration, unitId: integration.unitId, unitPath: integration.unitPath };
  }
  const unit = await getUnit({ tx, actor, id: options.unitId ?? (actor.tenant as string as UnitId) });
  requirePermission(actor, 'integration.manage', unit.path);
  if (unit.kind !== 'organization' && unit.kind !== 'customer') {
    throw invalidField('unit', `is a ${unit.kind}.`, 'Import it into the organization or into a customer.');
  }
  return { integration: null, unitId: unit.id, unitPath: unit.path };
}

const noDefaults: KeptDefaults = new Map();

/** What is sealed beside a version: a file comes without its secrets, and must not erase them. */
export async function keptDefaults(
  options: { readonly tx: Tx; readonly vault: Vault; readonly actor: { readonly tenant: TenantId } },
  versionId: IntegrationVersionId,
): Promise<KeptDefaults> {
  const { tx, vault, actor } = options;
  const kept = new Map<string, ReadonlyMap<string, Plain>>();
  for (const variable of await selectConfigVariables(tx, versionId)) {
    if (!variable.fields.some((field) => field.hasDefault)) continue;
    kept.set(
      variable.stableKey,
      await openDefaults({ tx, vault, tenant: actor.tenant, variableId: variable.id }),
    );
  }
  return kept;
}

/** Everything that the definition refers to, found; or a `DefinitionFault` with all that is not. */
export async function checkedVariables(
  tx: Tx,
  definition: Definition,
  unitPath: readonly UnitId[],
  kept: KeptDefaults,
): Promise<BuiltVariables> {
  const problems = new Problems();
  const lookup = createComponentLookup(tx);
  await checkComponents(definition, lookup, problems);
  const built = await buildVariables({ tx, definition, lookup, problems, unitPath, kept });
  problems.throwIfAny();
  return built;
}

/** Without secrets; of API keys only what is needed to recognize them. */
export function storedForm(
  definition: Definition,
  built: Pick<BuiltVariables, 'isSecret'>,
): { readonly definition: Definition; readonly source: string } {
  const bare = withoutSecrets(definition, built.isSecret);
  const flows = definition.flows.map((flow) => ({
    ...flow,
    organizationApiKeys: flow.organizationApiKeys.map(apiKeyDigest),
  }));
  return { definition: { ...bare, flows }, source: toYaml(definition, built.isSecret) };
}

const digestMark = 'sha256:';

/** How the API key of a trigger is kept. A digest stays what it is, so that versions are copied. */
export function apiKeyDigest(key: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(key)) return key;
  return `${digestMark}${createHash('sha256').update(key).digest('hex')}`;
}

async function findOrFail(tx: Tx, id: IntegrationId): Promise<Integration> {
  const integration = await selectIntegration(tx, id);
  if (integration === null) throw notFound('Integration');
  return integration;
}

/** not_found when the actor may not see it. Customers see what the organization has published for them. */
export async function getIntegration(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: IntegrationId;
}): Promise<Integration> {
  const { actor } = options;
  const integration = await selectIntegration(options.tx, options.id);
  const isOffered =
    integration !== null &&
    integration.latestVersion !== null &&
    integration.unitPath.length === 1 &&
    unitsWith(actor, 'integration.view').length > 0;
  if (integration !== null && isOffered) return integration;
  requireVisible(actor, 'integration.view', integration?.unitPath, 'Integration');
  return await findOrFail(options.tx, options.id);
}

export async function listIntegrations(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  /** Only those of this unit. */
  readonly unitId?: UnitId | null;
  /** Only those of exactly this name. */
  readonly name?: string | null;
  readonly search?: string | null;
  readonly page: PageRequest;
}): Promise<Page<Integration>> {
  return await selectIntegrations(options.tx, {
    within: unitsWith(options.actor, 'integration.view'),
    unitId: options.unitId ?? null,
    name: options.name ?? null,
    search: options.search ?? null,
    page: options.page,
  });
}
