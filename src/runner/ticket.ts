// A running step's right to the credentials that it was given: a random text of which only the hash is kept. It ends
// with the step, and is looked up at every use.
import { createHash, randomBytes } from 'node:crypto';
import { type CredentialId, type ExecutionId, newId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { insertTicket, selectLiveTicket, type TicketRow } from './ticket-store.ts';

export type Ticket = TicketRow;

export async function issueTicket(
  tx: Tx,
  options: {
    readonly executionId: ExecutionId;
    readonly stepName: string;
    readonly credentialIds: readonly CredentialId[];
    readonly livesForSeconds: number;
  },
): Promise<Plain> {
  const text = `st_${randomBytes(32).toString('base64url')}`;
  await insertTicket(tx, { ...options, id: newId<never>(), hash: hashOf(text) });
  return Plain.fromText(text);
}

/** What the ticket gives at this moment; null when it gives nothing (any more). */
export async function checkTicket(tx: Tx, text: string): Promise<Ticket | null> {
  return await selectLiveTicket(tx, hashOf(text));
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
