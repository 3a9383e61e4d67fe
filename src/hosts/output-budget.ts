// Bounds what one step may write: text that is kept, and bytes that are read at all. A component that writes for
// ever would otherwise fill our memory, or keep our one thread busy reading.
import { StringDecoder } from 'node:string_decoder';

export type OutputBudget = {
  /** What may still be kept of `text`; '' when the allowance is used up. */
  readonly take: (text: string) => string;
  /** True once the component has sent more than anybody reads. */
  readonly isFlooded: (bytes: number) => boolean;
};

const maxKeptCharacters = 256 * 1024;
const maxReadBytes = 64 * 1024 * 1024;
const maxLineLength = 16 * 1024;

export function createOutputBudget(onExhausted: () => void): OutputBudget {
  let keptCharacters = 0;
  let readBytes = 0;
  let isExhausted = false;
  return {
    take: (text) => {
      const kept = text.slice(0, Math.max(0, maxKeptCharacters - keptCharacters));
      keptCharacters += kept.length + 1;
      if (kept.length < text.length && !isExhausted) {
        isExhausted = true;
        onExhausted();
      }
      return kept;
    },
    isFlooded: (bytes) => {
      readBytes += bytes;
      return readBytes > maxReadBytes;
    },
  };
}

/** Cuts a stream of bytes into lines; an endless line is cut at a fixed length. */
export function createLineReader(onLine: (line: string) => void): {
  readonly read: (chunk: Buffer) => void;
  readonly end: () => void;
} {
  const decoder = new StringDecoder('utf8');
  let pending = '';
  const cut = (): void => {
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) onLine(line.slice(0, maxLineLength));
    while (pending.length > maxLineLength) {
      onLine(pending.slice(0, maxLineLength));
      pending = pending.slice(maxLineLength);
    }
  };
  return {
    read: (chunk) => {
      pending += decoder.write(chunk);
      cut();
    },
    end: () => {
      pending += decoder.end();
      cut();
      if (pending !== '') onLine(pending);
      pending = '';
    },
  };
}
