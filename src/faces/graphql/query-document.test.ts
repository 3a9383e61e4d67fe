// What is refused before anybody validates it: by words, however deep it goes.
import { expect, test } from 'vitest';
import { isFault } from '../../kernel/fault.ts';
import { createDocumentReader, limits } from './query-document.ts';

const nested = (open: string, inner: string, close: string, times: number): string =>
  open.repeat(times) + inner + close.repeat(times);

test('text that nests deeper than the stack is refused in words', () => {
  const read = createDocumentReader();
  const most = limits.tokens - 100;
  const texts = [
    `{credential(id:${nested('[', '', ']', most / 2)}){id}}`,
    `{credential(id:${'['.repeat(most)}`,
    `{credential(id:${'{a:'.repeat(most / 3)}`,
    `query($a:${nested('[', 'ID', ']', most / 2)}){a}`,
    '{a'.repeat(most / 2),
  ];
  // The deeper a request stands already, the less is left: the library's own recursion must not decide.
  const atDepth = (depth: number, text: string): unknown => {
    if (depth > 0) return [atDepth(depth - 1, text)][0];
    try {
      return read(text);
    } catch (error) {
      return error;
    }
  };
  for (const text of texts) {
    for (const depth of [0, 2_000, 4_000]) {
      const answer = atDepth(depth, text);
      const isWords = isFault(answer, 'bad_request') || (answer as Error).name === 'GraphQLError';
      expect([text.slice(0, 30), depth, isWords ? 'words' : String(answer)]).toEqual([
        text.slice(0, 30),
        depth,
        'words',
      ]);
    }
  }
});
