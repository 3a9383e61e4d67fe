// Whether this process may begin a token request now. Asked before every arming, by the scheduler and by readers alike, so it
// reads memory only; whoever has a reason against new requests closes it here.
import type { Fault } from '../kernel/fault.ts';

export type RefreshGate = {
  readonly mayArm: () => boolean;
  /** What to tell a reader who cannot be served without a refresh; null when there is nothing to say but "later". */
  readonly refusal: () => Fault | null;
};

/** Open while every part of it is. The first part that has something to say answers the readers. */
export function joinGates(...gates: readonly RefreshGate[]): RefreshGate {
  return {
    mayArm: () => gates.every((gate) => gate.mayArm()),
    refusal: () => {
      for (const gate of gates) {
        const refusal = gate.refusal();
        if (refusal !== null) return refusal;
      }
      return null;
    },
  };
}
