// What claiming and committing cost the database, by how many grants sleep around those that are due.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { armDueGrants, selectDueGrants } from '../src/credentials/claim-store.ts';
import { writeRefreshes } from '../src/credentials/kept-refresh-store.ts';
import { type CredentialId, newId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { openEmbedded } from '../src/storage/database.ts';
import { sealedFromColumn } from '../src/vault/sealed.ts';
import { seedDue } from './seed-due.ts';
import { multiplySleepers, wakeSome } from './seed-store.ts';
import { type Spread, spreadOf } from './spread.ts';

export type ClaimCost = {
  readonly grants: number;
  /** Microseconds a grant, in turns of fifty. */
  readonly claimMicros: Spread;
  readonly commitMicros: Spread;
};

const perTurn = 50;
const copiesPerStatement = 20_000;

/** Grows one table from size to size, so that everything else stays the same. */
export async function measureClaims(
  folder: string,
  { sizes, turns }: { readonly sizes: readonly number[]; readonly turns: number },
  say: (text: string) => void,
): Promise<readonly ClaimCost[]> {
  const directory = join(folder, 'claims');
  await mkdir(directory, { mode: 0o700 });
  const database = await openEmbedded({ directory, log: silentLog });
  try {
    const tokenUrl = 'https://provider.example/token';
    const seeded = await seedDue(database, {
      directory,
      tokenUrl,
      apps: 1,
      grants: 1,
      expiresInSeconds: 86_400,
    });
    const { tenant, doors } = seeded;
    const original = seeded.ids[0] as CredentialId;
    const costs: ClaimCost[] = [];
    let there = 1;
    for (const size of sizes) {
      say(`growing to ${size} grants`);
      for (; there < size; there += copiesPerStatement) {
        const count = Math.min(copiesPerStatement, size - there);
        await doors.withTenant(tenant, (tx) => multiplySleepers(tx, original, count));
      }
      there = size;
      await database.ownerSession((client) => client.query('vacuum analyze'));
      const claims: number[] = [];
      const commits: number[] = [];
      for (let turn = 0; turn <= turns; turn += 1) {
        await doors.withTenant(tenant, (tx) => wakeSome(tx, perTurn));
        const startedAt = performance.now();
        const due = await doors.asScheduler((tx) => selectDueGrants(tx, 512));
        const attempt = { processId: newId<never>() as string, deadlineSeconds: 25 };
        const armed = await doors.asScheduler((tx) => armDueGrants(tx, due, attempt));
        const armedAt = performance.now();
        const taken = await writeRefreshes(
          doors,
          tenant,
          armed.map(({ credentialId }) => writeOf(credentialId, turn)),
        );
        const committedAt = performance.now();
        if (armed.length < perTurn) throw new Error(`claimed ${armed.length} of ${perTurn}`);
        // The grants were woken at their first token and are committed to their second: a turn never meets one twice.
        if (taken.size < perTurn) throw new Error(`committed ${taken.size} of ${armed.length}`);
        // The first turn plans.
        if (turn > 0) claims.push(((armedAt - startedAt) * 1000) / armed.length);
        if (turn > 0) commits.push(((committedAt - armedAt) * 1000) / armed.length);
      }
      costs.push({ grants: size, claimMicros: spreadOf(claims), commitMicros: spreadOf(commits) });
    }
    return costs;
  } finally {
    await database.close();
  }
}

function writeOf(credentialId: CredentialId, turn: number) {
  const issuedAt = new Date();
  return {
    credentialId,
    consentNo: 1,
    tokenNo: 1,
    ct: sealedFromColumn(Buffer.alloc(700, turn)),
    state: 'active' as const,
    issuedAt,
    expiresAt: new Date(issuedAt.getTime() + 3_600_000),
    refreshExpiresAt: null,
    expiryAssumed: false,
    refreshDueAt: new Date(issuedAt.getTime() + 2_700_000),
    grantedScope: 'files.read',
  };
}
