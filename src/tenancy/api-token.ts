// API tokens: 256 random bits behind the tenant's id; the database keeps only a hash, the caller sees the text once.
import { hash, randomBytes } from 'node:crypto';
import { audit, systemActor } from '../audit/event.ts';
import { Fault, invalidField, notFound } from '../kernel/fault.ts';
import { newId, type PrincipalId, type TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, can, requirePermission, requireVisible } from './actor.ts';
import { bumpAuthority, insertApiToken, revokeApiTokenRow, selectApiToken } from './authority-store.ts';
import { isPermission, type Permission } from './permission.ts';
import { getPrincipal } from './principal.ts';
import { requireRank } from './rank.ts';
import { checkName, findUnit } from './unit.ts';

const prefix = 'lk_';
// 16 bytes of tenant id and 32 random bytes, in base64url without padding.
const tokenPattern = /^lk_([A-Za-z0-9_-]{22})([A-Za-z0-9_-]{43})$/;

/** The tenant that a token names, or null when the text is no token. Says nothing about its validity. */
export function tenantOfApiToken(text: string): TenantId | null {
  const found = tokenPattern.exec(text);
  if (found === null) return null;
  const hex = Buffer.from(found[1] ?? '', 'base64url').toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as TenantId;
}

/** As hexadecimal digits. SHA-256 suffices: the token has 256 bits of entropy, so there is nothing to slow down. */
export function hashApiToken(text: string): string {
  return hash('sha256', text, 'hex');
}

export type CreatedApiToken = {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: Date | null;
};

/**
 * `actor` null = the installation itself (operator's command). `scopes` null = all that the principal may. `expiresAt` null =
 * never, or with the token that makes it.
 */
export async function createApiToken(options: {
  readonly tx: Tx;
  readonly actor: Actor | null;
  readonly principalId: PrincipalId;
  readonly name: string;
  readonly scopes?: readonly string[] | null;
  readonly expiresAt?: Date | null;
}): Promise<CreatedApiToken> {
  const { tx, actor, principalId } = options;
  const principal = await getPrincipal(tx, principalId);
  const unit = await findUnit(tx, principal.unitId);
  const path = unit?.path ?? [];
  if (actor !== null && actor.principalId !== principalId) requirePermission(actor, 'token.manage', path);
  const scopes = checkScopes(options.scopes ?? null);
  let expiresAt = options.expiresAt ?? null;
  if (actor !== null && actor.principalId !== principalId) await requireRank(tx, actor, principalId, scopes);
  if (actor !== null && actor.apiTokenId !== null) {
    requirePermission(actor, 'token.manage', path);
    refuseWiderScopes(actor, scopes, path);
    expiresAt = await withinLifeOf(tx, actor.apiTokenId, expiresAt);
  }
  const id = newId<never>() as string;
  const token = `${prefix}${Buffer.from(principal.tenantId.replaceAll('-', ''), 'hex').toString('base64url')}${randomBytes(32).toString('base64url')}`;
  await insertApiToken(tx, {
    tenantId: principal.tenantId,
    id,
    hash: hashApiToken(token),
    principalId,
    name: checkName(options.name),
    tail: token.slice(-4),
    scopes,
    expiresAt,
    createdBy: actor?.principalId ?? null,
  });
  await audit(tx, {
    action: 'api_token.created',
    actor: actor ?? systemActor,
    object: { kind: 'api_token', id },
    fields: ['scopes', 'expiresAt'],
  });
  return { id, token, expiresAt };
}

function checkScopes(scopes: readonly string[] | null): readonly Permission[] | null {
  if (scopes === null) return null;
  return scopes.map((scope) => {
    if (isPermission(scope)) return scope;
    throw invalidField(
      'scopes',
      `there is no permission "${scope.slice(0, 60)}".`,
      'Use names such as credential.view.',
    );
  });
}

// A scoped token must not be able to mint an unscoped one.
function refuseWiderScopes(
  actor: Actor,
  scopes: readonly Permission[] | null,
  path: Parameters<typeof can>[2],
): void {
  if (scopes?.every((scope) => can(actor, scope, path))) return;
  throw new Fault('forbidden', 'A token can only make tokens with scopes that it holds itself.', {
    field: 'scopes',
    cure: 'List the scopes, or make the token while signed in.',
  });
}

// Nor an expiring one a token that outlives it: unasked, both end together.
async function withinLifeOf(tx: Tx, makerId: string, expiresAt: Date | null): Promise<Date | null> {
  const latest = (await selectApiToken(tx, makerId))?.expiresAt ?? null;
  if (latest === null || expiresAt === null) return latest ?? expiresAt;
  if (expiresAt.getTime() <= latest.getTime()) return expiresAt;
  throw new Fault('forbidden', 'A token cannot make one that outlives it.', {
    field: 'expiresAt',
    cure: `Let it expire by ${latest.toISOString()}, or make the token while signed in.`,
  });
}

export async function revokeApiToken(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: string;
}): Promise<void> {
  const { tx, actor, id } = options;
  const token = await selectApiToken(tx, id);
  if (token === null) throw notFound('API token');
  const isOwn = token.principalId === actor.principalId;
  // A token may always end itself; another one of the same principal only as it may make one.
  if (!isOwn || (actor.apiTokenId !== null && actor.apiTokenId !== id)) {
    const principal = await getPrincipal(tx, token.principalId);
    const unit = await findUnit(tx, principal.unitId);
    requireVisible(actor, 'token.manage', unit?.path, 'API token');
    if (!isOwn) await requireRank(tx, actor, token.principalId, null);
  }
  if (!(await revokeApiTokenRow(tx, id))) throw notFound('API token');
  await bumpAuthority(tx);
  await audit(tx, { action: 'api_token.revoked', actor, object: { kind: 'api_token', id }, fields: [] });
}
