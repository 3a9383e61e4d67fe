// Real sailors behind a real queue, pointed at us by their environment alone. The tap has every call in the order in which it
// was answered; the emulator's ledger knows what the refreshing cost.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { flowBody, type JsonApiHouse, openJsonApiHouse } from '../../testing/jsonapi-house.ts';
import { describeWhere } from '../../testing/where.ts';
import { type MessageDesk, openMessageDesk } from './message-desk.ts';
import { type SailorProcess, startSailor } from './sailor-process.ts';
import { hasBroker, needsBroker, type ScratchBroker, startScratchBroker } from './scratch-broker.ts';
import { openWireTap, type WireTap } from './wire-tap.ts';

describeWhere(hasBroker, needsBroker)('behind a queue', () => {
  let broker: ScratchBroker;
  let house: JsonApiHouse;
  let other: Awaited<ReturnType<JsonApiHouse['again']>>;
  let provider: WireTap;
  /** Two servers on one database. */
  let platforms: readonly WireTap[];
  let clientId: string;
  let desk: MessageDesk;
  let hold: ((method: string, path: string) => Promise<void>) | null = null;
  let listen: ((line: string) => void) | null = null;
  const journal: string[] = [];
  const sailors: SailorProcess[] = [];

  beforeAll(async () => {
    [broker, house] = await Promise.all([startScratchBroker(), openJsonApiHouse()]);
    other = await house.again();
    clientId = await house.makeClient();
    const secrets = `/v2/workspaces/${house.rooms.customer.id}/secrets/`;
    const name = (path: string) =>
      path
        .replace(/^\/v1\/tasks\/[0-9a-f-]{36}\/steps\/step_1$/, 'step')
        .replace(secrets, 'secret ')
        .replace(/[0-9a-f-]{36}/, 'S');
    const tap = (target: string) =>
      openWireTap({
        target,
        journal,
        name,
        hold: async (method, path) => hold?.(method, path),
        listen: (line) => listen?.(line),
      });
    platforms = [await tap(house.url), await tap(other.url)];
    provider = await openWireTap({ target: house.emulator.url, journal, name: (path) => path.slice(1) });
  });
  afterAll(async () => {
    for (const tap of [...(platforms ?? []), provider]) await tap?.close();
    await other?.close();
    await house?.close();
    await broker?.close();
  });
  beforeEach(async () => {
    hold = null;
    listen = null;
    journal.length = 0;
    desk = await openMessageDesk(broker.url);
  });
  afterEach(async () => {
    for (const sailor of sailors) sailor.child.kill('SIGTERM');
    const codes = await Promise.all(sailors.map((sailor) => sailor.exited));
    await desk.close();
    house.emulator.adjust({ latency: { kind: 'none' } });
    expect(codes, sailors.map((sailor) => sailor.output()).join('\n')).toEqual(sailors.map(() => 0));
    sailors.length = 0;
  });

  const refreshes = () => house.emulator.ledger.records().filter((record) => record.kind === 'refresh');

  /** A flow of one step that uses a new secret, run by so many sailors, each with its own server in turn. */
  async function startFlow(count: number) {
    const secret = await house.makeSecret(clientId);
    const node = { secret_id: secret.id, fields: { resourceUrl: `${provider.url}/resource` } };
    // What comes out is what the component made, without what went in.
    const alone = { nodes_config: { step_1: { passthrough: { disabled: true } } } };
    const flow = await house.ask('POST', '/flows', flowBody(house.rooms.customer.id, node, alone));
    expect(flow.status, flow.text).toBe(201);
    for (let index = 0; index < count; index += 1) {
      sailors.push(
        startSailor('messages', [], {
          ...desk.settings,
          FLOW_ID: flow.body.data.id,
          STEP_ID: 'step_1',
          EXEC_ID: 'exec-1',
          CONTAINER_ID: `container-${index}`,
          WORKSPACE_ID: house.rooms.customer.id,
          USER_ID: 'user-1',
          COMP_ID: 'component-1',
          FUNCTION: 'readResource',
          API_URI: platforms[index % platforms.length]?.url ?? '',
          API_USERNAME: 'task-1',
          API_KEY: house.ownerToken,
          RABBITMQ_PREFETCH_SAILOR: '20',
        }),
      );
    }
    await Promise.race([
      desk.whenHeard(count),
      ...sailors.map(async (sailor) => {
        const code = await sailor.exited;
        throw new Error(`A sailor ended with ${code}:\n${sailor.output()}`);
      }),
    ]);
    return secret;
  }

  /** What was noted since the last call. */
  const noted = () => journal.splice(0);

  async function runOne(number: number): Promise<void> {
    await desk.send([{ number }]);
    const [outcome] = await desk.take(1);
    expect(outcome).toMatchObject({ kind: 'data', content: { body: { number, status: 200 } } });
  }

  test('first use: the step is asked for its secret, the secret for its token, and both once', async () => {
    await startFlow(1);
    await runOne(1);
    expect(noted()).toEqual(['GET step 200', 'GET secret S 200', 'GET resource 200']);
    await runOne(2);
    expect(noted()).toEqual(['GET resource 200']);
  });

  test('a token that was renewed here meanwhile: 401, read the secret, 200, and no refresh', async () => {
    const secret = await startFlow(1);
    await runOne(1);
    house.emulator.expireAccessTokens();
    expect((await house.ask('POST', `${secret.path}/refresh`)).status).toBe(200);
    const before = refreshes().length;
    noted();
    await runOne(2);
    expect(noted()).toEqual(['GET resource 401', 'GET secret S 200', 'GET resource 200']);
    expect(refreshes().length - before).toBe(0);
  });

  test('a token that the provider has revoked: 401, read the secret, refresh, 200', async () => {
    await startFlow(1);
    await runOne(1);
    house.emulator.expireAccessTokens();
    const before = refreshes().length;
    noted();
    await runOne(2);
    expect(noted()).toEqual([
      'GET resource 401',
      'GET secret S 200',
      'POST secret S/refresh 200',
      'GET resource 200',
    ]);
    expect(refreshes().length - before).toBe(1);
  });

  // Who asks late finds no flight to join: only that the token is new tells that there is nothing to do.
  test.each([
    { when: 'they ask at once', late: 0, ms: 200 },
    { when: 'half of them ask after the first is answered', late: 30, ms: 3 },
  ])('three sailors with 60 messages cost one token request, when $when', async ({ late, ms }) => {
    await startFlow(3);
    await desk.send([{ number: -1 }, { number: -2 }, { number: -3 }]);
    await desk.take(3);
    expect(noted().filter((line) => line === 'GET secret S 200')).toHaveLength(3);
    house.emulator.adjust({ latency: { kind: 'fixed', ms } });
    house.emulator.expireAccessTokens();
    const before = refreshes().length;
    const isRenewal = (method: string, path: string) => method === 'POST' && path.endsWith('/refresh');
    const reads = holdUntil(60, (method, path) => method === 'GET' && path.includes('/secrets/'));
    const renewals = holdUntil(60, isRenewal);
    const renewed = createGate();
    let inTime = 60 - late;
    hold = async (method, path) => {
      await reads(method, path);
      await renewals(method, path);
      if (!isRenewal(method, path)) return;
      inTime -= 1;
      if (inTime < 0) await renewed.passed;
    };
    listen = (line) => line === 'POST secret S/refresh 200' && renewed.open();
    await desk.send(Array.from({ length: 60 }, (_, number) => ({ number })));
    const outcomes = await desk.take(60);
    expect(outcomes.filter(({ kind }) => kind === 'error')).toEqual([]);
    expect(
      outcomes
        .map(({ content }) => (content as { body: { number: number } }).body.number)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 60 }, (_, number) => number));
    expect(countLines(noted())).toEqual({
      'GET resource 401': 60,
      'GET secret S 200': 60,
      'POST secret S/refresh 200': 60,
      'GET resource 200': 60,
    });
    expect(refreshes().length - before).toBe(1);
  });
});

/**
 * Everybody waits until so many are there: however slow the machine is, none of them sees what another one has changed,
 * and none comes so late that the new token is not new any more.
 */
function holdUntil(count: number, isMeant: (method: string, path: string) => boolean) {
  const gate = createGate();
  let missing = count;
  return async (method: string, path: string) => {
    if (!isMeant(method, path)) return;
    missing -= 1;
    if (missing <= 0) gate.open();
    await gate.passed;
  };
}

function createGate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), passed };
}

function countLines(lines: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const line of lines) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}
