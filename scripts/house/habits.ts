// What one file may do by itself: doors, clock and chance, sizes, names, words.
import type { Door, Plan } from './plan.ts';
import type { Source } from './source.ts';

const maxFileLines = 400;
const maxFunctionLines = 80;
const bannedNames = /^(utils?|helpers?|common|shared|services|types|misc)$/;
// Facts that cannot be avoided: a host loads the component libraries by name, and old components read their
// credential in a shape with a key of this name.
const componentWords: Readonly<Record<string, RegExp>> = {
  hosts: /@prismatic-io\/spectral|spectral|sailor|authorization[ _-]?method/gi,
  connections: /\bauthorizationMethod\b/g,
};
const vendorWords =
  /prismatic|\bprism\b|elastic\.?io|auth-secret|auth_?secret|authorization[ _-]?method|sailor|spectral/i;

export function habitFindings(source: Source, plan: Plan): string[] {
  const inProduct = source.path.startsWith('src/');
  const at = (line: number, text: string) => `${source.path}:${line} ${text}`;
  const findings = [...names(source), ...sizes(source)];
  if (source.syntaxError !== null) findings.push(at(1, source.syntaxError));
  if (!inProduct) return findings;
  // A record's file may pass on the types of its own store; values and whole files have one home.
  for (const { from, line } of source.reexports.filter((one) => one.values.length > 0)) {
    findings.push(at(line, `re-exports ${from}: import it from where it lives`));
  }
  findings.push(...words(source));
  if (!source.isTest) findings.push(...doors(source, plan), ...deeds(source, plan));
  return findings;
}

function doors(source: Source, plan: Plan): string[] {
  return source.imports.flatMap(({ from, line, values }) => {
    const module = from.replace(/^(crypto|http|https|net|tls|child_process)$/, 'node:$1');
    const door = plan.doors.find((one) => module === one.module || module.startsWith(`${one.module}/`));
    if (door === undefined || standsIn(source, door.onlyIn)) return [];
    return values
      .filter((name) => !door.free.includes(name))
      .map((name) => `${source.path}:${line} ${name} of ${door.module} belongs to ${door.onlyIn.join(', ')}`);
  });
}

function deeds(source: Source, plan: Plan): string[] {
  const doorOf = (module: string): Door | undefined => plan.doors.find((door) => door.module === module);
  const sqlPlaces = doorOf('kysely')?.onlyIn ?? [];
  return source.deeds.flatMap(({ what, line }) => {
    const places = what.startsWith('.') || what === 'SQL text' ? sqlPlaces : (placesOf[what] ?? []);
    return standsIn(source, places)
      ? []
      : [`${source.path}:${line} ${what} only in ${places.join(', ')}: take it as an argument`];
  });
}

const clockPlaces = ['kernel/clock.ts'];
const placesOf: Readonly<Record<string, readonly string[]>> = {
  'new Date()': clockPlaces,
  'Date()': clockPlaces,
  'Date.now': clockPlaces,
  'performance.now': clockPlaces,
  'process.hrtime': clockPlaces,
  'Math.random': ['compose', 'cli'],
  'global fetch': ['oauth/egress.ts', 'cli'],
  'web crypto': ['vault'],
};

function standsIn(source: Source, places: readonly string[]): boolean {
  return places.some(
    (place) =>
      place === source.room ||
      source.path === `src/${place}` ||
      (place.startsWith('*') && source.path.endsWith(place.slice(1))),
  );
}

function words(source: Source): string[] {
  if (source.room === 'faces' || source.isEndToEnd) return [];
  return source.lines.flatMap((text, index) => {
    const left = text.replace(componentWords[source.room] ?? /$^/, '');
    const word = vendorWords.exec(left);
    return word === null
      ? []
      : [`${source.path}:${index + 1} "${word[0]}" is a vendor's word: say ours, or move to faces`];
  });
}

function names(source: Source): string[] {
  const bad = source.path.split('/').find((part) => bannedNames.test(part.split('.')[0] ?? ''));
  const findings =
    bad === undefined ? [] : [`${source.path}:1 "${bad}" says nothing: name it after what it keeps`];
  const file = source.path.split('/').at(-1) ?? '';
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.ts$/.test(file))
    findings.push(`${source.path}:1 not kebab-case`);
  if (file === 'index.ts') findings.push(`${source.path}:1 index.ts is a barrel's name`);
  return findings;
}

function sizes(source: Source): string[] {
  if (/^\/\/ generated\b/i.test(source.lines[0] ?? '')) return [];
  const findings: string[] = [];
  if (source.lines.length > maxFileLines) {
    findings.push(
      `${source.path}:1 ${source.lines.length} lines (at most ${maxFileLines}): split by meaning`,
    );
  }
  // A test's `describe` is a list, not a function to be understood at once.
  for (const { name, line, lines } of source.isTest ? [] : source.functions) {
    if (lines > maxFunctionLines) {
      findings.push(`${source.path}:${line} ${name} has ${lines} lines (at most ${maxFunctionLines})`);
    }
  }
  return findings;
}
