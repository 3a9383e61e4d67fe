// What refreshing tells to whoever counts. A port: this room knows no library of metrics, and costs nothing without one.
import type { TokenOutcome, TokenProblem } from '../oauth/token-outcome.ts';

export type RefreshMeter = {
  /** A provider was asked, and this came of it. `provider` = key of the catalogue; null = not in it. */
  readonly answered: (what: {
    readonly provider: string | null;
    readonly kind: TokenOutcome['kind'];
    readonly ms: number;
  }) => void;
  /** New tokens are committed. */
  readonly refreshed: (provider: string | null) => void;
  /** One attempt failed, in the words of the failure table. */
  readonly failed: (what: {
    readonly provider: string | null;
    readonly kind: TokenProblem['kind'];
    /** Of the stored failure: `lost_rotation` where a rotation was lost. */
    readonly code: string;
    readonly isOver: boolean;
  }) => void;
  /** An answer came too late to count: a consent or a disconnect was first. */
  readonly superseded: () => void;
  /** The database did not take an answer; it will be offered again. */
  readonly commitFailed: () => void;
  /** A reader waited for a refresh, its own or another's. */
  readonly waited: (ms: number) => void;
  /** Attempts taken over from processes that are gone. */
  readonly tookOver: (count: number) => void;
};

export const silentRefreshMeter: RefreshMeter = {
  answered: () => {},
  refreshed: () => {},
  failed: () => {},
  superseded: () => {},
  commitFailed: () => {},
  waited: () => {},
  tookOver: () => {},
};
