// A plaintext secret on its short way from `vault.open` (or a request body) to its use. It cannot be printed:
// template strings, JSON, util.inspect and structuredClone all show a placeholder or nothing.

const placeholder = '[redacted]';

export class Plain {
  // One of the two is there from the start; a text becomes bytes only for those who ask for bytes.
  #bytes: Buffer | null;
  #text: string;

  private constructor(bytes: Buffer | null, text: string) {
    this.#bytes = bytes;
    this.#text = text;
  }

  static fromText(text: string): Plain {
    return new Plain(null, text);
  }

  /** Takes ownership of `bytes`: the caller must not write to them afterwards. */
  static fromBytes(bytes: Buffer): Plain {
    return new Plain(bytes, '');
  }

  /** The secret as UTF-8 text. The only way out, named so that a review can search for it. */
  revealText(): string {
    return this.#bytes === null ? this.#text : this.#bytes.toString('utf8');
  }

  revealBytes(): Buffer {
    if (this.#bytes === null) {
      this.#bytes = Buffer.from(this.#text, 'utf8');
      this.#text = '';
    }
    return this.#bytes;
  }

  get byteLength(): number {
    return this.revealBytes().length;
  }

  /** Overwrites the bytes. V8 strings made by `revealText` cannot be wiped (see SECURITY.md). */
  wipe(): void {
    this.revealBytes().fill(0);
  }

  toString(): string {
    return placeholder;
  }

  toJSON(): string {
    return placeholder;
  }

  [Symbol.toPrimitive](): string {
    return placeholder;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return placeholder;
  }
}
