// SQL of gauges: read and moved in one transaction, so that no two processes spend the same request. By the database's
// clock, the only one that all of them share. Through the scheduler's door.
import { sql } from 'kysely';
import type { Tx } from '../storage/doors.ts';
import type { ProviderGauge } from './provider-gauge.ts';

/** Locks the gauges until the end of the transaction; those that are not there yet are missing. Ends quickly, always. */
export async function lockGauges(
  tx: Tx,
  providerKeys: readonly string[],
): Promise<{ readonly now: Date; readonly gauges: ReadonlyMap<string, ProviderGauge> }> {
  const found = await sql<{ now: Date; providerKey: string | null; gauge: Written | null }>`
    with locked as (
      select provider_key, gauge from provider_gauge where provider_key = any(${[...providerKeys]}::text[])
      order by provider_key for update)
    select clock_timestamp() as now, l.provider_key as "providerKey", l.gauge
    from (values (1)) one left join locked l on true`.execute(tx);
  const gauges = found.rows.flatMap(({ providerKey, gauge }) =>
    providerKey === null || gauge === null ? [] : [[providerKey, readGauge(gauge)] as const],
  );
  return { now: found.rows[0]?.now ?? new Date(Number.NaN), gauges: new Map(gauges) };
}

/** Where another process was first with a new one, ours is dropped: both have just begun. */
export async function writeGauges(tx: Tx, gauges: ReadonlyMap<string, ProviderGauge>): Promise<void> {
  const keys = [...gauges.keys()].sort();
  const texts = keys.map((key) => JSON.stringify(gauges.get(key)));
  await sql`
    insert into provider_gauge as g (provider_key, gauge)
    select w.key, w.gauge::jsonb from unnest(${keys}::text[], ${texts}::text[]) as w (key, gauge)
    on conflict (provider_key) do update set gauge = excluded.gauge, updated_at = clock_timestamp()`.execute(
    tx,
  );
}

export type TroubledGauge = { readonly providerKey: string; readonly gauge: ProviderGauge };

/** Those whose breaker is open or that wait for an operator. */
export async function selectTroubledGauges(tx: Tx): Promise<readonly TroubledGauge[]> {
  const found = await sql<{ providerKey: string; gauge: Written }>`
    select provider_key as "providerKey", gauge from provider_gauge
    where state <> 'closed' or incident_at is not null order by provider_key`.execute(tx);
  return found.rows.map(({ providerKey, gauge }) => ({ providerKey, gauge: readGauge(gauge) }));
}

type Written = {
  readonly [K in keyof ProviderGauge]: ProviderGauge[K] extends Date | null
    ? string | Exclude<ProviderGauge[K], Date>
    : ProviderGauge[K];
};

function readGauge(written: Written): ProviderGauge {
  return {
    ...written,
    refilledAt: new Date(written.refilledAt),
    windowAt: new Date(written.windowAt),
    cleanSince: new Date(written.cleanSince),
    revokedAt: new Date(written.revokedAt),
    probeAt: toDate(written.probeAt),
    rampSince: toDate(written.rampSince),
    throttledUntil: toDate(written.throttledUntil),
    incidentAt: toDate(written.incidentAt),
    acceptedUntil: toDate(written.acceptedUntil),
  };
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
