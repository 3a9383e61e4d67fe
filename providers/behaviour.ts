// The emulator's present character: its mode, its quirks and what time it believes it is.
import type { Clock } from '../src/kernel/clock.ts';
import { createFaultSchedule, type FaultSchedule } from './fault-schedule.ts';
import { parseQuirk, type Quirk, type QuirkInput } from './quirk.ts';
import { presetInput } from './quirks.ts';

export type ModeChange = {
  /** Default: quirky as soon as a preset or a quirk of one's own is named, else standards. */
  readonly mode?: 'standards' | 'quirky';
  /** Presets, merged from left to right. */
  readonly quirks?: readonly string[];
  /** Own settings on top of them. */
  readonly set?: QuirkInput;
};

export type Behaviour = {
  readonly mode: () => 'standards' | 'quirky';
  readonly quirk: () => Quirk;
  readonly presets: () => readonly string[];
  readonly schedule: FaultSchedule;
  /** Replaces everything by defaults + presets + settings. */
  readonly become: (change: ModeChange) => void;
  /** Lays some settings over the present ones. */
  readonly adjust: (settings: QuirkInput) => void;
  /** The provider's own time: the machine's, plus what tests let pass. */
  readonly now: () => Date;
  /** What the provider's clock shows: `now` plus its error. */
  readonly shownNow: () => Date;
  readonly advance: (seconds: number) => void;
};

export function createBehaviour(clock: Clock, initial: ModeChange): Behaviour {
  const schedule = createFaultSchedule();
  let mode: 'standards' | 'quirky' = 'standards';
  let presets: readonly string[] = [];
  let quirk = parseQuirk({});
  let advancedMs = 0;

  function become(change: ModeChange): void {
    const names = change.quirks ?? [];
    const merged = [...names.map(presetInput), change.set ?? {}].reduce<QuirkInput>(layOver, {});
    quirk = parseQuirk(merged);
    presets = names;
    mode = modeOf(change);
    schedule.replace(quirk.faults);
  }

  const now = () => new Date(clock.now().getTime() + advancedMs);
  become(initial);
  return {
    mode: () => mode,
    quirk: () => quirk,
    presets: () => presets,
    schedule,
    become,
    adjust: (settings) => {
      quirk = parseQuirk(layOver({ ...quirk, faults: [] }, settings));
      if (settings.faults !== undefined) schedule.replace(quirk.faults);
    },
    now,
    shownNow: () => new Date(now().getTime() + quirk.clockOffsetSeconds * 1000),
    advance: (seconds) => {
      advancedMs += seconds * 1000;
    },
  };
}

/** Which mode a change leads to. */
export function modeOf({ mode, quirks, set }: ModeChange): 'standards' | 'quirky' {
  return mode ?? ((quirks?.length ?? 0) > 0 || set !== undefined ? 'quirky' : 'standards');
}

/** Later settings win; odd shapes and scripted faults add up. */
function layOver(below: QuirkInput, above: QuirkInput): QuirkInput {
  return {
    ...below,
    ...above,
    shape: { ...below.shape, ...above.shape, fields: { ...below.shape?.fields, ...above.shape?.fields } },
    faults: [...(below.faults ?? []), ...(above.faults ?? [])],
  };
}
