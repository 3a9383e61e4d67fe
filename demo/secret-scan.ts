// Reads every byte of the data directory in search of the secrets that went in, as they are and in the spellings in
// which secrets usually leak. The database is plain files: whoever steals the disk sees what this sees.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Scan = {
  readonly files: number;
  readonly megabytes: number;
  /** "name of the secret, spelling, file"; never the secret. */
  readonly hits: readonly string[];
};

export function scanForSecrets(folder: string, secrets: Readonly<Record<string, string>>): Scan {
  const needles = Object.entries(secrets).flatMap(([name, text]) => spellings(name, text));
  const hits: string[] = [];
  let files = 0;
  let bytes = 0;
  for (const file of filesBelow(folder)) {
    const content = readIfThere(file);
    if (content === null) continue;
    files += 1;
    bytes += content.length;
    for (const { name, spelling, needle } of needles) {
      if (content.includes(needle)) hits.push(`${name}, ${spelling}, ${file.slice(folder.length + 1)}`);
    }
  }
  return { files, megabytes: Math.round(bytes / 1e5) / 10, hits };
}

function spellings(name: string, text: string) {
  const raw = Buffer.from(text, 'utf8');
  const all: [string, string][] = [
    ['raw', text],
    ['hex', raw.toString('hex')],
    ['url', encodeURIComponent(text)],
    ...(['base64', 'base64url'] as const).flatMap((encoding) =>
      [0, 1, 2].map((offset): [string, string] => [encoding, inside(raw, offset, encoding)]),
    ),
  ];
  // Many are spelled alike: the first name of equal ones stays.
  const distinct = new Map(all.toReversed().map(([spelling, needle]) => [needle, spelling]));
  return [...distinct].map(([needle, spelling]) => ({
    name,
    spelling,
    needle: Buffer.from(needle, 'latin1'),
  }));
}

/** Within a longer text in base64 a secret begins at any of three places of a group; the edges are shared with others. */
function inside(raw: Buffer, offset: number, encoding: 'base64' | 'base64url'): string {
  const padded = Buffer.concat([Buffer.alloc(offset), raw]);
  const whole = padded.subarray(0, padded.length - (padded.length % 3));
  return whole.toString(encoding).slice(offset === 0 ? 0 : 4);
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

/** A running database removes files while one reads. */
function readIfThere(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
