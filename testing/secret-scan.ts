// Looks for planted secrets in every byte of every file below some folders, in the spellings in which a secret gets
// out by accident. The judge of "encrypted at rest": it knows nothing of how the product stores things.
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export type SecretHit = {
  readonly file: string;
  readonly offset: number;
  /** The name given to the secret, never the secret. */
  readonly secret: string;
  readonly encoding: string;
};

export type ScanReport = {
  readonly files: number;
  readonly bytes: number;
  readonly hits: readonly SecretHit[];
};

type Needle = { readonly secret: string; readonly encoding: string; readonly bytes: Buffer };

const chunkBytes = 4 * 1024 * 1024;
// Below this a hit would be chance, and base64 at an offset loses up to two characters at each end.
const minSecretBytes = 16;

/** `secrets` maps a name to the planted text. Files are read in chunks that overlap by the longest needle. */
export async function scanForSecrets(
  folders: readonly string[],
  secrets: Readonly<Record<string, string>>,
): Promise<ScanReport> {
  const index = new NeedleIndex(Object.entries(secrets).flatMap(([secret, text]) => spellings(secret, text)));
  const hits: SecretHit[] = [];
  let files = 0;
  let bytes = 0;
  for (const folder of folders) {
    for await (const file of filesBelow(folder)) {
      files++;
      bytes += await scanFile(file, index, hits);
    }
  }
  return { files, bytes, hits };
}

/** The eight encodings (base64 at three offsets each) in which a secret is searched. */
function spellings(secret: string, text: string): readonly Needle[] {
  const raw = Buffer.from(text, 'utf8');
  if (raw.length < minSecretBytes)
    throw new RangeError(`A planted secret has at least ${minSecretBytes} bytes.`);
  const named = (encoding: string, bytes: Buffer | string): Needle => ({
    secret,
    encoding,
    bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes,
  });
  const all = [
    named('raw', raw),
    ...[0, 1, 2].flatMap((offset) => [
      named(`base64+${offset}`, base64Inside(raw, offset, 'base64')),
      named(`base64url+${offset}`, base64Inside(raw, offset, 'base64url')),
    ]),
    named('hex', raw.toString('hex')),
    named('HEX', raw.toString('hex').toUpperCase()),
    named('utf16le', Buffer.from(text, 'utf16le')),
    named('url', encodeURIComponent(text)),
    named('json', Buffer.from(JSON.stringify(text).slice(1, -1), 'utf8')),
    named('reversed', Buffer.from(raw).reverse()),
  ];
  const distinct = new Map(all.map((needle) => [needle.bytes.toString('latin1'), needle]));
  // The first spelling of equal bytes names them ("raw" rather than "url").
  for (const needle of all.toReversed()) distinct.set(needle.bytes.toString('latin1'), needle);
  return [...distinct.values()];
}

// A secret inside a longer base64 text starts at any of three positions of a 3-byte group; characters that also hold
// bits of its neighbours are left out.
function base64Inside(raw: Buffer, offset: number, encoding: 'base64' | 'base64url'): string {
  const padded = Buffer.concat([Buffer.alloc(offset), raw]);
  const whole = padded.length - (padded.length % 3);
  const text = padded.subarray(0, whole).toString(encoding);
  return text.slice(offset === 0 ? 0 : 4);
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

/** All needles at once: two bytes rule out nearly every position, four find the needles that may begin there. */
class NeedleIndex {
  readonly longest: number;
  readonly #begins = new Uint8Array(65_536);
  readonly #byStart = new Map<number, Needle[]>();

  constructor(needles: readonly Needle[]) {
    this.longest = Math.max(...needles.map((needle) => needle.bytes.length));
    for (const needle of needles) {
      const start = needle.bytes.readUInt32BE(0);
      this.#begins[start >>> 16] = 1;
      this.#byStart.set(start, [...(this.#byStart.get(start) ?? []), needle]);
    }
  }

  *find(window: Buffer): Generator<{ readonly needle: Needle; readonly at: number }> {
    const begins = this.#begins;
    let pair = window[0] ?? 0;
    for (let at = 0; at + 3 < window.length; at++) {
      pair = ((pair & 0xff) << 8) | (window[at + 1] as number);
      if (begins[pair] === 0) continue;
      for (const needle of this.#byStart.get(window.readUInt32BE(at)) ?? []) {
        const end = at + needle.bytes.length;
        if (end <= window.length && needle.bytes.compare(window, at, end) === 0) yield { needle, at };
      }
    }
  }
}

async function scanFile(file: string, index: NeedleIndex, hits: SecretHit[]): Promise<number> {
  const overlap = index.longest - 1;
  const buffer = Buffer.alloc(chunkBytes + overlap);
  const handle = await open(file, 'r');
  try {
    let position = 0;
    let kept = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, kept, chunkBytes, position);
      if (bytesRead === 0) return position;
      const window = buffer.subarray(0, kept + bytesRead);
      for (const { needle, at } of index.find(window)) {
        // A needle that lay wholly in the overlap was reported with the chunk before.
        if (at + needle.bytes.length <= kept) continue;
        const { secret, encoding } = needle;
        hits.push({ file, offset: position - kept + at, secret, encoding });
      }
      position += bytesRead;
      const keep = Math.min(overlap, window.length);
      window.copy(buffer, 0, window.length - keep);
      kept = keep;
    }
  } finally {
    await handle.close();
  }
}
