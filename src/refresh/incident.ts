// Incidents: a provider that refuses the refresh tokens of a hundred grants within a minute. The operator decides whether it
// is true (the app's rights were taken away: the grants are over, and their people are told) or not (the provider was
// mistaken: everything goes on).
import { type AuditActor, audit } from '../audit/event.ts';
import { Fault, invalidField } from '../kernel/fault.ts';
import { platformTenantId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import { acceptIncident, endIncident } from './provider-gauge.ts';
import { lockGauges, selectTroubledGauges, type TroubledGauge, writeGauges } from './provider-gauge-store.ts';

/** Providers that are not asked now: with an open breaker, or because of an incident. */
export async function listTroubledProviders(doors: Doors): Promise<readonly TroubledGauge[]> {
  return await doors.asScheduler(selectTroubledGauges);
}

export type IncidentVerdict = 'accept' | 'retry';

export async function endProviderIncident(options: {
  readonly doors: Doors;
  readonly actor: AuditActor;
  readonly providerKey: string;
  readonly verdict: string;
}): Promise<void> {
  const { doors, providerKey } = options;
  const verdict = readVerdict(options.verdict);
  await doors.asScheduler(async (tx) => {
    const { now, gauges } = await lockGauges(tx, [providerKey]);
    const gauge = gauges.get(providerKey);
    if (gauge === undefined || gauge.incidentAt === null) {
      throw new Fault('not_found', 'No incident of this provider is open.', {
        cure: 'Take the key from "latchkey incidents list".',
      });
    }
    const ended = verdict === 'accept' ? acceptIncident(gauge, now) : endIncident(gauge, now);
    await writeGauges(tx, new Map([[providerKey, ended]]));
  });
  await doors.withTenant(platformTenantId, (tx) =>
    audit(tx, {
      action: 'provider.incident_ended',
      actor: options.actor,
      object: null,
      detail: { provider: providerKey, verdict },
    }),
  );
}

function readVerdict(text: string): IncidentVerdict {
  if (text === 'accept' || text === 'retry') return text;
  throw invalidField('verdict', 'is neither accept nor retry.', 'Say which of the two.');
}
