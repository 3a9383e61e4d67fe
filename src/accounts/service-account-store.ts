// SQL of service accounts as they are listed: with their unit and their roles there and elsewhere.
import { sql } from 'kysely';
import type { PrincipalId, UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

export type ServiceAccount = {
  readonly id: PrincipalId;
  readonly name: string;
  readonly unitId: UnitId;
  readonly unitName: string;
  readonly roles: readonly string[];
  readonly createdAt: Date;
};

/** Those that belong to the given units or beneath; disabled ones are left out. */
export async function selectServiceAccounts(
  tx: Tx,
  filter: { readonly within: readonly UnitId[]; readonly limit: number },
): Promise<readonly ServiceAccount[]> {
  const within = sql`any(${[...filter.within]}::uuid[])`;
  const found = await sql<ServiceAccount>`
    select p.id, p.name, p.unit_id as "unitId", u.name as "unitName", p.created_at as "createdAt",
      array(select distinct r.name from membership m
        join role r on r.tenant_id = m.tenant_id and r.id = m.role_id
        where m.tenant_id = p.tenant_id and m.principal_id = p.id order by 1) as roles
    from principal p
    join unit u on u.tenant_id = p.tenant_id and u.id = p.unit_id
    left join unit parent on parent.tenant_id = u.tenant_id and parent.id = u.parent_id
    where p.tenant_id = latchkey_tenant() and p.kind = 'service' and p.disabled_at is null
      and (u.id = ${within} or u.parent_id = ${within} or parent.parent_id = ${within})
    order by p.name, p.id limit ${filter.limit}`.execute(tx);
  return found.rows;
}
