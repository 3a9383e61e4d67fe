// Flows that run elsewhere. Other people's processes run their steps and ask here how a step is configured; what is kept
// is what they ask for, and which credentials are in use while a flow is started. Nothing of them is run here.
import { audit } from '../audit/event.ts';
import { getCredential } from '../credentials/credential.ts';
import { addUse, removeUse } from '../credentials/use.ts';
import { Fault, invalidField, isFault, notFound } from '../kernel/fault.ts';
import { type CredentialId, newId, type PrincipalId, type UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible } from '../tenancy/actor.ts';
import { checkName, getUnit } from '../tenancy/unit.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import { checkDescription } from './instance.ts';
import {
  deleteOutsideFlowRow,
  type flowOrders,
  insertOutsideFlow,
  lockOutsideFlow,
  markStarted,
  markStopped,
  type OutsideFlowId,
  type OutsideFlowRow,
  selectOutsideFlow,
  selectOutsideFlows,
  updateOutsideFlowRow,
} from './outside-flow-store.ts';

export type { OutsideFlowId } from './outside-flow-store.ts';

export type OutsideFlow = Omit<OutsideFlowRow, 'documentSealed'> & {
  /** Steps and what lies between them, as its dialect writes them. */
  readonly document: Readonly<Record<string, unknown>>;
};

type OutsideFlowTexts = Pick<OutsideFlow, 'name' | 'description' | 'kind' | 'document' | 'credentialIds'>;

type Context = { readonly tx: Tx; readonly vault: Vault; readonly actor: Actor };
type One = Context & { readonly id: OutsideFlowId };

const what = 'Flow';
/** A flow says which credentials its steps use and how they are configured. */
export const flowView = 'credential.view';
/** Room for a few hundred steps with their mappings, and a bound for lists of many flows. */
const maxDocumentBytes = 1_000_000;

/** Whoever sees the unit's credentials sees its flows; to change one is to manage instances, to start one is to run them. */
export async function createOutsideFlow(
  options: Context & { readonly unitId: UnitId; readonly flow: OutsideFlowTexts },
): Promise<OutsideFlow> {
  const { tx, vault, actor, unitId } = options;
  const unit = await getUnit({ tx, actor, id: unitId });
  requirePermission(actor, 'instance.manage', unit.path);
  const { document, ...flow } = checkTexts(options.flow);
  await requireCredentials({ tx, actor, unitId, credentialIds: flow.credentialIds });
  const id = newId<OutsideFlowId>();
  const sealed = await sealDocument({
    tx,
    vault,
    flow: { tenantId: actor.tenant, id, documentNo: 1 },
    document,
  });
  await insertOutsideFlow(tx, { ...flow, ...sealed, id, unitId, createdBy: actor.principalId });
  await audit(tx, { action: 'flow.created', actor, object: { kind: 'flow', id }, fields: ['name'] });
  return await findOrFail(options, id);
}

/** not_found when it is absent or the actor may not see it. */
export async function getOutsideFlow(options: One): Promise<OutsideFlow> {
  const { tx, actor, id } = options;
  const flow = await selectOutsideFlow(tx, id);
  requireVisible(actor, flowView, flow?.unitPath, what);
  return await findOrFail(options, id);
}

/** Of one unit, whose path the caller has shown to be visible. */
export async function listOutsideFlows(
  options: Context & {
    readonly unitPath: readonly UnitId[];
    readonly isStarted: boolean | null;
    readonly kind: string | null;
    readonly createdBy: PrincipalId | null;
    readonly search: string | null;
    readonly order: { readonly by: keyof typeof flowOrders; readonly isDescending: boolean };
    readonly page: PageRequest;
  },
): Promise<Page<OutsideFlow>> {
  const { tx, vault, actor, unitPath, ...filter } = options;
  requireVisible(actor, flowView, unitPath, 'Unit');
  const [unitId] = unitPath;
  if (unitId === undefined) throw notFound('Unit');
  const page = await selectOutsideFlows(tx, { unitId, ...filter });
  const items: OutsideFlow[] = [];
  for (const row of page.items) items.push(await openFlow({ tx, vault }, row));
  return { ...page, items };
}

/** Only while it is stopped: its processes have read their steps when they started, and would go on with the old ones. */
export async function updateOutsideFlow(
  options: One & { readonly change: (flow: OutsideFlow) => OutsideFlowTexts },
): Promise<OutsideFlow> {
  const { tx, vault, actor, id } = options;
  const flow = await enter(options, 'instance.manage');
  requireStopped(flow);
  const { document, ...change } = checkTexts(options.change(flow));
  const added = change.credentialIds.filter((one) => !flow.credentialIds.includes(one));
  await requireCredentials({ tx, actor, unitId: flow.unitId, credentialIds: added });
  const next = { ...flow, documentNo: flow.documentNo + 1 };
  const sealed = await sealDocument({ tx, vault, flow: next, document });
  await updateOutsideFlowRow(tx, id, { ...change, ...sealed });
  await audit(tx, { action: 'flow.updated', actor, object: { kind: 'flow', id } });
  return await findOrFail(options, id);
}

/** From here on its credentials are in use, and not deleted. Starting twice is starting once. */
export async function startOutsideFlow(options: One): Promise<OutsideFlow> {
  const { tx, actor, id } = options;
  const flow = await enter(options, 'instance.run');
  if (flow.isStarted) return flow;
  await requireCredentials({ tx, actor, unitId: flow.unitId, credentialIds: flow.credentialIds });
  for (const one of flow.credentialIds) await addUse(tx, one, useBy(id));
  await markStarted(tx, id);
  await audit(tx, { action: 'flow.started', actor, object: { kind: 'flow', id } });
  return await findOrFail(options, id);
}

export async function stopOutsideFlow(options: One): Promise<OutsideFlow> {
  const { tx, actor, id } = options;
  const flow = await enter(options, 'instance.run');
  if (!flow.isStarted) return flow;
  for (const one of flow.credentialIds) await removeUse(tx, one, useBy(id));
  await markStopped(tx, id);
  await audit(tx, { action: 'flow.stopped', actor, object: { kind: 'flow', id } });
  return await findOrFail(options, id);
}

export async function deleteOutsideFlow(options: One): Promise<void> {
  const { tx, actor, id } = options;
  requireStopped(await enter(options, 'instance.manage'));
  await deleteOutsideFlowRow(tx, id);
  await audit(tx, { action: 'flow.deleted', actor, object: { kind: 'flow', id } });
}

/** The flow under its lock, for somebody who may do that to it. */
async function enter(one: One, permission: 'instance.manage' | 'instance.run'): Promise<OutsideFlow> {
  requirePermission(one.actor, permission, (await getOutsideFlow(one)).unitPath);
  await lockOutsideFlow(one.tx, one.id);
  return await findOrFail(one, one.id);
}

async function findOrFail(by: Pick<Context, 'tx' | 'vault'>, id: OutsideFlowId): Promise<OutsideFlow> {
  const row = await selectOutsideFlow(by.tx, id);
  if (row === null) throw notFound(what);
  return await openFlow(by, row);
}

async function openFlow(
  { tx, vault }: Pick<Context, 'tx' | 'vault'>,
  { documentSealed, ...row }: OutsideFlowRow,
): Promise<OutsideFlow> {
  const text = await vault.open(tx, placeOfDocument(row), documentSealed);
  return { ...row, document: JSON.parse(text.revealText()) as OutsideFlow['document'] };
}

async function sealDocument(of: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly flow: Parameters<typeof placeOfDocument>[0];
  readonly document: OutsideFlow['document'];
}): Promise<Pick<OutsideFlowRow, 'documentSealed' | 'documentNo'>> {
  const text = Plain.fromText(JSON.stringify(of.document));
  return {
    documentSealed: await of.vault.seal(of.tx, placeOfDocument(of.flow), text),
    documentNo: of.flow.documentNo,
  };
}

function placeOfDocument(flow: Pick<OutsideFlowRow, 'tenantId' | 'id' | 'documentNo'>) {
  return placeOf('flowDocument', { tenant_id: flow.tenantId, id: flow.id, document_no: flow.documentNo });
}

function useBy(id: OutsideFlowId) {
  return { userKind: 'flow', userId: id };
}

function requireStopped(flow: OutsideFlow): void {
  if (!flow.isStarted) return;
  throw new Fault('conflict', 'The flow is started.', { cure: 'Stop it first.' });
}

function checkTexts(flow: OutsideFlowTexts): OutsideFlowTexts {
  if (Buffer.byteLength(JSON.stringify(flow.document)) > maxDocumentBytes) {
    throw invalidField('document', `is larger than ${maxDocumentBytes} bytes.`, 'Make several flows of it.');
  }
  return {
    ...flow,
    name: checkName(flow.name),
    description: checkDescription(flow.description),
    credentialIds: [...new Set(flow.credentialIds)],
  };
}

/** A step uses credentials of its own unit, as whoever writes or starts the flow sees them. */
async function requireCredentials(
  options: Pick<Context, 'tx' | 'actor'> & {
    readonly unitId: UnitId;
    readonly credentialIds: readonly CredentialId[];
  },
): Promise<void> {
  const { tx, actor, unitId } = options;
  for (const id of options.credentialIds) {
    const credential = await getCredential({ tx, actor, id }).catch((error: unknown) => {
      if (isFault(error, 'not_found')) return null;
      throw error;
    });
    if (credential !== null && credential.unitId === unitId && credential.kind === 'named') continue;
    throw new Fault('conflict', `A step uses the credential ${id}, which is not in this workspace.`, {
      field: 'document',
      cure: 'Give the id of one that is.',
    });
  }
}
