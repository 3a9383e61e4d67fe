// Holds the house: reads the tables of ARCHITECTURE.md and every source file, prints what breaks the rules.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arrowFindings } from './house/arrows.ts';
import { habitFindings } from './house/habits.ts';
import { readPlan } from './house/plan.ts';
import { readSource, type Source } from './house/source.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = ['src', 'providers', 'testing', 'scripts', 'conformance', 'bench', 'demo'];

const plan = readPlan(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8'));
const sources = folders.flatMap(readFolder);
const findings = [
  ...arrowFindings(sources, plan),
  ...sources.flatMap((source) => habitFindings(source, plan)),
];
for (const finding of findings.toSorted()) console.error(finding);
console.log(`${sources.length} files, ${plan.rooms.size} rooms, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;

function readFolder(folder: string): Source[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.ts') && !/\/(node_modules|dist)\//.test(path))
    .map((path) => readSource(path, readFileSync(join(root, path), 'utf8')));
}
