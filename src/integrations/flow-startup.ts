// What a component leaves when its flow starts and wants back when it ends: the id of a subscription it made at a
// service, say. Sealed, for nobody here knows what it is.
import { Fault, notFound } from '../kernel/fault.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import { getOutsideFlow, type OutsideFlow, type OutsideFlowId } from './outside-flow.ts';
import { lockOutsideFlow, selectStartupSealed, updateStartupSealed } from './outside-flow-store.ts';

type Options = {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly id: OutsideFlowId;
};

const maxBytes = 65_536;

/** Refused while older data are there: a component deletes those first, or it would lose what they stand for. */
export async function keepStartup(options: Options & { readonly data: unknown }): Promise<void> {
  const { tx, vault, id, data } = options;
  const flow = await enter(options);
  const text = JSON.stringify(data);
  if (Buffer.byteLength(text) > maxBytes) {
    throw new Fault('too_large', `The data are larger than ${maxBytes} bytes.`, { cure: 'Keep less.' });
  }
  if ((await selectStartupSealed(tx, id)) !== null) {
    throw new Fault('conflict', 'Data of an earlier start are there.', { cure: 'Delete them first.' });
  }
  await updateStartupSealed(tx, id, await vault.seal(tx, placeOfStartup(flow), Plain.fromText(text)));
}

export async function readStartup(options: Options): Promise<unknown> {
  const { tx, vault, id } = options;
  const flow = await enter(options);
  const sealed = await selectStartupSealed(tx, id);
  if (sealed === null) throw notFound('Startup data');
  return JSON.parse((await vault.open(tx, placeOfStartup(flow), sealed)).revealText());
}

export async function forgetStartup(options: Options): Promise<void> {
  await enter(options);
  await updateStartupSealed(options.tx, options.id, null);
}

async function enter(options: Options): Promise<OutsideFlow> {
  const flow = await getOutsideFlow(options);
  requirePermission(options.actor, 'instance.run', flow.unitPath);
  await lockOutsideFlow(options.tx, options.id);
  return flow;
}

function placeOfStartup(flow: OutsideFlow) {
  return placeOf('flowStartup', { tenant_id: flow.tenantId, id: flow.id });
}
