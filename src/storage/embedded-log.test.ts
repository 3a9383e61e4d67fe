import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { createLog } from '../kernel/log.ts';
import { forwardLog } from './embedded-process.ts';

test('a line of the database is one JSON object in which no key stands twice', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'debug', stream: { write: (line) => void lines.push(line) } });
  const words = Readable.from(['2030-01-01 UTC [1] FATAL:  the disk is full\n']);
  forwardLog(words, log);
  await new Promise((resolve) => words.once('end', resolve));
  const keys = [...(lines[0] ?? '').matchAll(/"(\w+)":/g)].map((match) => match[1]);
  expect(keys).toEqual([...new Set(keys)]);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 40,
    severity: 'FATAL',
    said: 'the disk is full',
  });
});
