// Reads of secrets. A fresh one costs one statement: who asks and where he may look come from the memory of authority.
import { auditAll } from '../../../audit/event.ts';
import { notFound } from '../../../kernel/fault.ts';
import type { CredentialId } from '../../../kernel/ids.ts';
import type { Reading } from '../../../refresh/reading.ts';
import { isFresh, leastUsefulMs } from '../../../refresh/token-health.ts';
import { type Actor, can } from '../../../tenancy/actor.ts';
import { lookAt, looksAsMachine } from '../look.ts';
import type { Rooms } from '../rooms.ts';
import type { Workspace } from '../workspaces/workspace.ts';
import { secretAnswer } from './secret-answer.ts';

/** Background refreshing keeps tokens a minute ahead; a read itself waits only for one that would expire on its way. */
const usefulSeconds = leastUsefulMs / 1000;

export type SecretRequest = {
  readonly actor: Actor;
  readonly workspace: Workspace;
  readonly id: CredentialId;
};

/** As it is stored; nothing is refreshed. */
export async function findSecret(
  house: Pick<Rooms, 'reader'>,
  { actor, workspace, id }: SecretRequest,
): Promise<Reading> {
  const reading = await house.reader.find({ tenant: actor.tenant, credentialId: id });
  if (reading === null || reading.unitId !== workspace.id || reading.kind !== 'named') {
    throw notFound('Secret');
  }
  return reading;
}

/** Apart from each other: copying a reading costs more than opening its tokens does. */
type SecretReading = { readonly reading: Reading; readonly isDegraded: boolean };

/**
 * With a token that lives, if there can be one; where there is none, the secret says so itself. Who says how long the token
 * must live is refused without one: with Retry-After when it may come, with the cure when a person is needed. A token that
 * still lives, but shorter than asked for because refreshing does not succeed, is served and marked.
 */
export async function readSecret(
  house: Pick<Rooms, 'reader' | 'clock'>,
  request: SecretRequest,
  minTtlSeconds: number | null,
): Promise<SecretReading> {
  const reading = await findSecret(house, request);
  const { grant } = reading;
  const wanted = minTtlSeconds ?? usefulSeconds;
  if (grant === null || (grant.tokens !== null && isFresh(grant, wanted, house.clock.now()))) {
    return { reading, isDegraded: false };
  }
  const options = { tenant: request.actor.tenant, credentialId: request.id, minTtlSeconds: wanted };
  const read = minTtlSeconds === null ? house.reader.read : house.reader.readToken;
  const after = await read(options);
  return { reading: after, isDegraded: after.isDegraded };
}

type AnsweringHouse = Pick<Rooms, 'clock' | 'doors' | 'readAudit' | 'useNotes'>;

/** The secrets, as JSON, as far as the actor may see them; whoever sees credentials is recorded. */
export async function answerSecrets(
  house: AnsweringHouse,
  of: {
    readonly actor: Actor;
    readonly workspace: Workspace;
    readonly readings: readonly Reading[];
    readonly isServed: boolean;
  },
): Promise<readonly string[]> {
  const { actor, workspace, readings, isServed } = of;
  const showsCredentials = can(actor, 'credential.reveal', workspace.path);
  if (showsCredentials) await recordReads(house, actor, readings);
  const view = { workspaceId: workspace.id, showsCredentials, isServed, now: house.clock.now() };
  return readings.map((reading) => secretAnswer(reading, view));
}

/** To be awaited before values leave: who saw them, and that they are in use. Null for a machine, which waits for nothing. */
export function recordReads(
  house: AnsweringHouse,
  actor: Actor,
  readings: readonly Reading[],
): Promise<void> | null {
  const { tenant } = actor;
  const events = readings.map(({ credentialId: id }) => lookAt({ kind: 'credential', id }, actor));
  for (const reading of readings) house.useNotes.note(tenant, reading.credentialId);
  if (looksAsMachine(actor)) {
    for (const event of events) house.readAudit.record(tenant, event);
    return null;
  }
  // A person's look is on record before the answer leaves.
  return house.doors.withTenant(tenant, async (tx) => {
    await auditAll(tx, events);
  });
}
