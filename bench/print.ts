// The report for people.
import type { Result } from './measure.ts';
import type { Report } from './report.ts';
import { spreadOf } from './spread.ts';

export function print(report: Report): void {
  const { machine, plan, start, idle, afterReads, sizes, seedingMs } = report;
  line();
  line(`${machine.cores} cores (${machine.processor}), ${machine.memoryGb} GB, Linux ${machine.kernel}`);
  line(`Node ${machine.node.slice(1)}, PostgreSQL ${machine.postgres}, over unix sockets`);
  line(`load average ${machine.loadBefore} before, ${machine.load} at the end (ours included)`);
  line(
    `${plan.rounds} interleaved rounds of ${plan.measureMs} ms, median (least to most); seeded ${sizes
      .map((size, index) => `${size} in ${((seedingMs[index] ?? 0) / 1000).toFixed(1)} s`)
      .join(', ')}`,
  );
  printReads(report);
  line();
  line(`start on an existing directory: ${spread(spreadValues(start.readyMs), 0)} ms to "ready"`);
  line(`  of which the server process computes ${spread(spreadValues(start.cpuMs), 0)} ms`);
  line(
    `idle: ${megabytes(idle.ownRss)} MB the server; its ${idle.children} children ${
      idle.childrenPss === null ? '?' : megabytes(idle.childrenPss)
    } MB together (${megabytes(idle.childrenRss)} MB with shared pages counted in each)`,
  );
  line(
    `  processor: ${(idle.ownCpu * 100).toFixed(1)} % of a core the server, ${(idle.childrenCpu * 100).toFixed(1)} % its children`,
  );
  line(
    `after all these reads: ${afterReads.map((memory) => `${megabytes(memory.ownRss)} MB`).join(' and ')}`,
  );
  printBars(report);
}

function printReads({ rounds }: Report): void {
  for (const [connections, results] of Object.entries(rounds)) {
    line();
    line(`${connections} connections`);
    line(
      `  ${'server'.padEnd(16)}${'reads per second'.padEnd(26)}${'p50 ms'.padEnd(22)}${'p99 ms'.padEnd(22)}${'µs CPU: server'.padEnd(16)}database`,
    );
    for (const [name, measured] of Object.entries(results)) {
      line(
        `  ${name.padEnd(16)}${column(measured, 'perSecond', 0, 26)}${column(measured, 'p50Ms', 2, 22)}${column(measured, 'p99Ms', 2, 22)}${column(measured, 'serverCpuMicros', 0, 16, false)}${column(measured, 'childrenCpuMicros', 0, 8, false)}`,
      );
    }
  }
}

function printBars({ bars }: Report): void {
  line();
  for (const { name, promise, measured, isKept } of bars) {
    line(`${isKept ? 'kept  ' : 'BROKEN'}  ${name}: ${measured}, promised ${promise}`);
  }
}

function column(
  results: readonly Result[],
  figure: 'perSecond' | 'p50Ms' | 'p99Ms' | 'serverCpuMicros' | 'childrenCpuMicros',
  digits: number,
  width: number,
  withRange = true,
): string {
  const values = results.map((result) => result[figure]);
  return (withRange ? spread(values, digits) : spreadOf(values).median.toFixed(digits)).padEnd(width);
}

function spread(values: readonly number[], digits: number): string {
  const { median, least, most } = spreadOf(values);
  return `${median.toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}

function spreadValues(of: { readonly median: number; readonly least: number; readonly most: number }) {
  return [of.least, of.median, of.most];
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function line(text = ''): void {
  console.log(text);
}
