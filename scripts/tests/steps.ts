// What `npm test` runs, in order: first what needs only the text, then tests from cheap to dear, then once more on an
// external PostgreSQL where DATABASE_URL names one.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

type StepKind =
  | { readonly kind: 'check'; readonly args: readonly string[] }
  | { readonly kind: 'tests'; readonly project: string; readonly filters: readonly string[] };

export type Step = StepKind & { readonly name: string; readonly databaseUrl?: string };

const bin = (root: string, name: string) => join(root, 'node_modules', '.bin', name);
const check = (name: string, ...args: readonly string[]): Step => ({ name, kind: 'check', args });
const vitest = (name: string, project: string, filters: readonly string[] = []): Step => ({
  name,
  kind: 'tests',
  project,
  filters,
});

const checks = ['types', 'lint', 'floors', 'dead-code', 'spelling', 'model'];

/** `check` stands for all checks, `all` (the default) for everything. */
export function stepsFor(root: string, wanted: readonly string[], env: NodeJS.ProcessEnv): Step[] {
  const all = [
    check('types', process.execPath, 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit'),
    check('lint', bin(root, 'biome'), 'check', '--error-on-warnings', '.'),
    check('floors', process.execPath, '--import', 'tsx', 'scripts/check-floors.ts'),
    check('dead-code', bin(root, 'knip'), '--no-progress', '--treat-config-hints-as-errors'),
    check('spelling', bin(root, 'cspell'), 'lint', '--no-progress', '--no-summary', '--dot', '.'),
    check('model', process.execPath, '--import', 'tsx', 'scripts/check-model.ts'),
    vitest('unit', 'unit'),
    vitest('db', 'db'),
    vitest('e2e', 'e2e'),
    vitest('alone', 'alone'),
  ];
  const databaseUrl = env.DATABASE_URL || undefined;
  const again =
    databaseUrl === undefined
      ? []
      : ['db', 'e2e', 'alone'].map((project) => ({ ...vitest(`${project}-external`, project), databaseUrl }));
  // Only by name: what another version of Node is tried with.
  const named = [vitest('contract', 'db', ['contract']), vitest('e2e-one', 'e2e', [oneEndToEnd(root)])];
  const names = wanted.length === 0 ? ['all'] : wanted;
  const known = [...all, ...again, ...named];
  const unknown = names.find(
    (name) => name !== 'all' && name !== 'check' && !known.some((step) => step.name === name),
  );
  if (unknown !== undefined)
    throw new Error(`No step "${unknown}". Steps: check all ${known.map((step) => step.name).join(' ')}`);
  return known.filter(
    (step) =>
      names.includes(step.name) ||
      (names.includes('check') && checks.includes(step.name)) ||
      (names.includes('all') && !named.includes(step)),
  );
}

/** The end-to-end test that goes furthest: the demonstration's if there is one. */
function oneEndToEnd(root: string): string {
  const files = ['src', 'demo', 'conformance', 'scripts']
    .flatMap((folder) => endToEndFiles(root, folder))
    .sort();
  return files.find((path) => path.startsWith('demo/')) ?? files[0] ?? 'no end-to-end test';
}

function endToEndFiles(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.e2e.test.ts')).map((name) => `${folder}/${name}`);
}
