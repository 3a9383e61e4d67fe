// Grants without pages, for tests that need many: as if somebody had signed in and consented. In the ledger all the same.
import { Fault } from '../src/kernel/fault.ts';
import type { Behaviour } from './behaviour.ts';
import type { ClientRegistry } from './client-registry.ts';
import type { GrantBook } from './grant-book.ts';
import type { LedgerBook } from './ledger.ts';
import { fingerprint } from './ledger-record.ts';
import { seedGrant } from './token-rules.ts';

export type Seed = {
  /** Default: `latchkey-demo`. */
  readonly client?: string;
  readonly account?: string;
  readonly scopes?: readonly string[];
};

export type SeededGrant = {
  readonly grant: string;
  readonly accessToken: string;
  /** Empty when the present quirk gives none. */
  readonly refreshToken: string;
};

export function createSeeding(parts: {
  readonly behaviour: Behaviour;
  readonly clients: ClientRegistry;
  readonly book: GrantBook;
  readonly ledger: LedgerBook;
}): (seed?: Seed) => Promise<SeededGrant> {
  const { behaviour, clients, book, ledger } = parts;
  return async (seed = {}) => {
    if (behaviour.mode() !== 'quirky') {
      throw new Fault('conflict', 'Only the quirky mode issues grants without pages.', {
        cure: 'Choose a quirk first, or walk through the consent page.',
      });
    }
    const client = clients.find(seed.client ?? 'latchkey-demo');
    if (client === null) throw new Fault('not_found', 'There is no such client.');
    const { grant, tokens } = seedGrant(
      { book, quirk: behaviour.quirk(), nowMs: behaviour.now().getTime(), account: null },
      {
        clientId: client.client_id,
        account: seed.account ?? 'alice',
        scopes: seed.scopes ?? ['files.read', 'files.write'],
      },
    );
    const entry = ledger.open({
      mode: 'quirky',
      kind: 'seed',
      grant: grant.id,
      client: client.client_id,
      peer: 'remote control',
      agent: null,
      clientAuthStyle: 'none',
      params: {},
      refreshTokenPresented: null,
      accessTokenPresented: null,
    });
    const refreshToken = tokens.refresh_token ?? '';
    await entry.executed({
      accessTokenIssued: fingerprint(tokens.access_token),
      refreshTokenIssued: refreshToken === '' ? null : fingerprint(refreshToken),
      outcome: 'issued',
    });
    entry.answered(200);
    entry.end();
    return { grant: grant.id, accessToken: tokens.access_token, refreshToken };
  };
}
