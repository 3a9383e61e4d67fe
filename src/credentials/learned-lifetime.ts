// What lifetimes turn out to be where the provider does not say them. A caller whose token was refused before its assumed
// end teaches: the next assumed lifetimes of that provider are shorter. Believed with care, because a refusal may have
// other reasons: only when the refresh that followed succeeded (a grant that is over teaches nothing), never under two
// minutes, and by one report never to less than half of what was assumed.
import { audit, systemActor } from '../audit/event.ts';
import type { CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type AssumedLife, keepShorterLifetime, type TokenAge } from './learned-lifetime-store.ts';
import { writeConnectionLog } from './log-store.ts';

const leastSeconds = 120;

/** Null when the report says nothing new. */
export function lessonOf({ livedSeconds, assumedSeconds }: AssumedLife): number | null {
  const seconds = Math.floor(Math.max(livedSeconds, assumedSeconds / 2, leastSeconds));
  return seconds < assumedSeconds ? seconds : null;
}

/** `age`: of the refused token, at the time of the report. */
export async function learnLifetime(tx: Tx, credentialId: CredentialId, age: TokenAge): Promise<void> {
  const { providerKey, assumed: life } = age;
  const seconds = life === null ? null : lessonOf(life);
  if (providerKey === null || life === null || seconds === null) return;
  await keepShorterLifetime(tx, providerKey, seconds);
  await writeConnectionLog(tx, {
    credentialId,
    severity: 'info',
    code: 'lifetime_learned',
    message: `The provider does not say how long its tokens live, and refused one after ${Math.floor(life.livedSeconds)} s. From now on ${seconds} s are assumed instead of ${Math.floor(life.assumedSeconds)} s.`,
  });
  await audit(tx, {
    action: 'grant.lifetime_learned',
    actor: systemActor,
    object: { kind: 'credential', id: credentialId },
    detail: { seconds: String(seconds) },
  });
}
