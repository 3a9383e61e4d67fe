import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { onStopSignals } from './stop-signals.ts';

test('signals within a second of the first are one wish to finish; a later one means to leave at once', () => {
  const source = new EventEmitter();
  const said: string[] = [];
  let now = 5_000;
  onStopSignals({
    clock: { now: () => new Date(0), monotonicMs: () => now },
    finish: (signal) => void said.push(`finish ${signal}`),
    leave: () => void said.push('leave'),
    source,
  });
  const send = (atMs: number, signal: 'SIGINT' | 'SIGTERM') => {
    now = 5_000 + atMs;
    source.emit(signal);
  };
  send(0, 'SIGINT');
  send(0, 'SIGINT');
  send(5, 'SIGINT');
  send(999, 'SIGTERM');
  expect(said).toEqual(['finish SIGINT']);
  send(1_000, 'SIGTERM');
  expect(said).toEqual(['finish SIGINT', 'leave']);
});
