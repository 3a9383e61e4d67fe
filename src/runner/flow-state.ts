// What steps keep: for their flow, and for all flows of the instance. Sealed, because components keep cursors beside
// secrets there. Two executions at once overwrite each other's: the last one to end a step stays.

import type { InstanceFlowId } from '../integrations/instance.ts';
import { Fault } from '../kernel/fault.ts';
import type { InstanceId, TenantId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { sealedFromColumn } from '../vault/sealed.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import {
  type StateRow,
  selectFlowState,
  selectInstanceState,
  updateFlowState,
  updateInstanceState,
} from './flow-store.ts';

export type State = Readonly<Record<string, unknown>>;
export type FlowStates = { readonly flow: State; readonly instance: State };

type Owner = { readonly tenant: TenantId; readonly flowId: InstanceFlowId; readonly instanceId: InstanceId };

const maxStateBytes = 1024 * 1024;

export async function loadStates(tx: Tx, vault: Vault, owner: Owner): Promise<FlowStates> {
  return {
    flow: await opened(tx, vault, await selectFlowState(tx, owner.flowId), flowPlace(owner)),
    instance: await opened(tx, vault, await selectInstanceState(tx, owner.instanceId), instancePlace(owner)),
  };
}

/** Writes what differs from `before`. */
export async function saveStates(
  tx: Tx,
  vault: Vault,
  owner: Owner,
  states: { readonly before: FlowStates; readonly after: FlowStates },
): Promise<void> {
  const { before, after } = states;
  const flow = changedText(before.flow, after.flow);
  if (flow !== null) {
    const row = await selectFlowState(tx, owner.flowId);
    if (row === null) return;
    const no = row.no + 1;
    const sealed = await vault.seal(tx, flowPlace(owner)(no), Plain.fromText(flow));
    await updateFlowState(tx, owner.flowId, sealed, no);
  }
  const instance = changedText(before.instance, after.instance);
  if (instance !== null) {
    const row = await selectInstanceState(tx, owner.instanceId);
    if (row === null) return;
    const no = row.no + 1;
    const sealed = await vault.seal(tx, instancePlace(owner)(no), Plain.fromText(instance));
    await updateInstanceState(tx, owner.instanceId, sealed, no);
  }
}

async function opened(
  tx: Tx,
  vault: Vault,
  row: StateRow | null,
  place: (no: number) => Parameters<Vault['open']>[1],
): Promise<State> {
  if (row === null || row.sealed === null) return {};
  const plain = await vault.open(tx, place(row.no), sealedFromColumn(row.sealed));
  return JSON.parse(plain.revealText()) as State;
}

/** Null when nothing changed. */
function changedText(before: State, after: State): string | null {
  const text = JSON.stringify(after);
  if (text === JSON.stringify(before)) return null;
  if (text.length <= maxStateBytes) return text;
  throw new Fault('too_large', `The state that the step keeps has ${text.length} characters.`, {
    cure: `At most ${maxStateBytes} are kept.`,
  });
}

function flowPlace({ tenant, flowId }: Owner) {
  return (no: number) => placeOf('flowState', { tenant_id: tenant, id: flowId, state_no: no });
}

function instancePlace({ tenant, instanceId }: Owner) {
  return (no: number) => placeOf('instanceState', { tenant_id: tenant, id: instanceId, state_no: no });
}
