// How the answer to a token request leaves the house: dressed, whole, spoilt or not at all.
import type { ServerResponse } from 'node:http';
import { type Answer, jsonAnswer, resetConnection, sendAnswer, sendTruncated } from './answer.ts';
import type { Behaviour } from './behaviour.ts';
import type { ScriptedFault } from './fault.ts';
import { faultAnswer } from './fault-answer.ts';
import type { LedgerEntry } from './ledger.ts';
import { shapeTokens, type TokenAnswer } from './token-shape.ts';
import type { WaitingRoom } from './waiting-room.ts';

export type Recipient = {
  readonly res: ServerResponse;
  readonly entry: LedgerEntry;
  readonly mode: 'standards' | 'quirky';
  readonly accept: string;
};

export type TokenDelivery = {
  readonly dress: (to: Recipient, tokens: TokenAnswer, fault: ScriptedFault | null) => Answer;
  readonly answer: (to: Recipient, whole: Answer) => void;
  /** `honest` is what would have been answered; null if nothing was executed. */
  readonly spoil: (to: Recipient, fault: ScriptedFault, honest: Answer | null) => Promise<void>;
};

export function createTokenDelivery(options: {
  readonly behaviour: Behaviour;
  readonly room: WaitingRoom;
}): TokenDelivery {
  const { behaviour, room } = options;

  function dress(to: Recipient, tokens: TokenAnswer, fault: ScriptedFault | null): Answer {
    const quirk = behaviour.quirk();
    const base = to.mode === 'quirky' ? quirk.shape : {};
    return shapeTokens(tokens, fault?.fault === 'shape' ? { ...base, ...fault.shape } : base, {
      accept: to.accept,
      now: behaviour.shownNow(),
      scopeSeparator: to.mode === 'quirky' ? quirk.scopeSeparator : ' ',
    });
  }

  // The ledger closes before the first byte leaves: no client can act on an answer that is not yet in it.
  function answer({ res, entry }: Recipient, whole: Answer): void {
    if (res.destroyed) return;
    entry.answered(whole.status);
    entry.end();
    sendAnswer(res, whole, behaviour.shownNow());
  }

  async function spoil(to: Recipient, fault: ScriptedFault, honest: Answer | null): Promise<void> {
    const { res, entry } = to;
    if (res.destroyed) return;
    switch (fault.fault) {
      case 'reset':
        entry.end();
        return resetConnection(res);
      case 'truncate':
        entry.end();
        return sendTruncated(res, honest ?? jsonAnswer(200, {}));
      case 'hang':
        if (fault.when === 'after') {
          const end = await room.wait(res, { ms: fault.ms, leaveWithClient: true });
          if (end === 'gone' || end === 'closed') return;
        }
        return answer(to, honest ?? jsonAnswer(500, { error: 'server_error' }));
      default:
        return answer(to, faultAnswer(fault));
    }
  }

  return { dress, answer, spoil };
}
