import { expect, test } from 'vitest';
import { createLog } from '../kernel/log.ts';
import { createDial } from './egress.ts';
import { createFailedDials } from './failed-dials.ts';

function recorded() {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'info', stream: { write: (line) => void lines.push(JSON.parse(line)) } });
  const minutes: (() => void)[] = [];
  const every = (_ms: number, work: () => void) => {
    minutes.push(work);
    return () => void minutes.splice(minutes.indexOf(work), 1);
  };
  return { lines, log, every, minutes, passMinute: () => minutes[0]?.() };
}

test('a component that dials in a loop is told of once a minute, with how often it failed', async () => {
  const { lines, log, every, minutes, passMinute } = recorded();
  const dial = createDial({ allow: [], log, every });
  const { signal } = new AbortController();
  const flood = async (tenant: string) => {
    for (let time = 0; time < 500; time += 1) await dial('127.0.0.1', 80, { tenant, signal }).catch(() => {});
  };
  await flood('loud');
  await dial('127.0.0.1', 80, { tenant: 'quiet', signal }).catch(() => {});
  expect(lines).toMatchObject([
    { tenant: 'loud', host: '127.0.0.1', port: 80, fault: 'egress_refused' },
    { tenant: 'quiet', host: '127.0.0.1', port: 80 },
  ]);
  passMinute();
  expect(lines.slice(2)).toMatchObject([{ tenant: 'loud', times: 499 }]);
  expect(minutes).toHaveLength(0);
  await flood('loud');
  expect(lines.slice(3)).toMatchObject([{ tenant: 'loud', host: '127.0.0.1', port: 80 }]);
});

test('a component that walks through ports and names fills no log', () => {
  const { lines, log, every, passMinute } = recorded();
  const note = createFailedDials(log, every);
  for (let port = 1; port <= 1_000; port += 1) note({ tenant: 'a', host: `h${port}.example`, port }, {});
  expect(lines).toHaveLength(20);
  passMinute();
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toMatchObject({ tenant: 'a', times: 980 });
});
