// A refresh that somebody asks for although the token looks well. Sent only where it can do any good: not when the token
// that was refused is not the current one any more, not when the current one is brand new, and never so often that the
// provider takes living tokens away for it.
import { createHash, timingSafeEqual } from 'node:crypto';
import { learnLifetime } from '../credentials/learned-lifetime.ts';
import { selectTokenAge } from '../credentials/learned-lifetime-store.ts';
import { quirksOfProviderKey } from '../credentials/registration.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Doors } from '../storage/doors.ts';
import type { Reading } from './reading.ts';
import type { RefreshFlight } from './refresh-flight.ts';
import type { RefreshGate } from './refresh-gate.ts';
import { cannotRefresh, refusedRefresh } from './token-health.ts';
import { type ReadOptions, requireToken, type TokenReading } from './token-reading.ts';

export type ForceRefresh = (
  options: ReadOptions & {
    /** SHA-256 (hexadecimal) of the access token that a resource server refused with 401; null when the caller cannot say. */
    readonly refusedSha256?: string | null;
  },
) => Promise<TokenReading>;

export function createForceRefresh(deps: {
  readonly clock: Clock;
  readonly doors: Doors;
  readonly load: (options: ReadOptions) => Promise<Reading>;
  readonly fly: RefreshFlight['fly'];
  readonly gate: Pick<RefreshGate, 'refusal'>;
  /** Who cannot say which token was refused gets one that is already new, instead of a refresh. */
  readonly forcedWindowSeconds: number;
}): ForceRefresh {
  const { clock, doors, load, fly, gate } = deps;
  const freshForMs = deps.forcedWindowSeconds * 1000;

  return async (options) => {
    const { tenant, credentialId, refusedSha256 = null } = options;
    const before = await load(options);
    const { grant } = before;
    const asItStands = (): TokenReading => requireToken({ ...before, isDegraded: false }, clock.now());
    if (grant === null || grant.tokens === null) return asItStands();
    if (refusedSha256 !== null && !isTokenOf(refusedSha256, grant.tokens.accessToken)) return asItStands();
    const age = await doors.withTenant(tenant, (tx) => selectTokenAge(tx, credentialId, grant));
    const freshMs = Math.max(refusedSha256 === null ? freshForMs : 0, floorMs(age?.providerKey ?? null));
    if (age !== null && age.ageMs < freshMs) return asItStands();
    if (!grant.isRenewable) throw cannotRefresh(grant, clock.now());
    const refusal = gate.refusal();
    if (refusal !== null) throw refusal;
    const after = await fly(options, grant, () => load(options));
    if (after.grant === null || after.grant.tokenNo === grant.tokenNo)
      throw refusedRefresh(after.grant ?? grant);
    // Only now: a grant that is over says nothing about how long tokens live.
    if (refusedSha256 !== null && age?.assumed != null) {
      await doors.withTenant(tenant, (tx) => learnLifetime(tx, credentialId, age));
    }
    return requireToken({ ...after, isDegraded: false }, clock.now());
  };
}

function floorMs(providerKey: string | null): number {
  return 1000 * (providerKey === null ? 0 : (quirksOfProviderKey(providerKey).minForcedRefreshSeconds ?? 0));
}

function isTokenOf(sha256: string, token: Plain): boolean {
  const given = Buffer.from(sha256, 'hex');
  const own = createHash('sha256').update(token.revealText()).digest();
  return given.length === own.length && timingSafeEqual(given, own);
}
