import { expect, test } from 'vitest';
import { createLog } from './log.ts';

test('what would be redacted does not compile as a field, and is redacted where it comes in all the same', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', stream: { write: (line) => void lines.push(line) } });
  // @ts-expect-error an error's code is a `fault`
  log.warn('failed', { code: 'one' });
  // @ts-expect-error a record is named by its id
  log.warn('failed', { authorization: 'two' });
  log.warn('failed', { fault: 'three', authorizationId: 'four' });
  expect(lines.slice(0, 2).join()).not.toMatch(/one|two/);
  expect(JSON.parse(lines[2] ?? '')).toMatchObject({ fault: 'three', authorizationId: 'four' });
});
