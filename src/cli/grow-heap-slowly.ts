// How far the engine lets garbage pile up. On its own it goes by the memory of the machine: with much of it, the heap of a
// server that refreshes all the time grows to four times what is alive before anything is collected. A service leaves the
// machine to others; collecting more often costs it a few percent of its processor time while it is busy.
import { setFlagsFromString } from 'node:v8';

/** Of what was alive after the last collection. */
const growthPercent = 30;

/** Takes effect with the next collection of the whole heap. */
export function growHeapSlowly(): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
}
