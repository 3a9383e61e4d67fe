// Who imports whom: floors, and no circles.
import { posix } from 'node:path';
import { type Plan, refusal } from './plan.ts';
import type { Source } from './source.ts';
import { roomOf } from './source.ts';

export function arrowFindings(sources: readonly Source[], plan: Plan): string[] {
  const known = new Set(sources.map((source) => source.path));
  return [...sources.flatMap((source) => floorFindings(source, plan)), ...circles(sources, known)];
}

function floorFindings(source: Source, plan: Plan): string[] {
  const findings: string[] = [];
  if (!plan.rooms.has(source.room))
    findings.push(`${source.path}:1 ${refusal(plan, source.room, source.room)}`);
  if (source.isEndToEnd) return findings;
  for (const { from, line } of [...source.imports, ...source.reexports]) {
    if (!from.startsWith('.')) continue;
    const to = roomOf(resolve(source.path, from));
    if (source.isTest && (to === 'testing/' || to === 'providers/')) continue;
    const reason = refusal(plan, source.room, to);
    if (reason !== null && to !== source.room) findings.push(`${source.path}:${line} ${reason}`);
  }
  return findings;
}

/** One line per circle, found by walking every import depth first. */
function circles(sources: readonly Source[], known: ReadonlySet<string>): string[] {
  const next = new Map(
    sources.map((source) => [
      source.path,
      source.imports.map(({ from }) => resolve(source.path, from)).filter((path) => known.has(path)),
    ]),
  );
  const done = new Set<string>();
  const findings: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) findings.push(`${path}:1 circle: ${[...trail.slice(at), path].join(' -> ')}`);
    if (at !== -1 || done.has(path)) return;
    for (const to of next.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const source of sources) visit(source.path, []);
  return findings;
}

function resolve(path: string, from: string): string {
  return from.startsWith('.') ? posix.join(posix.dirname(path), from) : from;
}
