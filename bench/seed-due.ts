// Grants that wait to be refreshed, spread over as many OAuth apps as an installation of that size has, with really sealed
// tokens that nobody has used yet.
import { createAuthClient } from '../src/credentials/auth-client.ts';
import { getBuiltinType } from '../src/credentials/connection-type.ts';
import { serializeTokens, tokensPlace } from '../src/credentials/grant.ts';
import { providerKeyOf } from '../src/credentials/registration.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { type CredentialId, newId, platformTenantId, type TenantId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { Plain } from '../src/kernel/plain.ts';
import type { Database } from '../src/storage/database.ts';
import { createDoors, type Doors } from '../src/storage/doors.ts';
import { migrate } from '../src/storage/migrate.ts';
import { createApiToken } from '../src/tenancy/api-token.ts';
import { createAuthority } from '../src/tenancy/authority.ts';
import { createOrganization } from '../src/tenancy/organization.ts';
import { addMembership, createPrincipal } from '../src/tenancy/principal.ts';
import { createCustomer } from '../src/tenancy/unit.ts';
import { unlockRoot } from '../src/vault/unlock-root.ts';
import { createVault } from '../src/vault/vault.ts';
import { benchTokens } from './bench-token.ts';
import { insertCredentials, insertDueGrants } from './seed-store.ts';

export type DueSeed = {
  readonly directory: string;
  readonly tokenUrl: string;
  readonly apps: number;
  readonly grants: number;
  /** Until the tokens end; they are due since a moment ago. */
  readonly expiresInSeconds: number;
};

export type SeededGrants = {
  readonly tenant: TenantId;
  readonly ids: readonly CredentialId[];
  readonly doors: Doors;
};

const perTransaction = 2_000;

/** Into an open database, which stays open. */
export async function seedDue(database: Database, seed: DueSeed): Promise<SeededGrants> {
  await migrate(database);
  const doors = createDoors(database, { random: Math.random });
  const root = await unlockRoot({ doors, folder: seed.directory });
  const clock = systemClock;
  const vault = createVault({ doors, rootKeys: root.rootKeys, installation: root.installation, clock });
  await doors.withTenant(platformTenantId, (tx) => vault.createTenantKey(tx, platformTenantId));
  const tenant = newId<TenantId>();
  const token = await doors.withTenant(tenant, async (tx) => {
    const { id: unitId } = await createOrganization({ tx, vault, tenant, name: 'Bench' });
    const made = await createPrincipal({ tx, actor: null, tenant, kind: 'service', unitId, name: 'Seeder' });
    await addMembership({ tx, actor: null, principalId: made.id, unitId, roleKey: 'owner' });
    return (await createApiToken({ tx, actor: null, principalId: made.id, name: 'bench' })).token;
  });
  const owner = await createAuthority({ doors, clock, log: silentLog }).actorByApiToken(token);
  const ids: CredentialId[] = [];
  for (let app = 0; app < seed.apps; app += 1) {
    const count = Math.ceil((seed.grants - ids.length) / (seed.apps - app));
    await doors.withTenant(tenant, async (tx) => {
      const { id: unitId } = await createCustomer({ tx, actor: owner, name: `Customer ${app}` });
      const type = await getBuiltinType(tx, 'oauth2');
      const client = await createAuthClient({
        tx,
        vault,
        actor: owner,
        client: newApp(unitId, app, seed.tokenUrl),
      });
      const providerKey = client.registration === null ? '' : providerKeyOf(client.registration);
      for (let at = 0; at < count; at += perTransaction) {
        const some = Array.from({ length: Math.min(perTransaction, count - at) }, () =>
          newId<CredentialId>(),
        );
        await insertCredentials(tx, { ids: some, unitId, type, client });
        const sealed = await Promise.all(
          some.map((id) => {
            const { access, refresh, type: tokenType, scope, extra } = benchTokens(id);
            const tokens = {
              accessToken: Plain.fromText(access),
              refreshToken: Plain.fromText(refresh),
              tokenType,
              scope,
              extra,
              callbackParams: {},
            };
            return vault.seal(tx, tokensPlace(tenant, id, 1), serializeTokens(tokens));
          }),
        );
        const { expiresInSeconds } = seed;
        await insertDueGrants(tx, { ids: some, client, providerKey, expiresInSeconds }, sealed);
        ids.push(...some);
      }
    });
  }
  await database.ownerSession((client) => client.query('vacuum analyze'));
  return { tenant, ids, doors };
}

function newApp(
  unitId: Parameters<typeof createAuthClient>[0]['client']['unitId'],
  app: number,
  tokenUrl: string,
) {
  return {
    unitId,
    name: `App ${app}`,
    type: 'oauth2',
    secret: Plain.fromText('bench-client-secret'),
    identity: {
      clientId: `bench-app-${app}`,
      authorizeUrl: 'https://provider.example/authorize',
      tokenUrl,
      refreshUrl: null,
      revokeUrl: null,
      clientAuth: 'basic' as const,
    },
  };
}
