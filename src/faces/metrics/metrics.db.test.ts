import { readFileSync } from 'node:fs';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { demoClient } from '../../../providers/client-registry.ts';
import { type Emulator, startEmulator } from '../../../providers/emulator.ts';
import { faultSchema, type ScriptedFaultInput } from '../../../providers/fault.ts';
import { connectAccount, createOAuthCredential } from '../../../testing/connect-account.ts';
import { type RefreshProcess, refreshProcessOn } from '../../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../../testing/test-house.ts';
import type { Credential } from '../../credentials/credential.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { Plain } from '../../kernel/plain.ts';
import { createEgress } from '../../oauth/egress.ts';
import type { Doors } from '../../storage/doors.ts';
import { createHttpServer } from '../http/server.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { registerMetrics } from './register-metrics.ts';

let house: TestHouse;
let emulator: Emulator;
let metrics: Metrics;
let one: RefreshProcess;
const strict = { set: { rotation: 'always', graceSeconds: 0, reuse: 'revoke_family' } } as const;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator(strict);
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});
beforeEach(async () => {
  await emulator.setMode(strict);
  await house.doors.withTenant(house.tenant, (tx) => sql`delete from credential`.execute(tx));
  metrics = metricsOn(house.doors);
  const egress = createEgress({ allow: [new URL(emulator.url).host], log: silentLog });
  const { doors, vault } = house;
  one = await refreshProcessOn({
    doors,
    vault,
    egress,
    folder: house.testVault.folder,
    meter: metrics.meter,
  });
});

function metricsOn(doors: Doors, isLocked = () => false): Metrics {
  return createMetrics({ doors, clock: systemClock, log: silentLog, isLocked });
}
async function connected(options: { readonly secret?: string } = {}) {
  const credential = await createOAuthCredential(house, emulator, options);
  const due = { expiresInSeconds: 300, dueInSeconds: 0 };
  return { credential, ...(await connectAccount(house, emulator, credential, due)) };
}
const refresh = async (...faults: ScriptedFaultInput[]) => {
  if (faults.length > 0) emulator.schedule(faults.map((fault) => faultSchema.parse(fault)));
  await one.refresher.runOnce();
};
const makeDue = (credential: Credential, secondsAgo = 1) =>
  house.doors.asScheduler((tx) =>
    sql`update oauth_grant set refresh_due_at = clock_timestamp() - make_interval(secs => ${secondsAgo})
      where credential_id = ${credential.id}`.execute(tx),
  );
/** The value of one line, spelled as Prometheus does; undefined when there is none. */
async function metricOf(line: string, of: Metrics = metrics): Promise<number | undefined> {
  const { text } = await of.scrape();
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}

test('what refreshing does is counted: tokens, failures by kind, what was lost and why', async () => {
  const { credential } = await connected();
  await refresh();
  expect(await metricOf('latchkey_refreshes_total{provider="other"}')).toBe(1);
  expect(await metricOf('latchkey_token_request_seconds_count{provider="other",outcome="success"}')).toBe(1);
  await makeDue(credential);
  await refresh({ fault: 'reset', when: 'after', on: 'refresh' });
  expect(await metricOf('latchkey_refresh_failures_total{provider="other",kind="unknown"}')).toBe(1);
  expect(await metricOf('latchkey_grants_lost_total{reason="lost_rotation"}')).toBe(0);
  await makeDue(credential);
  await refresh();
  expect(await metricOf('latchkey_grants_lost_total{reason="lost_rotation"}')).toBe(1);
});

test('how things stand is measured when somebody asks', async () => {
  const well = await connected();
  await makeDue(well.credential, 90);
  expect(await metricOf('latchkey_refresh_due')).toBe(1);
  expect(await metricOf('latchkey_refresh_due_oldest_seconds')).toBeGreaterThan(89);
  const refused = await connected({ secret: 'wrong-secret-of-this-app' });
  await refresh();
  expect(await metricOf('latchkey_refresh_due')).toBe(0);
  expect(await metricOf('latchkey_refresh_due_oldest_seconds')).toBe(0);
  expect(await metricOf('latchkey_auth_clients_broken')).toBe(1);
  expect(await metricOf('latchkey_grants_unwell{state="degraded"}')).toBe(1);
  expect(await metricOf('latchkey_min_seconds_to_expiry{provider="other"}')).toBeGreaterThan(200);
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`update oauth_grant set expires_at = clock_timestamp() + interval '20 s',
      refresh_expires_at = clock_timestamp() + interval '3 days' where credential_id = ${refused.credential.id}`.execute(
      tx,
    ),
  );
  expect(await metricOf('latchkey_min_seconds_to_expiry{provider="other"}')).toBeLessThan(20.1);
  expect(await metricOf('latchkey_refresh_tokens_ending{within="7d"}')).toBe(1);
  expect(await metricOf('latchkey_refresh_tokens_ending{within="1d"}')).toBe(0);
  expect(await metricOf('latchkey_processes')).toBeGreaterThan(0);
  expect(Math.abs((await metricOf('latchkey_clock_skew_seconds')) ?? Number.NaN)).toBeLessThan(2);
  expect(
    await metricOf(
      'latchkey_refresh_locked',
      metricsOn(house.doors, () => true),
    ),
  ).toBe(1);
});

test('an attempt that nobody ends is seen after a minute', async () => {
  const { credential } = await connected();
  const arm = (seconds: number) =>
    house.doors.withTenant(house.tenant, (tx) =>
      sql`update oauth_grant set attempt_id = gen_random_uuid(), attempt_owner = gen_random_uuid(),
        attempt_deadline = clock_timestamp() + make_interval(secs => 25 - ${seconds}::integer)
        where credential_id = ${credential.id}`.execute(tx),
    );
  await arm(55);
  expect(await metricOf('latchkey_refresh_armed_long')).toBe(0);
  await arm(65);
  expect(await metricOf('latchkey_refresh_armed_long')).toBe(1);
});

test('no tenant, no app, no host and no secret is in a scrape, whatever the provider says', async () => {
  const { credential, accessToken, refreshToken } = await connected();
  await refresh({
    fault: 'oauth_error',
    error: 'a_code_of_theirs',
    description: refreshToken,
    on: 'refresh',
  });
  await makeDue(credential);
  await refresh({ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh' });
  const { text } = await metrics.scrape();
  const { tenant, customer } = house;
  const kept = [
    tenant,
    customer.id,
    credential.id,
    demoClient.client_id,
    demoClient.client_secret,
    accessToken,
  ];
  for (const word of [
    ...kept,
    refreshToken,
    new URL(emulator.url).host,
    'a_code_of_theirs',
    'Hooli',
    'Acme',
  ]) {
    expect(text).not.toContain(word);
  }
});

test('a database that is away leaves what this process has counted', async () => {
  metrics.meter.commitFailed();
  const away = metricsOn({
    ...house.doors,
    asScheduler: () => Promise.reject(new Error('away')),
  });
  away.meter.commitFailed();
  expect(await metricOf('latchkey_database_up', away)).toBe(0);
  expect(await metricOf('latchkey_commit_failures_total', away)).toBe(1);
  expect(await metricOf('latchkey_database_up')).toBe(1);
});

test('strangers find nothing; with a token set, only its owner does', async () => {
  const token = 'a-long-token-of-the-scraper';
  const ask = async (set: string | null, authorization?: string) => {
    const app = createHttpServer({ log: silentLog, trustedHops: 0, tls: null, isHttps: false });
    registerMetrics(app, metrics, set === null ? null : Plain.fromText(set));
    const answer = await app.inject({
      url: '/metrics',
      headers: authorization === undefined ? {} : { authorization },
    });
    await app.close();
    return { status: answer.statusCode, type: answer.headers['content-type'], text: answer.body };
  };
  expect(await ask(null, `Bearer ${token}`)).toMatchObject({ status: 404 });
  for (const wrong of [undefined, 'Bearer ', `Bearer ${token}x`, `Bearer ${token.toUpperCase()}`, token]) {
    const refused = await ask(token, wrong);
    expect(refused.status).toBe(401);
    expect(refused.text).not.toContain('latchkey_refresh');
  }
  const scraped = await ask(token, `Bearer ${token}`);
  expect(scraped).toMatchObject({ status: 200, type: expect.stringContaining('text/plain; version=0.0.4') });
});

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const names = (text: string): readonly string[] => [
  ...new Set(text.match(/\b(?:latchkey|nodejs|process)_[a-z0-9_]+/g) ?? []),
];

test('every metric that a rule, the dashboard or the page names is in a scrape', async () => {
  const { text } = await metrics.scrape();
  const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]));
  const rules: { groups: { rules: { alert: string; expr: string }[] }[] } = parse(
    read('deploy/prometheus-rules.yml'),
  );
  const alerts = rules.groups.flatMap((group) => group.rules);
  const board: { panels: { targets: { expr: string }[] }[] } = JSON.parse(
    read('deploy/grafana-dashboard.json'),
  );
  const queries = board.panels.flatMap((panel) => panel.targets.map((target) => target.expr));
  expect(alerts.length).toBeGreaterThan(10);
  expect(queries.length).toBeGreaterThan(20);
  const page = read('docs/how-refresh-works.md');
  const named = names([...alerts.map((alert) => alert.expr), ...queries, page].join('\n'));
  expect(named.filter((name) => !known.has(name.replace(/_(bucket|count|sum)$/, '')))).toEqual([]);
  // And the other way round: what we measure stands on the page, and each alert has its advice there.
  const ours = [...known].filter((name) => name?.startsWith('latchkey_'));
  expect(ours.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  expect(alerts.filter(({ alert }) => !page.includes(`| \`${alert}\` |`))).toEqual([]);
});
