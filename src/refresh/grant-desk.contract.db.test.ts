import { sql } from 'kysely';
import { describe } from 'vitest';
import { startEmulator } from '../../providers/emulator.ts';
import { createOAuthCredential, seedAccount } from '../../testing/connect-account.ts';
import { openTestHouse } from '../../testing/test-house.ts';
import { disconnectGrant } from '../credentials/disconnect.ts';
import { getGrant } from '../credentials/grant.ts';
import { systemClock } from '../kernel/clock.ts';
import { type DeskHouse, grantDeskContract } from './grant-desk.contract.ts';
import { createHeartbeat } from './heartbeat.ts';
import { productionTimings as timings } from './refresh-timings.ts';
import { createStoredGrantDesk } from './stored-grant-desk.ts';

async function open(): Promise<DeskHouse> {
  const house = await openTestHouse();
  const emulator = await startEmulator({ set: { rotation: 'always' } });
  const { doors, vault, tenant } = house;
  const clock = systemClock;
  return {
    deskOf: (processId) => createStoredGrantDesk({ doors, vault, clock, processId, timings }),
    beat: (processId) => createHeartbeat({ doors, clock, processId, build: 'test' }).beat(),
    addGrant: async (dueInSeconds) => {
      const credential = await createOAuthCredential(house, emulator);
      await seedAccount(house, emulator, credential, { expiresInSeconds: 1_200, dueInSeconds });
      return { tenant, credentialId: credential.id };
    },
    row: ({ credentialId }) => doors.withTenant(tenant, (tx) => getGrant(tx, credentialId)),
    pass: ({ credentialId }, seconds) =>
      doors.asScheduler(async (tx) => {
        const ago = sql`make_interval(secs => ${seconds})`;
        await sql`update process set heartbeat_at = heartbeat_at - ${ago}`.execute(tx);
        await sql`update oauth_grant set attempt_deadline = attempt_deadline - ${ago},
          refresh_due_at = refresh_due_at - ${ago} where credential_id = ${credentialId}`.execute(tx);
      }),
    disconnect: async ({ credentialId }) => {
      await doors.withTenant(tenant, (tx) =>
        disconnectGrant({ tx, vault, actor: house.owner, credentialId }),
      );
    },
    now: () => new Date(),
    close: async () => {
      await emulator.close();
      await house.close();
    },
  };
}

describe('grants in PostgreSQL', () => grantDeskContract(open));
