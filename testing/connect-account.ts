// Puts a live grant of the emulator into a credential without the pages: tests of what happens after the consent.

import { demoClient } from '../providers/client-registry.ts';
import type { Emulator } from '../providers/emulator.ts';
import type { SeededGrant } from '../providers/seed-grant.ts';
import { createTrialClient } from '../providers/trial-client.ts';
import { getAuthClient } from '../src/credentials/auth-client.ts';
import { getBuiltinType } from '../src/credentials/connection-type.ts';
import { createCredential } from '../src/credentials/create-credential.ts';
import type { Credential } from '../src/credentials/credential.ts';
import { type Account, getGrant, storeConsent } from '../src/credentials/grant.ts';
import type { UnitId } from '../src/kernel/ids.ts';
import { Plain } from '../src/kernel/plain.ts';
import type { TestHouse, TestTenant } from './test-house.ts';

type Furnished = Pick<TestHouse, 'doors' | 'vault' | keyof TestTenant>;

export async function createOAuthCredential(
  house: Furnished,
  emulator: Pick<Emulator, 'url'>,
  options: {
    readonly at?: TestTenant;
    readonly unitId?: UnitId;
    readonly label?: string;
    readonly secret?: string;
  } = {},
): Promise<Credential> {
  const at = options.at ?? house;
  return await house.doors.withTenant(at.tenant, async (tx) =>
    createCredential({
      tx,
      vault: house.vault,
      actor: at.owner,
      unitId: options.unitId ?? at.customer.id,
      label: options.label ?? 'Dropbox',
      type: await getBuiltinType(tx, 'oauth2'),
      values: new Map([
        ['client_id', Plain.fromText(demoClient.client_id)],
        ['client_secret', Plain.fromText(options.secret ?? demoClient.client_secret)],
        ['scopes', Plain.fromText('files.read')],
        ['auth_uri', Plain.fromText(`${emulator.url}/authorize`)],
        ['token_uri', Plain.fromText(`${emulator.url}/token`)],
      ]),
    }),
  );
}

type Issued = { readonly accessToken: string; readonly refreshToken: string };

type Timing = {
  readonly expiresInSeconds: number;
  /** 0 = to be refreshed at once. */
  readonly dueInSeconds: number;
  readonly account?: Account | null;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly callbackParams?: Readonly<Record<string, string>>;
};

/** Through the emulator's pages. */
export async function connectAccount(
  house: Pick<TestHouse, 'doors' | 'vault'>,
  emulator: Pick<Emulator, 'url'>,
  credential: Credential,
  timing: Timing & { readonly identity?: { readonly client_id: string; readonly client_secret: string } },
): Promise<Issued> {
  const { accessToken, refreshToken } = await createTrialClient(emulator, timing.identity).connect();
  await storeIssued(house, emulator, credential, { accessToken, refreshToken, ...timing });
  return { accessToken, refreshToken };
}

/** Without the pages, for tests that need many; answers the grant's name in the ledger too. */
export async function seedAccount(
  house: TestHouse,
  emulator: Pick<Emulator, 'url' | 'seedGrant'>,
  credential: Credential,
  timing: Timing,
): Promise<SeededGrant> {
  const seeded = await emulator.seedGrant();
  await storeIssued(house, emulator, credential, { ...seeded, ...timing });
  return seeded;
}

async function storeIssued(
  house: Pick<TestHouse, 'doors' | 'vault'>,
  emulator: Pick<Emulator, 'url'>,
  credential: Credential,
  timing: Timing & Issued,
): Promise<void> {
  const { accessToken, refreshToken } = timing;
  const now = Date.now();
  await house.doors.withTenant(credential.tenantId, async (tx) => {
    if (credential.authClientId === null) throw new Error('the credential has no auth client');
    const client = await getAuthClient(tx, credential.authClientId);
    await storeConsent({
      tx,
      vault: house.vault,
      credentialId: credential.id,
      expectedConsentNo: (await getGrant(tx, credential.id)).consentNo,
      tokens: {
        accessToken: Plain.fromText(accessToken),
        refreshToken: refreshToken === '' ? null : Plain.fromText(refreshToken),
        tokenType: 'Bearer',
        scope: null,
        extra: timing.extra ?? {},
        callbackParams: timing.callbackParams ?? {},
      },
      timing: {
        issuedAt: new Date(now - 60_000),
        expiresAt: new Date(now + timing.expiresInSeconds * 1000),
        refreshDueAt: new Date(now + timing.dueInSeconds * 1000 - 1000),
        refreshExpiresAt: null,
        expiryAssumed: false,
      },
      registration: client.registration,
      mintedBy: { tenantId: client.tenantId, id: client.id },
      providerKey: new URL(emulator.url).host,
      account: timing.account ?? null,
      grantedScope: null,
    });
  });
}
