// A test's house as a process of its own opens it: what to hand over, and the rooms on the other side.
import type pg from 'pg';
import { systemClock } from '../src/kernel/clock.ts';
import type { TenantId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { connect, externalLogins, type Logins, type Role } from '../src/storage/database.ts';
import { doors as doorRoles } from '../src/storage/door-role.ts';
import { createDoors, type Doors } from '../src/storage/doors.ts';
import { unlockRoot } from '../src/vault/unlock-root.ts';
import { createVault, type Vault } from '../src/vault/vault.ts';
import type { TestHouse } from './test-house.ts';

/** Plain data: it travels as a line of JSON. */
export type ChildHouse = {
  readonly engine: 'embedded' | 'external';
  /** External: the URL. Embedded: how each role signs in. */
  readonly url: string | null;
  readonly logins: Readonly<Record<string, pg.ClientConfig>>;
  /** Where the root key lies. */
  readonly folder: string;
  readonly tenant: TenantId;
};

export function handOver({ database, testVault, tenant }: TestHouse): ChildHouse {
  const roles = ['owner', ...doorRoles] as const;
  return {
    engine: database.engine,
    url: database.url,
    logins: Object.fromEntries(
      roles.map((role) => {
        const { options: _options, ...login } = database.login(role);
        return [role, login];
      }),
    ),
    folder: testVault.folder,
    tenant,
  };
}

export async function openChildHouse(
  house: ChildHouse,
): Promise<{ readonly doors: Doors; readonly vault: Vault; readonly close: () => Promise<void> }> {
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
  return { doors, vault, close: database.close };
}
