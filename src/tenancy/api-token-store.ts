// SQL of lists of API tokens. The hash is never selected: what is listed cannot be used.
import { sql } from 'kysely';
import type { PrincipalId, UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { PrincipalKind } from './actor.ts';

export type ApiTokenView = {
  readonly id: string;
  readonly name: string;
  /** The last four characters, to tell one from another. */
  readonly tail: string;
  /** Null = all that the principal may. */
  readonly scopes: readonly string[] | null;
  readonly principalId: PrincipalId;
  readonly principalName: string;
  readonly principalKind: PrincipalKind;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
};

/** Tokens of one principal and of all principals that belong to the given units or beneath; newest first. */
export async function selectApiTokens(
  tx: Tx,
  filter: { readonly principalId: PrincipalId; readonly within: readonly UnitId[]; readonly limit: number },
): Promise<readonly ApiTokenView[]> {
  const within = sql`any(${[...filter.within]}::uuid[])`;
  const found = await sql<ApiTokenView>`
    select t.id, t.name, t.tail, t.scopes, t.principal_id as "principalId", p.name as "principalName",
      p.kind as "principalKind", t.created_at as "createdAt", t.expires_at as "expiresAt",
      t.revoked_at as "revokedAt"
    from api_token t
    join principal p on p.tenant_id = t.tenant_id and p.id = t.principal_id
    join unit u on u.tenant_id = p.tenant_id and u.id = p.unit_id
    left join unit parent on parent.tenant_id = u.tenant_id and parent.id = u.parent_id
    where t.tenant_id = latchkey_tenant()
      and (t.principal_id = ${filter.principalId}
        or u.id = ${within} or u.parent_id = ${within} or parent.parent_id = ${within})
    order by t.revoked_at is not null, t.created_at desc, t.id limit ${filter.limit}`.execute(tx);
  return found.rows;
}
