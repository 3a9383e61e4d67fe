// A refreshed token set on its way into its grant: sealed, timed, and bound to the counters that its attempt was armed
// under. It can lie on a disk until the database takes it, and it commits by comparing both counters, not the attempt: a
// late but valid answer counts, and one that a consent or a disconnect overtook does not.
import type { TenantId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import { sealedFromColumn } from '../vault/sealed.ts';
import type { Sealer } from '../vault/vault.ts';
import { type StoredTokens, serializeTokens, type TokenTiming, tokensPlace } from './grant.ts';
import { type GrantRow, mayBeExecuting, selectGrantForUpdate } from './grant-store.ts';
import { type RefreshWrite, writeRefreshes, writeRefreshesIn } from './kept-refresh-store.ts';

export type KeptRefresh = RefreshWrite & {
  readonly tenantId: TenantId;
  /** The attempt that brought it. */
  readonly attemptId: string | null;
  /** Whose tokens these are: what is needed to give them back when they come too late. */
  readonly minted: Pick<GrantRow, 'registrationId' | 'mintedBy' | 'mintedByTenantId' | 'accountRef'>;
};

export function keepRefresh(options: {
  readonly seal: Sealer;
  /** As it was when the attempt was armed. */
  readonly grant: Pick<GrantRow, 'tenantId' | 'credentialId' | 'consentNo' | 'tokenNo' | 'attemptId'> &
    KeptRefresh['minted'];
  readonly tokens: StoredTokens;
  readonly timing: TokenTiming;
}): KeptRefresh {
  const { grant, tokens, timing } = options;
  const { tenantId, credentialId, consentNo, tokenNo } = grant;
  return {
    tenantId,
    credentialId,
    attemptId: grant.attemptId,
    consentNo,
    tokenNo,
    ct: options.seal(tokensPlace(tenantId, credentialId, tokenNo + 1), serializeTokens(tokens)),
    state: timing.expiresAt === null && timing.refreshDueAt === null ? 'static' : 'active',
    ...timing,
    grantedScope: storable(tokens.scope),
    minted: {
      registrationId: grant.registrationId,
      mintedBy: grant.mintedBy,
      mintedByTenantId: grant.mintedByTenantId,
      accountRef: grant.accountRef,
    },
  };
}

/** Without what PostgreSQL takes in no text: a provider's odd scope must not keep its tokens from being stored. */
function storable(text: string | null): string | null {
  return text?.replace(/\0|\p{Surrogate}/gu, '') ?? null;
}

/** True for each that was taken; false where a consent, a disconnect or another refresh was first. */
export async function commitRefreshes(
  doors: Doors,
  tenant: TenantId,
  kept: readonly KeptRefresh[],
): Promise<readonly boolean[]> {
  const taken = await writeRefreshes(doors, tenant, kept);
  return kept.map(({ credentialId }) => taken.has(credentialId));
}

/**
 * The same for an answer that a process got which is gone. 'busy' while somebody else has taken over and is asking, or may
 * still be asking: he must not be pushed aside, or two requests would be under way. Then it is offered again later.
 */
export async function replayRefresh(
  doors: Doors,
  kept: KeptRefresh,
): Promise<'committed' | 'superseded' | 'busy'> {
  return await doors.withTenant(kept.tenantId, async (tx) => {
    const grant = await selectGrantForUpdate(tx, kept.credentialId);
    if (grant === null || grant.consentNo !== kept.consentNo || grant.tokenNo !== kept.tokenNo)
      return 'superseded';
    const isOfAnother = grant.attemptId !== null && grant.attemptId !== kept.attemptId;
    if (isOfAnother || (grant.attemptId === null && (await mayBeExecuting(tx, kept.credentialId))))
      return 'busy';
    const taken = await writeRefreshesIn(tx, [kept]);
    return taken.has(kept.credentialId) ? 'committed' : 'superseded';
  });
}

/** One line of text without a secret: the tokens in it are sealed. */
export function writeKept(kept: KeptRefresh): string {
  const { accountRef } = kept.minted;
  return JSON.stringify({
    ...kept,
    ct: kept.ct.toString('base64'),
    minted: { ...kept.minted, accountRef: accountRef?.toString('base64') ?? null },
  });
}

type Written = Omit<
  KeptRefresh,
  'ct' | 'minted' | 'issuedAt' | 'expiresAt' | 'refreshDueAt' | 'refreshExpiresAt'
> & {
  readonly ct: string;
  readonly minted: Omit<KeptRefresh['minted'], 'accountRef'> & { readonly accountRef: string | null };
  readonly issuedAt: string;
  readonly expiresAt: string | null;
  readonly refreshDueAt: string | null;
  readonly refreshExpiresAt: string | null;
};

/** What `writeKept` wrote. */
export function readKept(text: string): KeptRefresh {
  const written = JSON.parse(text) as Written;
  const { accountRef } = written.minted;
  return {
    ...written,
    ct: sealedFromColumn(Buffer.from(written.ct, 'base64')),
    minted: { ...written.minted, accountRef: accountRef === null ? null : Buffer.from(accountRef, 'base64') },
    issuedAt: new Date(written.issuedAt),
    expiresAt: toDate(written.expiresAt),
    refreshDueAt: toDate(written.refreshDueAt),
    refreshExpiresAt: toDate(written.refreshExpiresAt),
  };
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
