// What a start leaves behind: loading the code fills the engine's heap, and an idle server allocates so little that the
// engine finds no reason to look at it again for hours. One collection gives back a quarter of the process's memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Until then the start's own last work is done. */
const afterMs = 2_000;

/** Blocks for some 40 ms, once. */
export function giveBackMemorySoon(): void {
  const timer = setTimeout(() => {
    // The only way to the collector without a flag on the command line, which not everybody starts us with.
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
    collect();
    collect();
  }, afterMs);
  timer.unref();
}
