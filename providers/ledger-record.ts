// One request as the ledger keeps it: a value that is never changed, only followed by a fuller one.
import { createHash } from 'node:crypto';

/** `seed`: a grant that was asked for by the remote control, without pages and without a request. */
export type LedgerKind = 'code' | 'refresh' | 'client_credentials' | 'revoke' | 'resource' | 'seed' | 'other';
export type ClientAuthStyle = 'basic' | 'post' | 'both' | 'none';

export type LedgerRecord = {
  /** One start of the emulator; `seq` counts within it. */
  readonly run: string;
  readonly seq: number;
  readonly mode: 'standards' | 'quirky';
  readonly kind: LedgerKind;
  readonly grant: string | null;
  readonly client: string | null;
  readonly peer: string;
  /** The User-Agent as it was sent: tells the processes of one client apart. */
  readonly agent: string | null;
  readonly clientAuthStyle: ClientAuthStyle;
  /** Names with their values; secrets and tokens are hidden. */
  readonly params: Readonly<Record<string, string>>;
  readonly refreshTokenPresented: string | null;
  /** True if an earlier request had already traded this refresh token for a new one. */
  readonly presentedAgain: boolean;
  readonly accessTokenPresented: string | null;
  readonly receivedAt: string;
  /** Token requests of this grant that were open when this one came, itself included. */
  readonly concurrent: number;
  /** True once the request took effect here, whatever the client got to see. */
  readonly executed: boolean;
  readonly executedAt: string | null;
  readonly refreshTokenIssued: string | null;
  readonly accessTokenIssued: string | null;
  /** `issued`, `revoked`, `nothing_to_revoke`, an OAuth error code, `rate_limited`, `outage`, ... */
  readonly outcome: string;
  readonly fault: string | null;
  readonly status: number | null;
  /** When a whole answer was handed to the network; null if the client never got one. */
  readonly answeredAt: string | null;
  /** When the client hung up without an answer. */
  readonly leftAt: string | null;
  /** When nothing of this request was running or open any more. */
  readonly endedAt: string | null;
};

/** First 12 hex digits of SHA-256: enough to join with, useless to an attacker. */
export function fingerprint(secret: string): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 12);
}
