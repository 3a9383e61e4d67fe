// What the human half of OAuth stands on; made once at the composition root.
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { Mailer } from '../mail/mailer.ts';
import type { Egress } from '../oauth/egress.ts';
import type { Doors } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import type { PinnedProvider } from './redirect-uri.ts';

export type AuthorizeDeps = {
  readonly doors: Doors;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly random: () => number;
  readonly mailer: Mailer;
  /** The installation's base URL without a trailing slash. */
  readonly publicUrl: string;
  readonly log: Log;
  /** Consents that no signed-in person and no recipient of a mail stands behind; off unless the operator says so. */
  readonly allowHeadless: boolean;
  readonly pinnedProviders: readonly PinnedProvider[];
};
