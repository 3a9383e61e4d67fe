// Which scripted fault strikes the next request: the first in the list whose turn it is. So a list of single
// faults is used up in order, one per request.
import type { ScriptedFault } from './fault.ts';
import type { LedgerKind } from './ledger-record.ts';

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

  function isDue({ fault, seen }: Slot): boolean {
    const turn = seen - fault.skip;
    return turn >= 1 && turn % fault.every === 0;
  }

  function take(kind: LedgerKind, grant: string | null): ScriptedFault | null {
    const candidates = slots.filter((candidate) => matches(candidate, kind, grant));
    // All of them count the request, also those that another one beats to it.
    for (const candidate of candidates) candidate.seen += 1;
    const striking = candidates.find(isDue);
    if (striking === undefined) return null;
    striking.struck += 1;
    slots = slots.filter(({ fault, struck }) => fault.times === null || struck < fault.times);
    return striking.fault;
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
