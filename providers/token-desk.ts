// The way of every token and revocation request in both modes: entered in the ledger, through the weather and
// the scripted faults, executed, entered again, answered (or not).
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, jsonAnswer, resetConnection, sendAnswer, sendTruncated } from './answer.ts';
import type { Behaviour } from './behaviour.ts';
import { executes, type ScriptedFault } from './fault.ts';
import { faultAnswer } from './fault-answer.ts';
import { fingerprint, type LedgerBook, type LedgerEntry, type LedgerExecution } from './ledger.ts';
import { parseTokenRequest, readBody, shownParams, type TokenRequest } from './token-request.ts';
import { shapeTokens, type TokenAnswer } from './token-shape.ts';
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

export function createTokenDesk(options: TokenDeskOptions): TokenDesk {
  const { behaviour, ledger, weather, room } = options;

  return async (req, res, endpoint) => {
    const raw = await readBody(req);
    if (raw === null)
      return sendAnswer(res, jsonAnswer(413, { error: 'invalid_request' }, { connection: 'close' }));
    const request = parseTokenRequest(req, raw, endpoint);
    const executor = options.executor();
    const presented = request.params.get(endpoint === 'revoke' ? 'token' : 'refresh_token');
    const print = presented === undefined ? null : fingerprint(presented);
    const grant = executor.grantOf(request) ?? (print === null ? null : ledger.grantOfRefreshToken(print));
    const entry = ledger.open({
      mode: behaviour.mode(),
      kind: request.kind,
      grant,
      client: request.clientId,
      peer: request.peer,
      clientAuthStyle: request.authStyle,
      params: shownParams(request.params),
      refreshTokenPresented: print,
      accessTokenPresented: null,
    });
    res.once('close', entry.left);
    try {
      await serve({ req, res, request, executor, entry, grant });
    } finally {
      entry.end();
    }
  };

  type Visit = {
    readonly req: IncomingMessage;
    readonly res: ServerResponse;
    readonly request: TokenRequest;
    readonly executor: Executor;
    readonly entry: LedgerEntry;
    readonly grant: string | null;
  };

  async function serve(visit: Visit): Promise<void> {
    const { req, res, request, executor, entry, grant } = visit;
    const refusedByWeather = await weather.meet(res, { countRate: true });
    if (refusedByWeather !== null) {
      entry.note({ outcome: refusedByWeather.outcome });
      if (refusedByWeather.answer !== null) answer(visit, refusedByWeather.answer);
      return;
    }
    const fault = behaviour.schedule.take(request.kind, grant);
    if (fault !== null) entry.note({ fault: fault.fault });
    if (fault?.fault === 'hang' && fault.when === 'before') {
      const end = await room.wait(res, { ms: fault.ms, leaveWithClient: fault.ms === null });
      if (end === 'gone' || end === 'closed') return entry.note({ outcome: 'never_executed' });
    } else if (fault !== null && !executes(fault)) {
      entry.note({ outcome: fault.fault === 'oauth_error' ? fault.error : fault.fault });
      return spoil(visit, fault, null);
    }
    const account = fault?.fault === 'other_account' ? fault.account : null;
    const execution = await executor.execute(request, { account, grant }, req);
    entry.note({ outcome: execution.outcome });
    if (execution.effect !== null) await entry.executed(execution.effect);
    const dressed = dress(execution, request, fault);
    await weather.delay(res);
    if (fault === null || fault.fault === 'shape' || fault.fault === 'other_account') answer(visit, dressed);
    else await spoil(visit, fault, dressed);
  }

  function dress(execution: Execution, request: TokenRequest, fault: ScriptedFault | null): Answer {
    if ('answer' in execution) return execution.answer;
    const quirk = behaviour.quirk();
    const base = behaviour.mode() === 'quirky' ? quirk.shape : {};
    const shape = fault?.fault === 'shape' ? { ...base, ...fault.shape } : base;
    const { accept } = request;
    const separator = behaviour.mode() === 'quirky' ? quirk.scopeSeparator : ' ';
    return shapeTokens(execution.tokens, shape, {
      accept,
      now: behaviour.shownNow(),
      scopeSeparator: separator,
    });
  }

  // The ledger closes before the first byte leaves: no client can act on an answer that is not yet in it.
  function answer({ res, entry }: Visit, whole: Answer): void {
    if (res.destroyed) return;
    entry.answered(whole.status);
    entry.end();
    sendAnswer(res, whole, behaviour.shownNow());
  }

  async function spoil(visit: Visit, fault: ScriptedFault, honest: Answer | null): Promise<void> {
    const { res, entry } = visit;
    if (res.destroyed) return;
    switch (fault.fault) {
      case 'reset':
        entry.end();
        return resetConnection(res);
      case 'truncate':
        entry.end();
        return sendTruncated(res, honest ?? jsonAnswer(200, {}));
      case 'hang': {
        if (fault.when === 'after') {
          const end = await room.wait(res, { ms: fault.ms, leaveWithClient: true });
          if (end === 'gone' || end === 'closed') return;
        }
        return answer(visit, honest ?? jsonAnswer(500, { error: 'server_error' }));
      }
      default:
        return answer(visit, faultAnswer(fault));
    }
  }
}
