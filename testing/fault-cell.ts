// One cell of the fault matrix: a grant at a provider of its own that misbehaves once, what came of it, and the judgement.
// The judge knows the emulator's ledger, the grant's row and what was handed to readers; nothing that we say ourselves.
import { setImmediate as turn } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Emulator, startEmulator } from '../providers/emulator.ts';
import { fingerprint, type LedgerRecord } from '../providers/ledger-record.ts';
import type { Credential } from '../src/credentials/credential.ts';
import { isFault } from '../src/kernel/fault.ts';
import type { RefreshTimings } from '../src/refresh/refresh-timings.ts';
import { createOAuthCredential, seedAccount } from './connect-account.ts';
import { grantRow, type StoredGrant } from './credential-kit.ts';
import { type FaultCase, type Path, type Rotation, rotations } from './fault-table.ts';
import type { RefreshProcess } from './refresh-process.ts';
import { startSteadyEmulator } from './steady-emulator.ts';
import type { TestHouse } from './test-house.ts';

export type FaultCell = {
  readonly fault: FaultCase;
  readonly rotation: Rotation;
  readonly path: Path;
  readonly emulator: Emulator;
  readonly credential: Credential;
  /** Its name in the ledger. */
  readonly grant: string;
  readonly firstToken: string;
};

export type Handed =
  | { readonly kind: 'token'; readonly print: string; readonly isDegraded: boolean }
  | { readonly kind: 'fault'; readonly code: string; readonly retryAfterSeconds: number | null };

export type Sight = { readonly row: StoredGrant; readonly requests: readonly LedgerRecord[] };

/** Two processes that race for each cell; `timings` are theirs. */
export type Racers = { readonly processes: readonly RefreshProcess[]; readonly timings: RefreshTimings };

export async function openCell(
  house: TestHouse,
  what: Pick<FaultCell, 'fault' | 'rotation' | 'path'>,
): Promise<FaultCell> {
  const { spoil } = what.fault;
  const start = spoil === 'refused' ? startSteadyEmulator : startEmulator;
  const emulator = await start({ set: rotations[what.rotation] });
  const url = spoil === 'tls' ? emulator.url.replace('http:', 'https:') : emulator.url;
  const credential = await createOAuthCredential(house, { url });
  const seeded = await seedAccount(house, emulator, credential, {
    expiresInSeconds: what.path === 'reader' ? -10 : 300,
    dueInSeconds: 200,
  });
  if (spoil === 'refused') await emulator.unplug();
  else if (spoil !== 'tls') emulator.schedule([spoil]);
  return { ...what, emulator, credential, grant: seeded.grant, firstToken: fingerprint(seeded.accessToken) };
}

export async function see(house: TestHouse, cell: FaultCell): Promise<Sight> {
  const row = await grantRow(house, house.tenant, cell.credential.id);
  return { row, requests: cell.emulator.ledger.refreshesOf(cell.grant) };
}

/** Everybody at once, spread over the processes. */
export async function ask(cell: FaultCell, by: Racers, how: 'read' | 'force'): Promise<readonly Handed[]> {
  const target = { tenant: cell.credential.tenantId, credentialId: cell.credential.id };
  const callers = [...by.processes, ...by.processes];
  return await Promise.all(
    callers.map(async ({ reader }): Promise<Handed> => {
      try {
        const reading =
          how === 'read'
            ? await reader.readToken({ ...target, minTtlSeconds: 600 })
            : await reader.forceRefresh(target);
        const print = fingerprint(reading.grant.tokens.accessToken.revealText());
        return { kind: 'token', print, isDegraded: reading.isDegraded };
      } catch (error) {
        if (!isFault(error)) throw error;
        return { kind: 'fault', code: error.code, retryAfterSeconds: error.retryAfterSeconds };
      }
    }),
  );
}

/** As if the waiting times had passed: those of the grants, and of what keeps their client or provider from being asked. */
export async function passWaits(house: TestHouse, cells: readonly FaultCell[]): Promise<void> {
  const ids = cells.map(({ credential }) => credential.id);
  const clients = cells.map(({ credential }) => credential.authClientId);
  await house.doors.withTenant(house.tenant, async (tx) => {
    await sql`update auth_client set probe_at = clock_timestamp()
      where id = any(${clients}::uuid[]) and probe_at is not null`.execute(tx);
    await sql`update oauth_grant set refresh_due_at = clock_timestamp() - interval '1 s'
      where credential_id = any(${ids}::uuid[]) and refresh_due_at is not null`.execute(tx);
  });
}

/** What is left of these cells must not become due among the next ones. */
export async function putOff(house: TestHouse): Promise<void> {
  await house.doors.asScheduler((tx) =>
    sql`update oauth_grant set refresh_due_at = refresh_due_at + interval '1 day' where attempt_id is null`.execute(
      tx,
    ),
  );
}

/** What was spoilt is as it should be, and nothing late is on its way any more. */
export async function mend({ fault, emulator }: FaultCell): Promise<void> {
  if (fault.spoil === 'refused') await emulator.plug();
  while (emulator.state().requestsHanging > 0) await turn();
}
