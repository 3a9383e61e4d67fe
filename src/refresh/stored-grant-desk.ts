// Grants as they lie in PostgreSQL. Work of one tenant that meets here goes together: preparing and committing cost a few
// round trips for many grants as for one.
import { type AuthClientRow, selectAuthClientsById } from '../credentials/auth-client-store.ts';
import { armDueGrants, selectDueByLane, selectDueGrants } from '../credentials/claim-store.ts';
import { mayProbe } from '../credentials/client-breaker.ts';
import { openSecretsOfClients } from '../credentials/client-secret.ts';
import { giveBackKept } from '../credentials/give-back.ts';
import { openTokens } from '../credentials/grant.ts';
import {
  armGrant,
  type GrantRow,
  recoverArmedGrants,
  releaseAttempt,
  selectArmedGrants,
  selectGrant,
} from '../credentials/grant-store.ts';
import {
  commitRefreshes,
  type KeptRefresh,
  keepRefresh,
  replayRefresh,
} from '../credentials/kept-refresh.ts';
import { type Registration, selectRegistrations } from '../credentials/registration-store.ts';
import type { Clock } from '../kernel/clock.ts';
import { isFault } from '../kernel/fault.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import type { Sealer, Vault } from '../vault/vault.ts';
import { createGather } from './gather.ts';
import type { Armed, GrantDesk, Prepared } from './grant-desk.ts';
import { noteRecovery, writeFailure } from './outcome-notes.ts';
import { attemptDeadlineSeconds, type RefreshTimings } from './refresh-timings.ts';

export type StoredGrantDeskDeps = {
  readonly doors: Doors;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly processId: string;
  readonly timings: RefreshTimings;
};

/** A failed turn fails all that is in it: few enough to try again one by one. */
const together = { underWay: 3, together: 50 } as const;

/** Armed, and yet nothing to send: the grant is not refreshable, whatever its due time says. */
class NothingToSend extends Error {}

export function createStoredGrantDesk(deps: StoredGrantDeskDeps): GrantDesk {
  const { doors, vault, clock, processId, timings } = deps;
  const deadlineSeconds = attemptDeadlineSeconds(timings);
  const prepareTogether = createGather<TenantId, Armed, Prepared | Error | null>(
    (tenant, armed) => doors.withTenant(tenant, (tx) => prepareAll(tx, vault, tenant, armed)),
    together,
  );
  const commitTogether = createGather<TenantId, KeptRefresh, boolean | Error>(
    (tenant, kept) => commitAll(doors, tenant, kept),
    together,
  );

  return {
    dueGrants: (limit) => doors.asScheduler((tx) => selectDueGrants(tx, limit)),
    dueByLane: (from, limits) => doors.asScheduler((tx) => selectDueByLane(tx, from, limits)),
    armDue: async (chosen) => {
      const armedAtMs = clock.monotonicMs();
      const claimed = await doors.asScheduler((tx) =>
        armDueGrants(tx, chosen, { processId, deadlineSeconds }),
      );
      return claimed.map(({ tenantId, ...one }) => ({ ...one, tenant: tenantId, armedAtMs }));
    },
    armOne: async ({ tenant, credentialId }, seen) => {
      const armedAtMs = clock.monotonicMs();
      const attemptId = newId<never>() as string;
      const attempt = { attemptId, processId, deadlineSeconds };
      const armed = await doors.withTenant(tenant, (tx) => armGrant(tx, credentialId, attempt, seen));
      if (armed === null) return null;
      return { tenant, credentialId, attemptId, providerKey: armed.providerKey ?? '', armedAtMs };
    },
    providerKeyOf: ({ tenant, credentialId }) =>
      doors.withTenant(tenant, async (tx) => (await selectGrant(tx, credentialId))?.providerKey ?? null),
    prepare: async (armed) => {
      const prepared = await prepareTogether(armed.tenant, armed);
      if (prepared instanceof Error) throw prepared;
      return prepared;
    },
    mayUseClient: async ({ tenant }, client) => {
      if (client.brokenSince === null || client.tenantId !== tenant) return true;
      return await doors.withTenant(tenant, (tx) => mayProbe(tx, client.id));
    },
    commit: async (kept) => {
      const result = await commitTogether(kept.tenantId, kept);
      if (result instanceof Error) throw result;
      return result;
    },
    replay: (kept) => replayRefresh(doors, kept),
    noteRecovery: (prepared) => doors.withTenant(prepared.grant.tenantId, (tx) => noteRecovery(tx, prepared)),
    giveBack: (kept) => doors.withTenant(kept.tenantId, (tx) => giveBackKept({ tx, vault, kept })),
    fail: (armed, prepared, decision) =>
      doors.withTenant(armed.tenant, (tx) => writeFailure(tx, { armed, prepared, decision, timings })),
    release: ({ tenant, credentialId, attemptId }, retryAfterMs) =>
      doors.withTenant(tenant, (tx) => releaseAttempt(tx, credentialId, attemptId, retryAfterMs / 1000)),
    recover: (held) =>
      doors.asScheduler((tx) =>
        recoverArmedGrants(tx, {
          processId,
          held,
          settleSeconds: timings.settleMs / 1000,
          heartbeatSeconds: timings.deadAfterMs / 1000,
          ownAfterSeconds: timings.ownAfterMs / 1000,
          spreadSeconds: timings.takeOverSpreadMs / 1000,
        }),
      ),
  };
}

/** One that the database refuses takes no other along: then each is offered by itself. */
async function commitAll(
  doors: Doors,
  tenant: TenantId,
  kept: readonly KeptRefresh[],
): Promise<readonly (boolean | Error)[]> {
  try {
    return await commitRefreshes(doors, tenant, kept);
  } catch (error) {
    if (kept.length === 1 || isFault(error, 'unavailable')) throw error;
    const results: (boolean | Error)[] = [];
    for (const one of kept) results.push(await commitAll(doors, tenant, [one]).then(first, asError));
    return results;
  }
}

function first(results: readonly (boolean | Error)[]): boolean | Error {
  return results[0] ?? false;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('could not be done', { cause: error });
}

/** What cannot be prepared fails by itself and takes no other along. Grants share apps: each app is read once. */
async function prepareAll(
  tx: Tx,
  vault: Vault,
  tenant: TenantId,
  armed: readonly Armed[],
): Promise<readonly (Prepared | Error | null)[]> {
  const grants = await selectArmedGrants(tx, armed);
  const apps = await readApps(tx, vault, grants);
  const seal = await vault.sealer(tx, tenant);
  const byAttempt = new Map(grants.map((grant) => [grant.attemptId, grant]));
  const all: (Prepared | Error | null)[] = [];
  for (const { attemptId } of armed) {
    const grant = byAttempt.get(attemptId);
    all.push(grant === undefined ? null : await prepareOne({ tx, vault, seal, apps }, grant));
  }
  return all;
}

type Apps = Awaited<ReturnType<typeof readApps>>;

async function readApps(tx: Tx, vault: Vault, grants: readonly GrantRow[]) {
  const registrationIds = grants.flatMap(({ registrationId }) => registrationId ?? []);
  const clientIds = grants.flatMap(({ mintedBy }) => mintedBy ?? []);
  const registrations = await selectRegistrations(tx, [...new Set(registrationIds)]);
  const clients = await selectAuthClientsById(tx, [...new Set(clientIds)]);
  return {
    registrations: new Map<string, Registration>(registrations.map((one) => [one.id, one])),
    clients: new Map<string, AuthClientRow>(clients.map((one) => [one.id, one])),
    secrets: await openSecretsOfClients(tx, vault, clients),
  };
}

async function prepareOne(
  from: { readonly tx: Tx; readonly vault: Vault; readonly seal: Sealer; readonly apps: Apps },
  grant: GrantRow,
): Promise<Prepared | Error> {
  const { tx, vault, seal, apps } = from;
  try {
    const tokens = await openTokens(tx, vault, grant);
    const registration = apps.registrations.get(grant.registrationId ?? '');
    if (tokens === null || registration === undefined)
      throw new NothingToSend('no tokens or no registration');
    return {
      grant,
      tokens,
      registration,
      client: apps.clients.get(grant.mintedBy ?? '') ?? null,
      secrets: (apps.secrets.get((grant.mintedBy ?? '') as AuthClientRow['id']) ?? []).map(
        ({ secret }) => secret,
      ),
      keep: (kept, timing) => keepRefresh({ seal, grant, tokens: kept, timing }),
    };
  } catch (error) {
    return asError(error);
  }
}
