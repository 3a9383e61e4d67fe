// One process of a chaos run: refreshes in the background, reads all the time, and says what its readers were handed. It gets
// its house from the first line of standard input; a second line ends it in good order.

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fingerprint } from '../../providers/ledger-record.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { isFault } from '../../src/kernel/fault.ts';
import type { CredentialId } from '../../src/kernel/ids.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { createEgress, type Egress } from '../../src/oauth/egress.ts';
import { type ChildHouse, openChildHouse } from '../child-house.ts';
import { openGate, refreshProcessOn } from '../refresh-process.ts';
import { chaosTimings } from './chaos-plan.ts';

export type ChaosChildHouse = ChildHouse & {
  /** What the provider's ledger calls it. */
  readonly name: string;
  readonly credentials: readonly CredentialId[];
  readonly readers: number;
};

/** What its readers got since it spoke last. */
export type ChaosNews = {
  readonly up?: true;
  readonly handed?: readonly (readonly [CredentialId, string])[];
  readonly refused?: readonly (readonly [CredentialId, string])[];
  readonly reads?: number;
  readonly done?: true;
};

const newsMs = 200;
const readEveryMs = 60;

const say = (news: ChaosNews): void => void process.stdout.write(`${JSON.stringify(news)}\n`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const house = JSON.parse(String((await lines.next()).value)) as ChaosChildHouse;
const { doors, vault, close } = await openChildHouse(house);
const direct = createEgress({ allow: ['127.0.0.1'], log: silentLog });
const egress: Egress = {
  fetch: (url, request) =>
    direct.fetch(url, { ...request, headers: { ...request.headers, 'user-agent': house.name } }),
};
const rooms = { doors, vault, egress, folder: house.folder };
const one = await refreshProcessOn(rooms, systemClock, openGate, chaosTimings);

let isEnding = false;
let handed: (readonly [CredentialId, string])[] = [];
let refused: (readonly [CredentialId, string])[] = [];
let reads = 0;
function tellNews(): void {
  if (reads > 0) say({ handed, refused, reads });
  handed = [];
  refused = [];
  reads = 0;
}

async function readOn(): Promise<void> {
  while (!isEnding) {
    const credentialId = house.credentials[Math.floor(Math.random() * house.credentials.length)];
    if (credentialId === undefined) return;
    try {
      const { grant } = await one.reader.readToken({ tenant: house.tenant, credentialId });
      handed.push([credentialId, fingerprint(grant.tokens.accessToken.revealText())]);
    } catch (error) {
      refused.push([credentialId, isFault(error) ? error.code : String(error)]);
    }
    reads += 1;
    await sleep(readEveryMs);
  }
}

await one.refresher.start();
say({ up: true });
const news = setInterval(tellNews, newsMs);
const reading = Array.from({ length: house.readers }, readOn);
await lines.next();
isEnding = true;
await Promise.all(reading);
await one.flight.drain();
await one.refresher.drain();
clearInterval(news);
tellNews();
say({ done: true });
await close();
process.exit(0);
