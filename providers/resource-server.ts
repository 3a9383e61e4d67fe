// A small API that lives on the emulator's tokens: it proves whether an access token is good.
import type { IncomingMessage } from 'node:http';
import { accountClaims } from './account.ts';
import { type Answer, jsonAnswer } from './answer.ts';
import type { LedgerBook } from './ledger.ts';
import { fingerprint } from './ledger-record.ts';

/** What a live token stands for. */
export type LiveToken = {
  readonly account: string;
  readonly grant: string;
  readonly client: string;
  readonly scopes: readonly string[];
};

export type ResourceServer = {
  readonly resource: (req: IncomingMessage) => Answer;
  readonly userinfo: (req: IncomingMessage) => Answer;
};

export function createResourceServer(options: {
  readonly findLive: (token: string) => LiveToken | null;
  readonly mode: () => 'standards' | 'quirky';
  readonly userinfoAccount: () => string | null;
  readonly ledger: LedgerBook;
}): ResourceServer {
  function admit(req: IncomingMessage, answer: (live: LiveToken) => Answer): Answer {
    const token = /^(?:bearer|token) (\S+)$/i.exec(req.headers.authorization ?? '')?.[1] ?? null;
    const live = token === null ? null : options.findLive(token);
    if (live !== null) {
      options.ledger.countAcceptedUse();
      return answer(live);
    }
    const entry = options.ledger.open({
      mode: options.mode(),
      kind: 'resource',
      grant: null,
      client: null,
      peer: `${req.socket.remoteAddress ?? '?'}:${req.socket.remotePort ?? 0}`,
      agent: req.headers['user-agent']?.slice(0, 200) ?? null,
      clientAuthStyle: 'none',
      params: {},
      refreshTokenPresented: null,
      accessTokenPresented: token === null ? null : fingerprint(token),
    });
    entry.note({ outcome: token === null ? 'no_token' : 'invalid_token' });
    entry.answered(401);
    entry.end();
    return jsonAnswer(
      401,
      { error: 'invalid_token' },
      { 'www-authenticate': 'Bearer error="invalid_token"' },
    );
  }

  return {
    resource: (req) => admit(req, (live) => jsonAnswer(200, { ok: true, ...live })),
    userinfo: (req) =>
      admit(req, (live) => jsonAnswer(200, accountClaims(options.userinfoAccount() ?? live.account))),
  };
}
