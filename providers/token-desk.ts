// The way of every token and revocation request in both modes: entered in the ledger, through the weather and
// the scripted faults, executed, entered again, answered (or not).
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, jsonAnswer, sendAnswer } from './answer.ts';
import type { Behaviour } from './behaviour.ts';
import { executes } from './fault.ts';
import type { LedgerBook, LedgerExecution } from './ledger.ts';
import { fingerprint } from './ledger-record.ts';
import { createTokenDelivery, type Recipient } from './token-delivery.ts';
import { parseTokenRequest, readBody, shownParams, type TokenRequest } from './token-request.ts';
import type { TokenAnswer } from './token-shape.ts';
import type { WaitingRoom } from './waiting-room.ts';
import type { Weather } from './weather.ts';

/** What a request came to: tokens to be dressed, or a finished answer. `effect` is null when nothing changed. */
export type Execution = { readonly outcome: string; readonly effect: LedgerExecution | null } & (
  | { readonly tokens: TokenAnswer }
  | { readonly answer: Answer }
);

export type Directive = { readonly account: string | null; readonly grant: string | null };

export type Executor = {
  /** The grant that a request is about, before it is executed; null if its tokens are unknown. */
  readonly grantOf: (request: TokenRequest) => string | null;
  readonly execute: (request: TokenRequest, directive: Directive, req: IncomingMessage) => Promise<Execution>;
};

export type TokenDeskOptions = {
  readonly behaviour: Behaviour;
  readonly ledger: LedgerBook;
  readonly weather: Weather;
  readonly room: WaitingRoom;
  readonly executor: () => Executor;
};

export type TokenDesk = (
  req: IncomingMessage,
  res: ServerResponse,
  endpoint: 'token' | 'revoke',
) => Promise<void>;

type Visit = Recipient & {
  readonly req: IncomingMessage;
  readonly request: TokenRequest;
  readonly executor: Executor;
  readonly grant: string | null;
};

export function createTokenDesk(options: TokenDeskOptions): TokenDesk {
  const { behaviour, ledger, weather, room } = options;
  const delivery = createTokenDelivery({ behaviour, room });

  return async (req, res, endpoint) => {
    const raw = await readBody(req);
    if (raw === null) {
      return sendAnswer(res, jsonAnswer(413, { error: 'invalid_request' }, { connection: 'close' }));
    }
    const request = parseTokenRequest(req, raw, endpoint);
    const executor = options.executor();
    const mode = behaviour.mode();
    const presented = request.params.get(endpoint === 'revoke' ? 'token' : 'refresh_token');
    const print = presented === undefined ? null : fingerprint(presented);
    const grant = executor.grantOf(request) ?? (print === null ? null : ledger.grantOfRefreshToken(print));
    const entry = ledger.open({
      mode,
      kind: request.kind,
      grant,
      client: request.clientId,
      peer: request.peer,
      agent: request.agent,
      clientAuthStyle: request.authStyle,
      params: shownParams(request.params),
      refreshTokenPresented: print,
      accessTokenPresented: null,
    });
    res.once('close', entry.left);
    try {
      await serve({ req, res, request, executor, entry, grant, mode, accept: request.accept });
    } finally {
      entry.end();
    }
  };

  async function serve(visit: Visit): Promise<void> {
    const { req, res, request, executor, entry, grant } = visit;
    const storm = await weather.meet(res, { countRate: true });
    if (storm !== null) {
      entry.note({ outcome: storm.outcome });
      if (storm.answer !== null) delivery.answer(visit, storm.answer);
      return;
    }
    const fault = behaviour.schedule.take(request.kind, grant);
    if (fault !== null) entry.note({ fault: fault.fault });
    if (fault?.fault === 'hang' && fault.when === 'before') {
      const end = await room.wait(res, { ms: fault.ms, leaveWithClient: fault.ms === null });
      if (end === 'gone' || end === 'closed') return entry.note({ outcome: 'never_executed' });
    } else if (fault !== null && !executes(fault)) {
      entry.note({ outcome: fault.fault === 'oauth_error' ? fault.error : fault.fault });
      return delivery.spoil(visit, fault, null);
    }
    const account = fault?.fault === 'other_account' ? fault.account : null;
    const execution = await executor.execute(request, { account, grant }, req);
    entry.note({ outcome: execution.outcome });
    if (execution.effect !== null) await entry.executed(execution.effect);
    const honest = 'answer' in execution ? execution.answer : delivery.dress(visit, execution.tokens, fault);
    await weather.delay(res);
    if (fault === null || fault.fault === 'shape' || fault.fault === 'other_account') {
      return delivery.answer(visit, honest);
    }
    await delivery.spoil(visit, fault, honest);
  }
}
