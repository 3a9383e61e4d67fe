// Which scripted fault strikes the next request. First match in the list wins; each counts its own matches.
import type { ScriptedFault } from './fault.ts';
import type { LedgerKind } from './ledger.ts';

export type FaultSchedule = {
  readonly replace: (faults: readonly ScriptedFault[]) => void;
  readonly append: (faults: readonly ScriptedFault[]) => void;
  readonly take: (kind: LedgerKind, grant: string | null) => ScriptedFault | null;
  readonly waiting: () => number;
};

type Slot = { readonly fault: ScriptedFault; seen: number; struck: number };

export function createFaultSchedule(): FaultSchedule {
  let slots: Slot[] = [];
  const slot = (fault: ScriptedFault): Slot => ({ fault, seen: 0, struck: 0 });

  function matches({ fault }: Slot, kind: LedgerKind, grant: string | null): boolean {
    const rightKind = fault.on === 'any' ? kind !== 'resource' : fault.on === kind;
    return rightKind && (fault.grant === undefined || fault.grant === grant);
  }

  function take(kind: LedgerKind, grant: string | null): ScriptedFault | null {
    for (const candidate of slots) {
      if (!matches(candidate, kind, grant)) continue;
      candidate.seen += 1;
      const turn = candidate.seen - candidate.fault.skip;
      if (turn < 1 || turn % candidate.fault.every !== 0) continue;
      candidate.struck += 1;
      slots = slots.filter(({ fault, struck }) => fault.times === null || struck < fault.times);
      return candidate.fault;
    }
    return null;
  }

  return {
    replace: (faults) => {
      slots = faults.map(slot);
    },
    append: (faults) => {
      slots.push(...faults.map(slot));
    },
    take,
    waiting: () => slots.length,
  };
}
