// Explores every state that a system can reach, breadth first: what is found broken is found on a shortest way. Knows
// nothing of refreshing.

export type Step<S> = {
  readonly words: string;
  readonly to: S;
  /** What happens by itself if nothing goes wrong and nobody interferes; only such steps count as a way out. */
  readonly isOrdinary: boolean;
};

export type System<S> = {
  readonly initial: S;
  /** Equal for states that differ in nothing that matters. */
  readonly key: (state: S) => string;
  /** Always in the same order. */
  readonly stepsOf: (state: S) => readonly Step<S>[];
  /** The name of the rule that this state breaks. */
  readonly brokenRule: (state: S) => string | null;
  /** Where it may rest. Each state must have a way to such a one by ordinary steps alone. */
  readonly rest: { readonly rule: string; readonly isAtRest: (state: S) => boolean } | null;
};

export type Finding = { readonly rule: string; readonly trace: readonly string[] };

export type Exploration = {
  readonly states: number;
  readonly transitions: number;
  /** Steps to the farthest state. */
  readonly depth: number;
  readonly finding: Finding | null;
};

/** Guards the machine's memory against a system that has no end. */
const defaultMaxStates = 5_000_000;

export function explore<S>(system: System<S>, maxStates = defaultMaxStates): Exploration {
  const { key, stepsOf, brokenRule, rest } = system;
  const found = new Map<string, number>([[key(system.initial), 0]]);
  const origins: Origins = { from: [-1], turn: [0] };
  const ways: Ways | null = rest === null ? null : { starts: [], targets: [], atRest: [] };
  let transitions = 0;
  let depth = 0;
  const result = (finding: Finding | null): Exploration => ({
    states: found.size,
    transitions,
    depth,
    finding,
  });
  const traceTo = (state: number) => traceOf(system, origins, state);

  const first = brokenRule(system.initial);
  if (first !== null) return result({ rule: first, trace: [] });
  let from = 0;
  for (let level: S[] = [system.initial]; level.length > 0; depth += 1) {
    const next: S[] = [];
    for (const state of level) {
      ways?.starts.push(ways.targets.length);
      if (rest?.isAtRest(state)) ways?.atRest.push(from);
      let turn = -1;
      for (const step of stepsOf(state)) {
        turn += 1;
        transitions += 1;
        const name = key(step.to);
        let target = found.get(name);
        if (target === undefined) {
          target = found.size;
          if (target >= maxStates) throw new Error(`More than ${maxStates} states.`);
          found.set(name, target);
          origins.from.push(from);
          origins.turn.push(turn);
          const rule = brokenRule(step.to);
          if (rule !== null) return result({ rule, trace: traceTo(target) });
          next.push(step.to);
        }
        if (step.isOrdinary) ways?.targets.push(target);
      }
      from += 1;
    }
    level = next;
    if (next.length === 0) break;
  }
  const stuck = ways === null ? null : firstStuck(ways, found.size);
  return result(stuck === null || rest === null ? null : { rule: rest.rule, trace: traceTo(stuck) });
}

/** Of each state: from which it was found, and by which of its steps. */
type Origins = { readonly from: number[]; readonly turn: number[] };

/** Where ordinary steps lead: those of state n are targets[starts[n]] to targets[starts[n + 1] - 1]. */
type Ways = { readonly starts: number[]; readonly targets: number[]; readonly atRest: number[] };

/** Walks the way once more: only numbers are kept of the states. */
function traceOf<S>(system: System<S>, origins: Origins, state: number): string[] {
  const turns: number[] = [];
  for (let at = state; at > 0; at = origins.from[at] ?? 0) turns.unshift(origins.turn[at] ?? 0);
  const trace: string[] = [];
  let current = system.initial;
  for (const turn of turns) {
    const step = system.stepsOf(current)[turn];
    if (step === undefined) throw new Error('The steps of a state are not always the same.');
    trace.push(step.words);
    current = step.to;
  }
  return trace;
}

/** The first state from which no ordinary steps lead to rest; the search goes backwards from where it rests. */
function firstStuck(ways: Ways, states: number): number | null {
  const { starts, targets } = ways;
  const ends = (state: number) => starts[state + 1] ?? targets.length;
  const firstIn = new Int32Array(states).fill(-1);
  const nextIn = new Int32Array(targets.length);
  const sources = new Int32Array(targets.length);
  for (let state = 0; state < states; state += 1) {
    for (let way = starts[state] ?? 0; way < ends(state); way += 1) {
      const target = targets[way] ?? 0;
      sources[way] = state;
      nextIn[way] = firstIn[target] ?? -1;
      firstIn[target] = way;
    }
  }
  const reaches = new Uint8Array(states);
  const open = [...ways.atRest];
  for (const state of open) reaches[state] = 1;
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (let way = firstIn[state] ?? -1; way >= 0; way = nextIn[way] ?? -1) {
      const source = sources[way] ?? 0;
      if (reaches[source] === 1) continue;
      reaches[source] = 1;
      open.push(source);
    }
  }
  const stuck = reaches.indexOf(0);
  return stuck === -1 ? null : stuck;
}
