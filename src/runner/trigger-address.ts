// The address of a flow's trigger: one word that names the tenant and the flow of an instance, so that it is found
// without asking every tenant. The flow's id is random, so an address cannot be guessed.

import type { InstanceFlowId } from '../integrations/instance.ts';
import { isUuid, type TenantId } from '../kernel/ids.ts';

export type TriggerAddress = { readonly tenant: TenantId; readonly flowId: InstanceFlowId };

function triggerWord({ tenant, flowId }: TriggerAddress): string {
  return Buffer.from(`${tenant}${flowId}`.replaceAll('-', ''), 'hex').toString('base64url');
}

/** Null for anything that is no address. */
export function parseTriggerWord(word: string): TriggerAddress | null {
  if (!/^[\w-]{43}$/.test(word)) return null;
  const hex = Buffer.from(word, 'base64url').toString('hex');
  const tenant = uuidOf(hex.slice(0, 32));
  const flowId = uuidOf(hex.slice(32));
  if (!isUuid(tenant) || !isUuid(flowId)) return null;
  return { tenant: tenant as TenantId, flowId: flowId as string as InstanceFlowId };
}

/** Where a flow is started: `https://.../trigger/<word>`. */
export function triggerUrl(publicUrl: string, address: TriggerAddress): string {
  return `${publicUrl}/trigger/${triggerWord(address)}`;
}

function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
