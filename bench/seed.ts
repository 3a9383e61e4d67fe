// A data directory as an installation in use would have it: an organization with a customer and its workspace, one
// OAuth client, an API token, and any number of connected credentials with really sealed tokens.
import { createAuthClient } from '../src/credentials/auth-client.ts';
import { getBuiltinType } from '../src/credentials/connection-type.ts';
import { serializeTokens, tokensPlace } from '../src/credentials/grant.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { type CredentialId, newId, platformTenantId, type TenantId, type UnitId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { Plain } from '../src/kernel/plain.ts';
import { openEmbedded } from '../src/storage/database.ts';
import { createDoors, type Doors } from '../src/storage/doors.ts';
import { migrate } from '../src/storage/migrate.ts';
import type { Actor } from '../src/tenancy/actor.ts';
import { createApiToken } from '../src/tenancy/api-token.ts';
import { createAuthority } from '../src/tenancy/authority.ts';
import { createOrganization } from '../src/tenancy/organization.ts';
import { addMembership, createPrincipal } from '../src/tenancy/principal.ts';
import { createCustomer, createWorkspace } from '../src/tenancy/unit.ts';
import { unlockRoot } from '../src/vault/unlock-root.ts';
import { createVault, type Vault } from '../src/vault/vault.ts';
import { benchTokens } from './bench-token.ts';
import { insertCredentials, insertGrants, type SeedCredentials } from './seed-store.ts';

export type Seeded = {
  readonly apiToken: string;
  readonly workspaceId: UnitId;
  readonly ids: readonly CredentialId[];
  readonly databaseVersion: string;
};

type Ground = {
  readonly doors: Doors;
  readonly vault: Vault;
  readonly owner: Actor;
  readonly tenant: TenantId;
};

const credentialsPerTransaction = 5_000;

export async function seed(directory: string, count: number): Promise<Seeded> {
  const database = await openEmbedded({ directory, log: silentLog });
  try {
    await migrate(database);
    const doors = createDoors(database, { random: Math.random });
    const root = await unlockRoot({ doors, folder: directory });
    const clock = systemClock;
    const vault = createVault({ doors, rootKeys: root.rootKeys, installation: root.installation, clock });
    await doors.withTenant(platformTenantId, (tx) => vault.createTenantKey(tx, platformTenantId));
    const tenant = newId<TenantId>();
    const apiToken = await makeOrganization(doors, vault, tenant);
    const authority = createAuthority({ doors, clock, log: silentLog });
    const owner = await authority.actorByApiToken(apiToken);
    const { workspaceId, ids } = await fill({ doors, vault, owner, tenant }, count);
    const databaseVersion = await database.ownerSession(async (client) => {
      // Otherwise autovacuum would do it in the middle of a measurement.
      await client.query('vacuum analyze');
      const { rows } = await client.query<{ version: string }>(
        `select current_setting('server_version') as version`,
      );
      return rows[0]?.version ?? 'unknown';
    });
    return { apiToken, workspaceId, ids, databaseVersion };
  } finally {
    await database.close();
  }
}

async function makeOrganization(doors: Doors, vault: Vault, tenant: TenantId): Promise<string> {
  return await doors.withTenant(tenant, async (tx) => {
    const { id: unitId } = await createOrganization({ tx, vault, tenant, name: 'Bench' });
    const made = await createPrincipal({ tx, actor: null, tenant, kind: 'service', unitId, name: 'Reader' });
    await addMembership({ tx, actor: null, principalId: made.id, unitId, roleKey: 'owner' });
    return (await createApiToken({ tx, actor: null, principalId: made.id, name: 'bench' })).token;
  });
}

async function fill(ground: Ground, count: number) {
  const { doors, vault, owner, tenant } = ground;
  const place = await doors.withTenant(tenant, async (tx) => {
    const customer = await createCustomer({ tx, actor: owner, name: 'Hooli' });
    const workspace = await createWorkspace({ tx, actor: owner, customerId: customer.id, name: 'Hooli' });
    const type = await getBuiltinType(tx, 'oauth2');
    const client = await createAuthClient({ tx, vault, actor: owner, client: newClient(workspace.id) });
    return { unitId: workspace.id, type, client };
  });
  const ids = Array.from({ length: count }, () => newId<CredentialId>());
  for (let at = 0; at < count; at += credentialsPerTransaction) {
    await insert(ground, { ...place, ids: ids.slice(at, at + credentialsPerTransaction) });
  }
  return { workspaceId: place.unitId, ids };
}

async function insert({ doors, vault, tenant }: Ground, some: SeedCredentials): Promise<void> {
  await doors.withTenant(tenant, async (tx) => {
    await insertCredentials(tx, some);
    const sealed = await Promise.all(
      some.ids.map((id) => {
        const { access, refresh, type, scope, extra } = benchTokens(id);
        const tokens = {
          accessToken: Plain.fromText(access),
          refreshToken: Plain.fromText(refresh),
          tokenType: type,
          scope,
          extra,
          callbackParams: {},
        };
        return vault.seal(tx, tokensPlace(tenant, id, 1), serializeTokens(tokens));
      }),
    );
    await insertGrants(tx, some, sealed);
  });
}

function newClient(unitId: UnitId) {
  return {
    unitId,
    name: 'Bench client',
    type: 'oauth2',
    secret: Plain.fromText('bench-client-secret'),
    identity: {
      clientId: 'bench-client',
      authorizeUrl: 'https://provider.example/authorize',
      tokenUrl: 'https://provider.example/token',
      refreshUrl: null,
      revokeUrl: null,
      clientAuth: 'basic' as const,
    },
  };
}
