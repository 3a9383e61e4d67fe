// SQL of learned lifetimes: how long tokens lived of which the provider does not say it, per provider of a tenant.
import { sql } from 'kysely';
import type { CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

// What was learned fades by 5 % a day: providers change, and what turns out to be too long is learned again.
export const learnedSeconds = sql<number>`(l.seconds * power(1.05,
  least(extract(epoch from clock_timestamp() - l.learned_at)::double precision / 86400, 200)))::integer`;

/** Null when nothing was learned about this provider. */
export async function selectLearnedSeconds(tx: Tx, providerKey: string): Promise<number | null> {
  const found = await sql<{ seconds: number }>`
    select ${learnedSeconds} as seconds from learned_lifetime l
    where l.tenant_id = latchkey_tenant() and l.provider_key = ${providerKey}`.execute(tx);
  return found.rows[0]?.seconds ?? null;
}

export type TokenAge = {
  readonly providerKey: string | null;
  /** Since it was stored. */
  readonly ageMs: number;
  /** Of a token whose expiry is our assumption and still ahead; else null. */
  readonly assumed: AssumedLife | null;
};

export type AssumedLife = { readonly livedSeconds: number; readonly assumedSeconds: number };

/** Null when this is not the grant's token any more. */
export async function selectTokenAge(
  tx: Tx,
  credentialId: CredentialId,
  token: { readonly consentNo: number; readonly tokenNo: number },
): Promise<TokenAge | null> {
  const found = await sql<TokenAge>`
    select g.provider_key as "providerKey",
      extract(epoch from clock_timestamp() - coalesce(g.refreshed_at, g.issued_at))::double precision * 1000 as "ageMs",
      case when g.expiry_assumed and g.expires_at > clock_timestamp() then json_build_object(
        'livedSeconds', extract(epoch from clock_timestamp() - g.issued_at),
        'assumedSeconds', extract(epoch from g.expires_at - g.issued_at)) end as assumed
    from oauth_grant g
    where g.tenant_id = latchkey_tenant() and g.credential_id = ${credentialId} and g.consent_no = ${token.consentNo}
      and g.token_no = ${token.tokenNo}`.execute(tx);
  return found.rows[0] ?? null;
}

/** The shorter of what is known (as far as it has faded) and of what is new. */
export async function keepShorterLifetime(tx: Tx, providerKey: string, seconds: number): Promise<void> {
  await sql`
    insert into learned_lifetime as l (tenant_id, provider_key, seconds)
    values (latchkey_tenant(), ${providerKey}, ${seconds})
    on conflict (tenant_id, provider_key) do update
      set seconds = least(${learnedSeconds}, excluded.seconds), learned_at = clock_timestamp()`.execute(tx);
}
