// What the faces are given: the rooms below, wired by compose.ts. Faces translate and hold nothing of their own.
import type { FastifyRequest } from 'fastify';
import type { ReadAudit } from '../audit/read-audit.ts';
import type { Authorize } from '../authorize/authorize.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { UseNotes } from '../refresh/note-use.ts';
import type { TokenReader } from '../refresh/read-token.ts';
import type { Doors } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import type { Authority } from '../tenancy/authority.ts';
import type { Vault } from '../vault/vault.ts';

export type House = {
  /** Base URL for browsers and providers, without a trailing slash. Known once the server listens. */
  readonly publicUrl: () => string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly doors: Doors;
  readonly vault: Vault;
  readonly authority: Authority;
  readonly reader: TokenReader;
  readonly authorize: Authorize;
  readonly readAudit: ReadAudit;
  readonly useNotes: UseNotes;
  /** The person signed in in this browser; null without a live session. */
  readonly actorBySession: (request: FastifyRequest) => Promise<Actor | null>;
  /** API token or browser session; Fault not_authenticated otherwise. */
  readonly authenticate: (request: FastifyRequest) => Promise<Actor>;
};
