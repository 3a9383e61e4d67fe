// Bodies with one thing that does not belong there, made from good ones.

export const oddities: readonly unknown[] = [
  null,
  -1,
  1e300,
  true,
  '',
  'x'.repeat(70_000),
  'nul \u0000 byte',
  'line\nbreak',
  'half \ud800 character',
  [],
  {},
  { data: { id: "'; drop table unit; --", type: 'workspace' } },
  { data: { id: '00000000-0000-4000-8000-000000000001', type: 'workspace' } },
];

type Path = readonly (string | number)[];

/** Where something stands in the value: itself, its members, and theirs. */
export function pathsOf(value: unknown, at: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...at, key]))];
}

/** A copy with something else at that place; undefined takes the member away. */
export function replaced(value: unknown, path: Path, by: (old: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by(value);
  const copy = structuredClone(value) as Record<string | number, unknown>;
  const inner = replaced(copy[key], rest, by);
  if (inner === undefined) delete copy[key];
  else copy[key] = inner;
  return copy;
}
