// Lets a fixed number in at once; the others wait in the order in which they came.

export class WaitingLine {
  readonly #waiting: (() => void)[] = [];
  #freePlaces: number;

  constructor(places: number) {
    this.#freePlaces = places;
  }

  async enter(): Promise<void> {
    if (this.#freePlaces > 0) this.#freePlaces -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The place goes straight to the next in line, so that nobody overtakes. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#freePlaces += 1;
    else next();
  }
}
