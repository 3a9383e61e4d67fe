// The memory of who may what. Entries are stamped by one counter row that every revoking transaction raises; the row is
// probed each second, and without a good probe within 3 s nothing is served from memory. So a revocation reaches
// every process within 3 s, and a fresh read takes no lock and writes nothing.
import { LRUCache } from 'lru-cache';
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import type { PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import type { Actor } from './actor.ts';
import { hashApiToken, tenantOfApiToken } from './api-token.ts';
import {
  type ActorRow,
  type ApiTokenRow,
  selectActor,
  selectApiTokenByHash,
  selectAuthorityNo,
} from './authority-store.ts';
import { isPermission } from './permission.ts';
import { selectUnit } from './unit-store.ts';

const probeEveryMs = 1_000;
const trustForMs = 3_000;
const maxEntries = 50_000;

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
  const tokens = new LRUCache<string, TokenEntry>({ max: maxEntries });
  const principals = new LRUCache<string, Actor>({ max: maxEntries });
  const paths = new LRUCache<string, readonly UnitId[]>({ max: maxEntries });
  const listeners: (() => void)[] = [];
  let stamp: number | null = null;
  let epoch = 0;
  let probedAtMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    epoch += 1;
    tokens.clear();
    principals.clear();
    paths.clear();
    for (const listener of listeners) listener();
  }

  async function probe(): Promise<void> {
    const startedAtMs = clock.monotonicMs();
    try {
      const no = await selectAuthorityNo(doors);
      // A counter that went back means another or a restored database: as good a reason to forget as one that rose.
      if (no !== stamp) flush();
      stamp = no;
      probedAtMs = startedAtMs;
    } catch (error) {
      log.warn('authority probe failed; nothing is served from memory until it succeeds', errorFields(error));
    }
  }

  const isTrusted = () => clock.monotonicMs() - probedAtMs <= trustForMs;

  async function remember<T extends {}>(
    cache: LRUCache<string, T>,
    key: string,
    load: () => Promise<T>,
  ): Promise<T> {
    const known = isTrusted() ? cache.get(key) : undefined;
    if (known !== undefined) return known;
    const startedIn = epoch;
    const loaded = await load();
    // A flush while loading may have been about this very entry.
    if (startedIn === epoch) cache.set(key, loaded);
    return loaded;
  }

  async function loadActor(tenant: TenantId, principalId: PrincipalId): Promise<Actor> {
    const row = await doors.withTenant(tenant, (tx) => selectActor(tx, principalId));
    if (row === null || row.disabledAt !== null) throw notAuthenticated();
    return toActor(tenant, row, null);
  }

  return {
    async actorByApiToken(token) {
      const tenant = tenantOfApiToken(token);
      if (tenant === null) throw notAuthenticated();
      const hash = hashApiToken(token);
      const entry = await remember(tokens, hash.toString('latin1'), async () => {
        const row = await doors.withTenant(tenant, (tx) => selectApiTokenByHash(tx, hash));
        if (row === null || row.revokedAt !== null) throw notAuthenticated();
        const actor = await loadActor(tenant, row.principalId);
        return { actor: narrow(actor, row), expiresAtMs: row.expiresAt?.getTime() ?? null };
      });
      if (entry.expiresAtMs !== null && clock.now().getTime() >= entry.expiresAtMs) {
        throw new Fault('not_authenticated', 'The API token has expired.', { cure: 'Make a new one.' });
      }
      return entry.actor;
    },
    async actorByPrincipal(tenant, principalId) {
      return await remember(principals, `${tenant}:${principalId}`, () => loadActor(tenant, principalId));
    },
    async unitPath(tenant, unitId) {
      try {
        return await remember(paths, `${tenant}:${unitId}`, async () => {
          const unit = await doors.withTenant(tenant, (tx) => selectUnit(tx, unitId));
          if (unit === null) throw new Fault('not_found', 'Unit not found.');
          return unit.path;
        });
      } catch (error) {
        if (isFault(error, 'not_found')) return null;
        throw error;
      }
    },
    isTrusted,
    onFlush: (listener) => {
      listeners.push(listener);
    },
    async start() {
      await probe();
      timer = setInterval(() => void probe(), probeEveryMs);
      timer.unref();
    },
    stop() {
      if (timer !== null) clearInterval(timer);
      timer = null;
    },
  };
}

function notAuthenticated(): Fault {
  return new Fault('not_authenticated', 'Not authenticated.', {
    cure: 'Send a valid API token as "Authorization: Bearer <token>", or as the password of HTTP Basic.',
  });
}

function toActor(tenant: TenantId, row: ActorRow, apiTokenId: string | null): Actor {
  return {
    tenant,
    principalId: row.principalId,
    kind: row.kind,
    name: row.name,
    email: row.email,
    unitId: row.unitId,
    unitKind: row.unitKind,
    personId: row.personId,
    apiTokenId,
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
