// Who may what, answered from memory where that is safe (see authority-memory.ts) and from the database otherwise.
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import type { PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Log } from '../kernel/log.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import type { Actor } from './actor.ts';
import { hashApiToken, tenantOfApiToken } from './api-token.ts';
import { AuthorityMemory } from './authority-memory.ts';
import {
  type ActorRow,
  type ApiTokenRow,
  selectActor,
  selectApiTokenByHash,
  selectAuthorityNo,
} from './authority-store.ts';
import { isPermission } from './permission.ts';
import { selectUnit } from './unit-store.ts';

export type Authority = {
  /** Fault not_authenticated when the token is unknown, expired, revoked or its principal disabled. */
  readonly actorByApiToken: (token: string) => Promise<Actor>;
  readonly actorByPrincipal: (tenant: TenantId, principalId: PrincipalId) => Promise<Actor>;
  /** The unit and its ancestors, or null when the tenant has no such unit. */
  readonly unitPath: (tenant: TenantId, unitId: UnitId) => Promise<readonly UnitId[] | null>;
  /** Called whenever the counter moved: other caches of authority (tenant keys) hang on to it. */
  readonly onFlush: (listener: () => void) => void;
  /** False while changes could be missed, because probing fails. */
  readonly isTrusted: () => boolean;
  /** Looks for changes now; once started this happens each second by itself. */
  readonly probe: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly stop: () => void;
};

type TokenEntry = { readonly actor: Actor; readonly expiresAtMs: number | null };

export function createAuthority(deps: {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly log: Log;
}): Authority {
  const { doors, clock, log } = deps;
  const memory = new AuthorityMemory({ clock, log, readCounter: () => selectAuthorityNo(doors) });
  const tokens = memory.shelf<TokenEntry>();
  const principals = memory.shelf<Actor>();
  const paths = memory.shelf<readonly UnitId[]>();

  return {
    async actorByApiToken(token) {
      const hash = hashApiToken(token);
      const loadIt = async () => {
        const tenant = tenantOfApiToken(token);
        if (tenant === null) throw notAuthenticated();
        return await doors.withTenant(tenant, (tx) => loadToken(tx, tenant, hash));
      };
      const { actor, expiresAtMs } = tokens.known(hash) ?? (await tokens.load(hash, loadIt));
      if (expiresAtMs !== null && clock.now().getTime() >= expiresAtMs) {
        throw new Fault('not_authenticated', 'The API token has expired.', { cure: 'Make a new one.' });
      }
      return actor;
    },
    async actorByPrincipal(tenant, principalId) {
      const key = `${tenant}:${principalId}`;
      const loadIt = () => doors.withTenant(tenant, (tx) => loadActor(tx, tenant, principalId));
      return principals.known(key) ?? (await principals.load(key, loadIt));
    },
    async unitPath(tenant, unitId) {
      const key = `${tenant}:${unitId}`;
      const known = paths.known(key);
      if (known !== undefined) return known;
      try {
        return await paths.load(key, async () => {
          const unit = await doors.withTenant(tenant, (tx) => selectUnit(tx, unitId));
          if (unit === null) throw new Fault('not_found', 'Unit not found.');
          return unit.path;
        });
      } catch (error) {
        if (isFault(error, 'not_found')) return null;
        throw error;
      }
    },
    onFlush: (listener) => memory.onFlush(listener),
    isTrusted: () => memory.isTrusted(),
    probe: () => memory.probe(),
    start: () => memory.start(),
    stop: () => memory.stop(),
  };
}

async function loadToken(tx: Tx, tenant: TenantId, hash: string): Promise<TokenEntry> {
  const row = await selectApiTokenByHash(tx, hash);
  if (row === null || row.revokedAt !== null) throw notAuthenticated();
  const actor = await loadActor(tx, tenant, row.principalId);
  return { actor: narrow(actor, row), expiresAtMs: row.expiresAt?.getTime() ?? null };
}

async function loadActor(tx: Tx, tenant: TenantId, principalId: PrincipalId): Promise<Actor> {
  const row = await selectActor(tx, principalId);
  if (row === null || row.disabledAt !== null) throw notAuthenticated();
  return toActor(tenant, row);
}

function notAuthenticated(): Fault {
  return new Fault('not_authenticated', 'Not authenticated.', {
    cure: 'Send a valid API token as "Authorization: Bearer <token>", or as the password of HTTP Basic.',
  });
}

function toActor(tenant: TenantId, row: ActorRow): Actor {
  return {
    tenant,
    principalId: row.principalId,
    kind: row.kind,
    name: row.name,
    email: row.email,
    unitId: row.unitId,
    unitKind: row.unitKind,
    personId: row.personId,
    apiTokenId: null,
    sessionId: null,
    memberships: row.memberships.map((membership) => ({
      ...membership,
      permissions: new Set(membership.permissions.filter(isPermission)),
    })),
  };
}

function narrow(actor: Actor, token: ApiTokenRow): Actor {
  const { scopes } = token;
  const memberships =
    scopes === null
      ? actor.memberships
      : actor.memberships.map((membership) => ({
          ...membership,
          permissions: new Set(
            [...membership.permissions].filter((permission) => scopes.includes(permission)),
          ),
        }));
  return { ...actor, apiTokenId: token.id, memberships };
}
