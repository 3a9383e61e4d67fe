// What the demo says when something did not hold: one sentence for people, and no stack, because the reader is not
// expected to mend the demo.

export class StepFailure extends Error {
  override readonly name = 'StepFailure';
}

/** What the story relies on. `claim` says what should be true, so that its failure reads as "not true: ...". */
export function hold(isTrue: boolean, claim: string): asserts isTrue {
  if (!isTrue) throw new StepFailure(`did not hold: ${claim}`);
}

/** Asks again until `ask` answers something, for at most `seconds`. */
export async function waitFor<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | null> | T | null,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const found = await ask();
    if (found !== null) return found;
    if (performance.now() > end) throw new StepFailure(`waited ${seconds} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}
