// Everything that can be turned on a running emulator; programs call it directly, other processes by admin.ts.
import { type Behaviour, type ModeChange, modeOf } from './behaviour.ts';
import type { ClientRegistry, EmulatedClient, EmulatedClientInput } from './client-registry.ts';
import { faultSchema, type ScriptedFaultInput } from './fault.ts';
import type { GrantBook } from './grant-book.ts';
import type { Lazy } from './lazily.ts';
import type { LedgerBook } from './ledger.ts';
import { parsed } from './parse.ts';
import type { Quirk, QuirkInput } from './quirk.ts';
import type { LiveToken } from './resource-server.ts';
import { createSeeding, type Seed, type SeededGrant } from './seed-grant.ts';
import type { StandardsMode } from './standards.ts';
import { isLive } from './token-rules.ts';
import type { WaitingRoom } from './waiting-room.ts';

export type EmulatorState = {
  readonly url: string;
  readonly mode: 'standards' | 'quirky';
  readonly presets: readonly string[];
  readonly quirk: Quirk;
  readonly providerTime: string;
  readonly faultsWaiting: number;
  readonly requestsHanging: number;
};

export type EmulatorControls = {
  readonly state: () => EmulatorState;
  /** Becomes another provider: defaults + presets + settings. Grants, tokens and ledger stay. */
  readonly setMode: (change: ModeChange) => Promise<void>;
  /** Changes some settings of the present one. */
  readonly adjust: (settings: QuirkInput) => void;
  /** Appends scripted faults for coming token requests. */
  readonly schedule: (faults: readonly ScriptedFaultInput[]) => void;
  readonly addClient: (client: EmulatedClientInput) => EmulatedClient;
  /** A grant of the quirky mode without pages: tests that need a thousand need not sign in a thousand times. */
  readonly seedGrant: (seed?: Seed) => Promise<SeededGrant>;
  readonly revokeGrant: (grant: string) => boolean;
  /** False once it was revoked, by whomever; null when the quirky mode has never issued it. */
  readonly isLiveGrant: (grant: string) => boolean | null;
  /** Ends all access tokens at once, answering how many; refresh tokens live on. */
  readonly expireAccessTokens: () => number;
  /** Lets the provider's clock jump ahead, so that lifetimes pass without waiting. */
  readonly advance: (seconds: number) => void;
  /** Lets requests go on that a `hang` fault holds. */
  readonly release: () => number;
  /** Resolves once at least this many requests hang. */
  readonly whenHanging: (count: number) => Promise<void>;
  readonly isLiveAccessToken: (token: string) => boolean;
  /** What a live access token stands for. */
  readonly findLiveToken: (token: string) => LiveToken | null;
  /** Forgets grants, tokens and faults; never the ledger. */
  readonly reset: () => void;
};

export function createControls(parts: {
  readonly url: string;
  readonly behaviour: Behaviour;
  readonly clients: ClientRegistry;
  readonly book: GrantBook;
  readonly ledger: LedgerBook;
  readonly room: WaitingRoom;
  readonly standards: Lazy<StandardsMode>;
}): EmulatorControls {
  const { url, behaviour, clients, book, room, standards } = parts;
  const findLiveToken = (token: string) =>
    quirkyLive(book, behaviour, token) ?? standardsLive(standards.ready(), token);

  return {
    state: () => ({
      url,
      mode: behaviour.mode(),
      presets: behaviour.presets(),
      quirk: behaviour.quirk(),
      providerTime: behaviour.shownNow().toISOString(),
      faultsWaiting: behaviour.schedule.waiting(),
      requestsHanging: room.count(),
    }),
    setMode: async (change) => {
      // Loaded first: no request may fall between two modes.
      if (modeOf(change) === 'standards') await standards.get();
      behaviour.become(change);
    },
    adjust: behaviour.adjust,
    schedule: (faults) => behaviour.schedule.append(faults.map((fault) => parsed(faultSchema, fault))),
    addClient: clients.add,
    seedGrant: createSeeding(parts),
    revokeGrant: (grant) => {
      const inBook = book.revokeGrant(grant);
      return standards.ready()?.store.revokeGrant(grant) || inBook;
    },
    isLiveGrant: (grant) => {
      const found = book.findGrant(grant);
      return found === null ? null : !found.revoked;
    },
    expireAccessTokens: () =>
      book.dropAllAccessTokens() + (standards.ready()?.store.dropAll('AccessToken') ?? 0),
    advance: behaviour.advance,
    release: () => room.release(),
    whenHanging: room.whenWaiting,
    isLiveAccessToken: (token) => findLiveToken(token) !== null,
    findLiveToken,
    reset: () => {
      behaviour.schedule.replace([]);
      room.release();
      book.clear();
      standards.ready()?.store.clear();
    },
  };
}

function quirkyLive(book: GrantBook, behaviour: Behaviour, value: string): LiveToken | null {
  const token = book.findAccessToken(value);
  if (token === null || !isLive(token, behaviour.now().getTime())) return null;
  return {
    account: token.account,
    grant: token.grant.id,
    client: token.grant.clientId,
    scopes: token.scopes,
  };
}

function standardsLive(standards: StandardsMode | null, value: string): LiveToken | null {
  const store = standards?.store;
  const token = store?.peek('AccessToken', value);
  if (!store?.isAlive('AccessToken', value) || !token) return null;
  return {
    account: String(token.accountId),
    grant: String(token.grantId),
    client: String(token.clientId),
    scopes: typeof token.scope === 'string' ? token.scope.split(' ') : [],
  };
}
