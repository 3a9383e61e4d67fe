// A consent as pages show it after the provider has answered: what to confirm, or how it ended and where to go on.
import { getGrant } from '../credentials/grant.ts';
import type { Tx } from '../storage/doors.ts';
import type { AuthorizationRow } from './authorization-store.ts';
import { formToken } from './browser-binding.ts';
import { recordKey } from './link-key.ts';
import { resultRedirect } from './result-redirect.ts';
import { organizationOf, type Snapshot } from './snapshot.ts';

type Shown = {
  /** Names the consent in addresses of ours; gives no right. */
  readonly key: string;
  readonly snapshot: Snapshot;
};

export type ConsentView =
  /** At the provider, or its answer is being fetched. */
  | (Shown & { readonly kind: 'waiting' })
  | (Shown & {
      readonly kind: 'confirm';
      /** As the provider names it; null when it tells none. */
      readonly accountLabel: string | null;
      /** Another account than the one connected now, as far as we can tell: to be agreed to apart. */
      readonly accountChanged: boolean;
      readonly currentAccountLabel: string | null;
      readonly formToken: string;
      readonly expiresAt: Date;
    })
  | (Shown & {
      readonly kind: 'completed';
      readonly accountLabel: string | null;
      /** Null: show our own "Authorization Complete". */
      readonly redirect: string | null;
    })
  | (Shown & {
      readonly kind: 'failed' | 'cancelled';
      readonly code: string;
      /** Text, never markup. */
      readonly message: string;
      readonly redirect: string | null;
    });

export async function viewOf(tx: Tx, row: AuthorizationRow, browserToken: string): Promise<ConsentView> {
  const { snapshot, accountLabel } = row;
  const key = recordKey(row.tenantId, row.id);
  switch (row.status) {
    case 'started':
    case 'exchanging':
      return { kind: 'waiting', key, snapshot };
    case 'exchanged':
      return {
        kind: 'confirm',
        key,
        snapshot,
        accountLabel,
        accountChanged: row.accountChanged,
        currentAccountLabel: (await getGrant(tx, row.credentialId)).accountLabel,
        formToken: formToken(browserToken, key),
        expiresAt: row.expiresAt,
      };
    case 'completed': {
      const redirect = resultRedirect(snapshot, { kind: 'success' }, await originsOf(tx, row));
      return { kind: 'completed', key, snapshot, accountLabel, redirect };
    }
    case 'failed':
    case 'cancelled': {
      const code = row.errorCode ?? 'failed';
      const message = row.errorText ?? '';
      const outcome = { kind: 'failure', error: code, description: message } as const;
      const redirect = resultRedirect(snapshot, outcome, await originsOf(tx, row));
      return { kind: row.status, key, snapshot, code, message, redirect };
    }
  }
}

// Read now, not when the consent began: an origin may have been taken off the list meanwhile.
async function originsOf(tx: Tx, row: AuthorizationRow): Promise<readonly string[]> {
  return (await organizationOf(tx, row.tenantId))?.redirectOrigins ?? [];
}
