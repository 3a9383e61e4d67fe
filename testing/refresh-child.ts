// One process that refreshes, for tests that kill it or race several of them. It reads its house from the first line of
// standard input and then does what each further line says; each answer is one line of JSON.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import type pg from 'pg';
import { systemClock } from '../src/kernel/clock.ts';
import type { CredentialId, TenantId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createEgress, type Egress } from '../src/oauth/egress.ts';
import { connect, externalLogins, type Logins, type Role } from '../src/storage/database.ts';
import { createDoors } from '../src/storage/doors.ts';
import { unlockRoot } from '../src/vault/unlock-root.ts';
import { createVault } from '../src/vault/vault.ts';
import { type RefreshProcess, refreshProcessOn } from './refresh-process.ts';

export type ChildHouse = {
  readonly engine: 'embedded' | 'external';
  /** External: the URL. Embedded: how each role signs in. */
  readonly url: string | null;
  readonly logins: Readonly<Record<string, pg.ClientConfig>>;
  /** Where the root key lies. */
  readonly folder: string;
  readonly provider: string;
  readonly tenant: TenantId;
  /** Stops for ever between arming and sending, after saying so. */
  readonly stopsBeforeSending: boolean;
};

export type ChildOrder =
  | { readonly order: 'refresh' }
  | { readonly order: 'read'; readonly credentialId: CredentialId; readonly readers: number }
  | { readonly order: 'end' };

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

async function open(house: ChildHouse): Promise<{ process: RefreshProcess; close: () => Promise<void> }> {
  const logins: Logins =
    house.url === null
      ? { login: (role: Role) => house.logins[role] ?? {}, startup: () => [] }
      : externalLogins(house.url);
  const database = connect(house.engine, logins, silentLog);
  const doors = createDoors(database, { random: Math.random });
  const root = await unlockRoot({ doors, folder: house.folder });
  const vault = createVault({
    doors,
    rootKeys: root.rootKeys,
    installation: root.installation,
    clock: systemClock,
  });
  const egress: Egress = house.stopsBeforeSending
    ? {
        fetch: () => {
          say({ armed: true });
          return new Promise(() => {});
        },
      }
    : createEgress({ allow: [new URL(house.provider).host], log: silentLog });
  return { process: await refreshProcessOn({ doors, vault, egress }), close: database.close };
}

async function obey(one: RefreshProcess, tenant: TenantId, order: ChildOrder): Promise<object> {
  if (order.order !== 'read') return { tried: await one.refresher.runOnce() };
  const { credentialId, readers } = order;
  // Nothing beats it in the background here, and a silent process arms nothing.
  await one.heartbeat.beat();
  const ended = await Promise.allSettled(
    Array.from({ length: readers }, () => one.reader.readToken({ tenant, credentialId })),
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
const house = JSON.parse(String(first.value)) as ChildHouse;
const child = await open(house);
say({ up: true, processId: child.process.processId });
for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
  const order = JSON.parse(line.value) as ChildOrder;
  if (order.order === 'end') break;
  say(await obey(child.process, house.tenant, order));
}
await child.close();
process.exit(0);
