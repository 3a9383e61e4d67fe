// Whoever works on a credential and its grant at the same time as somebody else waits for him, and never each for the other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countWaiting } from '../../testing/count-waiting.ts';
import { declareOAuthType, plainValues, storeCredential, widgetsApp } from '../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Tx } from '../storage/doors.ts';
import type { Credential } from './credential.ts';
import { deleteCredential } from './delete-credential.ts';
import { lockGrant } from './grant.ts';
import { writeConnectionLog } from './log-store.ts';
import { updateCredential } from './update-credential.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openTestHouse();
});
afterAll(() => house.close());

const within = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => house.doors.withTenant(house.tenant, work);

const rename = (tx: Tx, { id, label }: Credential) =>
  updateCredential({ tx, vault: house.vault, actor: house.owner, id, label: `${label} renamed` });
const setField = (tx: Tx, { id }: Credential) =>
  updateCredential({ tx, vault: house.vault, actor: house.owner, id, values: plainValues({ siteId: 'eu' }) });
const remove = (tx: Tx, { id }: Credential) =>
  deleteCredential({ tx, vault: house.vault, actor: house.owner, id, typedName: null });

test.each([
  { what: 'renamed', change: rename },
  { what: 'given a field', change: setField },
  { what: 'deleted', change: remove },
])('nothing is tried twice when a credential is $what while its grant is worked on', async ({ change }) => {
  const credential = await storeCredential(house, await declareOAuthType(house), widgetsApp);
  let changing: Promise<unknown> | null = null;
  let tries = 0;
  // As disconnecting does it: the grant first, then a line that refers to the credential.
  await within(async (tx) => {
    tries += 1;
    await lockGrant(tx, credential.id);
    changing ??= within((other) => {
      tries += 1;
      return change(other, credential);
    });
    await expect.poll(() => countWaiting(house)).toBe(1);
    await writeConnectionLog(tx, {
      credentialId: credential.id,
      severity: 'info',
      code: 'disconnected',
      message: 'Disconnected.',
    });
  });
  await changing;
  // After a deadlock one of the two would have been tried again.
  expect(tries).toBe(2);
});
