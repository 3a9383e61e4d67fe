// One of several processes in which many readers want the same expired token at the same moment. Reads its house from the
// first line of standard input; each further line names a credential, and is answered by how long the last of its readers
// waited.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { systemClock, systemSleep } from '../src/kernel/clock.ts';
import type { CredentialId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createEgress } from '../src/oauth/egress.ts';
import { createHeartbeat } from '../src/refresh/heartbeat.ts';
import { createRefresh } from '../src/refresh/refresh.ts';
import type { ChildHouse } from '../testing/child-house.ts';
import { openChildHouse } from '../testing/child-house.ts';

export type StampedeOrder = {
  readonly house: ChildHouse;
  readonly readers: number;
};

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { house, readers } = JSON.parse(String((await lines.next()).value)) as StampedeOrder;
const { doors, vault, close } = await openChildHouse(house);
const processId = randomUUID();
const heartbeat = createHeartbeat({ doors, clock: systemClock, processId, build: 'bench' });
await heartbeat.beat();
const { reader } = createRefresh({
  doors,
  vault,
  egress: createEgress({ allow: ['127.0.0.1'], log: silentLog }),
  clock: systemClock,
  sleep: systemSleep,
  random: Math.random,
  log: silentLog,
  processId,
  heartbeat,
  gates: [],
  journalFolder: `${house.folder}/answers`,
  isAlone: false,
  forcedWindowSeconds: 5,
});
console.log(JSON.stringify({ up: true }));
for (let line = await lines.next(); line.done !== true && line.value !== ''; line = await lines.next()) {
  const credentialId = line.value as CredentialId;
  await heartbeat.beat();
  const startedAt = performance.now();
  const ended = await Promise.allSettled(
    Array.from({ length: readers }, () => reader.readToken({ tenant: house.tenant, credentialId })),
  );
  const tookMs = performance.now() - startedAt;
  const failed = ended.filter(({ status }) => status === 'rejected').length;
  console.log(JSON.stringify({ tookMs, failed }));
}
await close();
process.exit(0);
