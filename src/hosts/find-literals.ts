// Finds many literals in a text in one pass (Aho-Corasick, 1975): its time grows with the text alone, however many
// literals there are and however they overlap, so that nobody can make it slow by choosing them.

export type Found = { readonly start: number; readonly end: number };

/** `find` answers where any of the literals stands, in order; where they overlap, as one stretch. */
export function createLiteralFinder(literals: Iterable<string>): (text: string) => readonly Found[] {
  /** From a state by a UTF-16 unit to the next state. State 0: nothing read yet. */
  const steps = new Map<number, number>();
  const next = (state: number, unit: number) => steps.get(state * 0x1_0000 + unit);
  /** By state: the literal that ends there, and where to go on when the text does. */
  const endingLength: number[] = [0];
  const fallback: number[] = [0];
  const order: {
    readonly state: number;
    readonly parent: number;
    readonly unit: number;
    readonly depth: number;
  }[] = [];
  for (const literal of literals) {
    let state = 0;
    for (let at = 0; at < literal.length; at += 1) {
      const unit = literal.charCodeAt(at);
      let following = next(state, unit);
      if (following === undefined) {
        following = endingLength.length;
        steps.set(state * 0x1_0000 + unit, following);
        endingLength.push(0);
        fallback.push(0);
        order.push({ state: following, parent: state, unit, depth: at + 1 });
      }
      state = following;
    }
    endingLength[state] = literal.length;
  }
  const advance = (from: number, unit: number): number => {
    let state = from;
    for (;;) {
      const following = next(state, unit);
      if (following !== undefined) return following;
      if (state === 0) return 0;
      state = fallback[state] ?? 0;
    }
  };
  // Shallow ones first: each falls back to a shallower one.
  for (const { state, parent, unit, depth } of order.toSorted((one, other) => one.depth - other.depth)) {
    const to = depth === 1 ? 0 : advance(fallback[parent] ?? 0, unit);
    fallback[state] = to;
    // The longest that ends here covers the shorter ones.
    endingLength[state] ||= endingLength[to] ?? 0;
  }
  return (text) => {
    const found: Found[] = [];
    let state = 0;
    for (let at = 0; at < text.length; at += 1) {
      state = advance(state, text.charCodeAt(at));
      const length = endingLength[state] ?? 0;
      if (length > 0) addStretch(found, at + 1 - length, at + 1);
    }
    return found;
  };
}

function addStretch(found: Found[], from: number, end: number): void {
  let start = from;
  for (let last = found.at(-1); last !== undefined && last.end > start; last = found.at(-1)) {
    start = Math.min(start, last.start);
    found.pop();
  }
  found.push({ start, end });
}
