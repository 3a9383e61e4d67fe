// A plaintext secret on its short way from `vault.open` (or a request body) to its use. It cannot be printed:
// template strings, JSON, util.inspect and structuredClone all show a placeholder or nothing.

const placeholder = '[redacted]';

export class Plain {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  static fromText(text: string): Plain {
    return new Plain(Buffer.from(text, 'utf8'));
  }

  /** Takes ownership of `bytes`: the caller must not write to them afterwards. */
  static fromBytes(bytes: Buffer): Plain {
    return new Plain(bytes);
  }

  /** The secret as UTF-8 text. The only way out, named so that a review can search for it. */
  revealText(): string {
    return this.#bytes.toString('utf8');
  }

  revealBytes(): Buffer {
    return this.#bytes;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Overwrites the bytes. V8 strings made by `revealText` cannot be wiped (see SECURITY.md). */
  wipe(): void {
    this.#bytes.fill(0);
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
