// Publishing copies the draft into a version that never changes again: LATEST becomes a number, defaults are sealed
// anew for their new place, and the templates that it uses freeze, all in one transaction.
import { audit } from '../audit/event.ts';
import { createConfigVariables } from '../connections/config-variable.ts';
import { freezeTemplates } from '../connections/template.ts';
import { invalidField, notFound } from '../kernel/fault.ts';
import { type IntegrationId, type IntegrationVersionId, newId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import type { Vault } from '../vault/vault.ts';
import { type ComponentLookup, createComponentLookup } from './component-lookup.ts';
import type { ComponentRef, Definition } from './definition.ts';
import { checkedVariables, getIntegration, keptDefaults, storedForm } from './integration.ts';
import { lockIntegration } from './integration-store.ts';
import { insertPublished, selectVersion, type Version } from './version-store.ts';

const maxCommentLength = 2000;

export async function publishIntegration(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly integrationId: IntegrationId;
  readonly comment?: string;
}): Promise<Version> {
  const { tx, vault, actor, integrationId } = options;
  const comment = options.comment ?? '';
  if (comment.length > maxCommentLength) {
    throw invalidField('comment', `is longer than ${maxCommentLength} characters.`, 'Shorten it.');
  }
  const { unitPath, draftVersionId } = await getIntegration({ tx, actor, id: integrationId });
  requirePermission(actor, 'integration.manage', unitPath);
  await lockIntegration(tx, integrationId);
  const draft = await selectVersion(tx, draftVersionId);
  if (draft === null) throw notFound('Integration');
  const pinned = await pinComponents(draft.definition, createComponentLookup(tx));
  const built = await checkedVariables(tx, pinned, unitPath, await keptDefaults(options, draftVersionId));
  const versionId = newId<IntegrationVersionId>();
  const versionNo = await insertPublished(tx, {
    id: versionId,
    integrationId,
    comment,
    publishedBy: actor.principalId,
    ...storedForm(pinned, built),
  });
  const { variables } = built;
  await createConfigVariables({ tx, vault, tenant: actor.tenant, versionId, variables });
  await freezeTemplates(tx, actor, built.templateIds);
  await audit(tx, {
    action: 'integration.published',
    actor,
    object: { kind: 'integration', id: integrationId },
    detail: { versionNo },
  });
  const version = await selectVersion(tx, versionId);
  if (version === null) throw notFound('Version');
  return version;
}

/** What is published runs tomorrow what it runs today. */
async function pinComponents(definition: Definition, lookup: ComponentLookup): Promise<Definition> {
  const pinned = new Map<string, ComponentRef>();
  for (const ref of refsOf(definition)) {
    const found = ref.version.kind === 'latest' ? await lookup.find(ref) : null;
    // The trigger of the server is no stored component; whatever else is missing is told by the check that follows.
    if (found === null) continue;
    pinned.set(JSON.stringify(ref), { ...ref, version: { kind: 'number', versionNo: found.versionNo } });
  }
  const pin = (ref: ComponentRef): ComponentRef => pinned.get(JSON.stringify(ref)) ?? ref;
  return {
    ...definition,
    configVariables: definition.configVariables.map((variable) => {
      if (variable.kind !== 'connection' || variable.source.kind !== 'component') return variable;
      return { ...variable, source: { ...variable.source, component: pin(variable.source.component) } };
    }),
    flows: definition.flows.map((flow) => ({
      ...flow,
      steps: flow.steps.map((step) => ({
        ...step,
        action: { ...step.action, component: pin(step.action.component) },
      })),
    })),
  };
}

function refsOf(definition: Definition): readonly ComponentRef[] {
  return [
    ...definition.configVariables.flatMap((variable) =>
      variable.kind === 'connection' && variable.source.kind === 'component'
        ? [variable.source.component]
        : [],
    ),
    ...definition.flows.flatMap((flow) => flow.steps.map((step) => step.action.component)),
  ];
}
