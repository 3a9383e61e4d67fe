// Explores the real protocol and its mutants, and says for each whether it came out as it must.
import { type Exploration, explore } from './explore.ts';
import type { Mutant } from './mutants.ts';
import { type ProviderMode, providerModes } from './provider-mode.ts';
import { refreshSystem, type Size } from './refresh-system.ts';
import { realRules } from './rules.ts';

export type Judged = {
  readonly variant: string;
  readonly words: string;
  readonly isMutant: boolean;
  readonly mode: ProviderMode;
  readonly size: Size;
  readonly ok: boolean;
  readonly exploration: Exploration;
};

const left = { successes: 2, crashes: 1, losses: 1, disconnects: 1, troubles: 1, edits: 0 };
const usual: Size = { workers: 3, left };
/** Setting tokens by hand doubles the worlds: it gets rows of its own, with less else going on. */
const byHand: Size = { workers: 2, left: { ...left, troubles: 0, edits: 1 } };
const handSetModes = ['strict', 'grace'] as const;
/** Minutes of work, and nothing that the usual size has not shown so far. */
const large: Size = { workers: 3, left: { ...left, successes: 3, edits: 1 } };
const edited: Size = { workers: 3, left: { ...left, edits: 1 } };

const largeMaxStates = 12_000_000;

export function* judgeReal(isDeep: boolean): Generator<Judged> {
  for (const mode of providerModes) yield judgeOneReal('the protocol', mode, isDeep ? large : usual);
  if (isDeep) return;
  for (const mode of handSetModes) yield judgeOneReal('the protocol, hand-set tokens', mode, byHand);
}

function judgeOneReal(variant: string, mode: ProviderMode, size: Size): Judged {
  const exploration = explore(refreshSystem({ rules: realRules, mode }, size), largeMaxStates);
  const words = 'as the code has it';
  return { variant, words, isMutant: false, mode, size, ok: exploration.finding === null, exploration };
}

export function judgeMutant({ name, words, change, mode, breaks }: Mutant): Judged {
  const rules = { ...realRules, ...change };
  const size = change.secretEdit !== undefined || change.keptTokenWaits !== undefined ? edited : usual;
  const exploration = explore(refreshSystem({ rules, mode }, size));
  const { finding } = exploration;
  const ok = finding !== null && breaks.includes(finding.rule);
  return { variant: name, words, isMutant: true, mode, size, ok, exploration };
}
