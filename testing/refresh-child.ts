// One process that refreshes, for tests that kill it or race several of them. It reads its house from the first line of
// standard input and then does what each further line says; each answer is one line of JSON.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { CredentialId, TenantId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createEgress, type Egress } from '../src/oauth/egress.ts';
import { type ChildHouse, openChildHouse } from './child-house.ts';
import { type RefreshProcess, refreshProcessOn } from './refresh-process.ts';

export type RefreshChildHouse = ChildHouse & {
  readonly provider: string;
  /** Stops for ever between arming and sending, after saying so. */
  readonly stopsBeforeSending: boolean;
};

export type ChildOrder =
  | { readonly order: 'refresh' }
  /** `force`: each of them asks for a refresh, whatever the token's age. */
  | { readonly order: 'read' | 'force'; readonly credentialId: CredentialId; readonly readers: number }
  | { readonly order: 'end' };

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

async function open(
  house: RefreshChildHouse,
): Promise<{ process: RefreshProcess; close: () => Promise<void> }> {
  const { doors, vault, close } = await openChildHouse(house);
  const egress: Egress = house.stopsBeforeSending
    ? {
        fetch: () => {
          say({ armed: true });
          return new Promise(() => {});
        },
      }
    : createEgress({ allow: [new URL(house.provider).host], log: silentLog });
  return { process: await refreshProcessOn({ doors, vault, egress, folder: house.folder }), close };
}

async function obey(one: RefreshProcess, tenant: TenantId, order: ChildOrder): Promise<object> {
  if (order.order === 'refresh' || order.order === 'end') return { tried: await one.refresher.runOnce() };
  const { credentialId, readers } = order;
  // Nothing beats it in the background here, and a silent process arms nothing.
  await one.heartbeat.beat();
  const ask = order.order === 'read' ? one.reader.readToken : one.reader.forceRefresh;
  const ended = await Promise.allSettled(
    Array.from({ length: readers }, () => ask({ tenant, credentialId })),
  );
  // Fingerprints are enough to compare tokens by.
  const tokens = ended.flatMap((one) =>
    one.status === 'fulfilled'
      ? [createHash('sha256').update(one.value.grant.tokens.accessToken.revealBytes()).digest('hex')]
      : [],
  );
  return { tokens: [...new Set(tokens)], failed: ended.length - tokens.length };
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = await lines.next();
const house = JSON.parse(String(first.value)) as RefreshChildHouse;
const child = await open(house);
say({ up: true, processId: child.process.processId });
for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
  const order = JSON.parse(line.value) as ChildOrder;
  if (order.order === 'end') break;
  say(await obey(child.process, house.tenant, order));
}
await child.close();
process.exit(0);
