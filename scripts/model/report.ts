// What the check prints: a table for people, the same as JSON, a trace in words, and one line that sums it up.
import type { Judged } from './judge.ts';

export function tableOf(rows: readonly Judged[]): string {
  const cells = rows.map((row) => [row.variant, row.mode, ...figuresOf(row)]);
  const head = ['variant', 'provider', 'states', 'verdict', 'steps'];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((one) => one[column]?.length ?? 0)),
  );
  return [head, ...cells].map((line) => lineOf(line, widths)).join('\n');
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  const isNumber = (column: number) => column === 2 || column === 4;
  const padded = cells.map((cell, column) => {
    const width = widths[column] ?? 0;
    return isNumber(column) ? cell.padStart(width) : cell.padEnd(width);
  });
  return padded.join('  ').trimEnd();
}

function figuresOf({ exploration, isMutant, ok }: Judged): string[] {
  const { states, finding } = exploration;
  const verdict =
    finding === null ? (isMutant ? 'SURVIVED' : 'holds') : `${ok ? 'caught' : 'BROKEN'} ${finding.rule}`;
  return [states.toLocaleString('en'), verdict, finding === null ? '' : String(finding.trace.length)];
}

export function summaryOf(rows: readonly Judged[], seconds: number): string {
  const real = rows.filter((row) => !row.isMutant);
  const mutants = rows.filter((row) => row.isMutant);
  const states = real.reduce((total, row) => total + row.exploration.states, 0);
  const violations = real.filter((row) => !row.ok).length;
  const caught = mutants.filter((row) => row.ok).length;
  return (
    `refresh protocol: ${violations} violations of I1-I7 in ${states.toLocaleString('en')} states, ` +
    `${caught} of ${mutants.length} mutants caught, ${seconds.toFixed(1)} s`
  );
}

export function jsonOf(rows: readonly Judged[], seconds: number): string {
  const variants = rows.map(({ variant, words, isMutant, mode, size, ok, exploration }) => ({
    variant,
    words,
    isMutant,
    mode,
    workers: size.workers,
    atMost: size.left,
    states: exploration.states,
    transitions: exploration.transitions,
    depth: exploration.depth,
    ok,
    breaks: exploration.finding?.rule ?? null,
    trace: exploration.finding?.trace ?? null,
  }));
  return JSON.stringify({ ok: rows.every((row) => row.ok), seconds, variants }, null, 2);
}

export function storyOf({ variant, words, mode, exploration }: Judged): string {
  const { finding } = exploration;
  const head = `${variant}: ${words} (provider: ${mode})`;
  if (finding === null) return `${head}\n  nothing is broken`;
  const steps = finding.trace.map((step, index) => `  ${String(index + 1).padStart(2)}. ${step}`);
  return [head, ...steps, `  breaks ${finding.rule}: ${invariants[finding.rule] ?? ''}`].join('\n');
}

const invariants: Readonly<Record<string, string>> = {
  I1: 'no older token over a newer one',
  I2: 'no token after a disconnect',
  I3: 'nothing of one consent is written to another',
  I4: 'at most one request of a consent that the provider may still execute',
  I5: 'a healthy grant is never marked dead',
  I6: 'from everywhere there is a way to rest: nothing stays armed for ever',
  I7: 'a grant is lost only by death or a lost answer, and is then called lost_rotation',
};
