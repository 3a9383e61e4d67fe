import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { createClosers } from './closers.ts';
import { silentLog } from './log.ts';

test('what was opened last is closed first, and neither a failure nor one that never ends holds up the others', async () => {
  const closed: string[] = [];
  const warnings: string[] = [];
  const closers = createClosers(
    { log: { ...silentLog, warn: (text) => warnings.push(text) }, clock: systemClock },
    50,
  );
  closers.add('database', () => closed.push('database'));
  closers.add('failing', () => {
    throw new Error('no');
  });
  closers.add('frozen', () => new Promise(() => {}), 10);
  closers.add('server', async () => closed.push('server'));
  await Promise.all([closers.closeAll(), closers.closeAll()]);
  expect(closed).toEqual(['server', 'database']);
  expect(warnings).toEqual([
    'closing frozen takes too long, and is not waited for',
    'closing failing failed',
  ]);
});
