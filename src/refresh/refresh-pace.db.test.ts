// Providers' gauges on real rows: a provider that is down costs its grants nothing, others go on, and an incident waits for
// an operator.
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { faultSchema } from '../../providers/fault.ts';
import { createOAuthCredential, seedAccount } from '../../testing/connect-account.ts';
import { refreshProcessOn } from '../../testing/refresh-process.ts';
import { startSteadyEmulator } from '../../testing/steady-emulator.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { createEgress } from '../oauth/egress.ts';
import { endProviderIncident, listTroubledProviders } from './incident.ts';
import { createProviderAllowance, moveStoredGauges, type ProviderAllowance } from './provider-allowance.ts';
import { type GaugeRule, standardGauge } from './provider-gauge.ts';

let house: TestHouse;
let down: Emulator;
let well: Emulator;
beforeAll(async () => {
  house = await openTestHouse();
  [down, well] = [await startSteadyEmulator({ mode: 'quirky' }), await startEmulator({ mode: 'quirky' })];
});
beforeEach(async () => {
  await house.doors.withTenant(house.tenant, (tx) => sql`delete from credential`.execute(tx));
  await house.doors.asScheduler((tx) => sql`delete from provider_gauge`.execute(tx));
});
afterAll(async () => {
  await down.close();
  await well.close();
  await house.close();
});

const operator = { kind: 'operator', principalId: null, name: 'operator' } as const;
const quick: GaugeRule = {
  ...standardGauge,
  ratePerSecond: 4,
  burstSeconds: 1,
  leastAttempts: 4,
  probeEveryMs: 3_000,
  probesToClose: 1,
  rampShare: 1,
};

async function openProcess(rule: GaugeRule, instead: Partial<ProviderAllowance> = {}) {
  const { doors } = house;
  const egress = createEgress({ allow: ['127.0.0.1'], log: silentLog });
  const stored = createProviderAllowance({ moveGauges: moveStoredGauges(doors), clock: systemClock, rule });
  const allowance = { ...stored, ...instead };
  const rooms = { doors, vault: house.testVault.again({ doors }), egress, folder: house.testVault.folder };
  const { refresher } = await refreshProcessOn({ ...rooms, allowance });
  return {
    allowance,
    round: async () => {
      await refresher.runOnce();
      await allowance.tell();
    },
  };
}

async function dueAt(emulator: Emulator, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const credential = await createOAuthCredential(house, emulator, { label: `Due ${index}` });
    await seedAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  }
}

type Row = {
  readonly version: string;
  readonly state: string;
  readonly tokenNo: number;
  readonly host: string;
};
const rows = async (): Promise<readonly Row[]> => {
  const found = await house.doors.withTenant(house.tenant, (tx) =>
    sql<Row>`select xmin::text as version, state, token_no as "tokenNo", split_part(provider_key, ' ', 1) as host
      from oauth_grant where tenant_id = latchkey_tenant() order by credential_id`.execute(tx),
  );
  return found.rows;
};
const hostOf = (emulator: Emulator) => new URL(emulator.url).host;
const states = async () => (await rows()).map(({ state }) => state);
const makeDue = () =>
  house.doors.asScheduler((tx) => sql`update oauth_grant set refresh_due_at = clock_timestamp()`.execute(tx));
const refuse = (emulator: Emulator) =>
  emulator.schedule([faultSchema.parse({ fault: 'oauth_error', error: 'invalid_grant', times: 1_000 })]);

test('while a provider is down its waiting grants are not touched, another’s go on, and all is made good afterwards', async () => {
  await dueAt(down, 10);
  await down.unplug();
  const { round } = await openProcess(quick);
  await round();
  await round();
  const before = (await rows()).filter(({ host, state }) => host === hostOf(down) && state === 'active');
  expect(before.length).toBe(6);
  expect(await listTroubledProviders(house.doors)).toMatchObject([{ gauge: { state: 'open' } }]);
  await dueAt(well, 3);
  await round();
  const after = await rows();
  const untouched = new Set(before.map(({ version }) => version));
  // One probe may have gone out meanwhile.
  expect(after.filter(({ version }) => untouched.has(version)).length).toBeGreaterThanOrEqual(5);
  expect(after.filter(({ host, tokenNo }) => host === hostOf(well) && tokenNo === 2).length).toBe(3);
  await down.plug();
  await expect
    .poll(
      async () => {
        await house.doors.asScheduler((tx) =>
          sql`update oauth_grant set refresh_due_at = clock_timestamp() where refresh_due_at > clock_timestamp() and outcome_unknown = false`.execute(
            tx,
          ),
        );
        await round();
        return (await rows()).filter(({ host, tokenNo }) => host === hostOf(down) && tokenNo >= 2).length;
      },
      { timeout: 20_000, interval: 200 },
    )
    .toBe(10);
});

test('very many refused grants are one incident: nobody is told to connect again, until an operator says that it is true', async () => {
  const rule = { ...standardGauge, revokedIncident: 5 };
  await dueAt(well, 12);
  refuse(well);
  const { round, allowance } = await openProcess(rule);
  await round();
  const [troubled] = await listTroubledProviders(house.doors);
  expect(troubled?.gauge.incidentAt).not.toBeNull();
  expect(allowance.isIncident(troubled?.providerKey ?? '')).toBe(true);
  const asked = well.ledger.records().length;
  await makeDue();
  await round();
  expect(well.ledger.records().length).toBe(asked);
  expect(await states()).toEqual(Array.from({ length: 12 }, () => 'degraded'));
  const end = (providerKey: string, verdict: string) =>
    endProviderIncident({ doors: house.doors, actor: operator, providerKey, verdict });
  const key = troubled?.providerKey ?? '';
  await expect(end(key, 'perhaps')).rejects.toMatchObject({ code: 'invalid_field', field: 'verdict' });
  await expect(end('nobody', 'retry')).rejects.toMatchObject({ code: 'not_found' });
  await end(key, 'accept');
  await makeDue();
  await round();
  expect(await states()).toEqual(Array.from({ length: 12 }, () => 'needs_reauth'));
  expect(await listTroubledProviders(house.doors)).toEqual([]);
});

test('a refusal that arrives while an incident is open does not end its grant, though it is the second one', async () => {
  await dueAt(well, 1);
  refuse(well);
  const plain = await openProcess(standardGauge);
  await plain.round();
  expect(await states()).toEqual(['degraded']);
  const asked = well.ledger.records().length;
  await makeDue();
  await (await openProcess(standardGauge, { isIncident: () => true })).round();
  expect(well.ledger.records().length).toBe(asked + 1);
  expect(await states()).toEqual(['degraded']);
  await makeDue();
  await plain.round();
  expect(await states()).toEqual(['needs_reauth']);
});
