// Answers of providers that the database has not taken yet, on the disk of this machine: between a strict provider's
// rotation and our commit the answer exists nowhere else. Sealed as in the database, so the file says as little as a
// backup does. Lines of JSON: an answer, or the id of one that is done; a line that a crash cut off was never promised.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type KeptRefresh, readKept, writeKept } from '../credentials/kept-refresh.ts';
import { isUuid, newId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import { createGather } from './gather.ts';

export type AnswerJournal = {
  /** Resolves when the answer is on the disk; then it survives a kill. Never rejects: without a disk we are as before. */
  readonly keep: (kept: KeptRefresh) => Promise<JournalEntry>;
  /** The database has it, or nobody wants it any more. */
  readonly settle: (entry: JournalEntry) => void;
  /**
   * What processes that are gone have left; answers how many were taken. A file goes when all of its answers are; until
   * then they are offered again, which costs nothing where they were taken before.
   */
  readonly replay: (take: (kept: KeptRefresh) => Promise<boolean>) => Promise<number>;
  readonly close: () => Promise<void>;
};

export type JournalEntry = { readonly id: string };

export type AnswerJournalOptions = {
  readonly folder: string;
  readonly processId: string;
  readonly log: Log;
  /** Whether the process that wrote a file may still be at work on it. */
  readonly isAlive: (processId: string) => Promise<boolean>;
};

const suffix = '.answers';
/** When the file is longer, what is settled is cut out of it. */
const cutAtBytes = 4_194_304;

export function createAnswerJournal(options: AnswerJournalOptions): AnswerJournal {
  const { folder, processId, log } = options;
  const book = new OwnBook(folder, join(folder, `${processId}${suffix}`));
  // One at a time, so that no line ever lies within another.
  const writeTogether = createGather<'book', Line, null>(
    async (_key, lines) => {
      await book.write(lines);
      return lines.map(() => null);
    },
    { underWay: 1, together: 200 },
  );

  return {
    keep: async (kept) => {
      const id = newId<never>() as string;
      try {
        await writeTogether('book', { id, text: JSON.stringify({ id, kept: writeKept(kept) }) });
      } catch (error) {
        log.error('an answer could not be written to the journal', errorFields(error));
      }
      return { id };
    },
    settle: ({ id }) => book.settle(id),
    replay: (take) => replayOthers(options, take),
    close: () => book.close(),
  };
}

type Line = { readonly id: string; readonly text: string };

/** The file of this process. */
class OwnBook {
  readonly #folder: string;
  readonly #path: string;
  /** Answers that are in the file and not settled. */
  readonly #open = new Map<string, string>();
  /** Settled since the last write, which tells it: to forget one costs a comparison of counters at the next start. */
  #settled: string[] = [];
  #file: FileHandle | null = null;
  #bytes = 0;

  constructor(folder: string, path: string) {
    this.#folder = folder;
    this.#path = path;
  }

  /** Resolves when the lines are on the disk. */
  async write(lines: readonly Line[]): Promise<void> {
    try {
      const file = await this.#current();
      const done = this.#settled.splice(0).map((id) => JSON.stringify({ done: id }));
      // Begins a line of its own: what a full disk cut off before must not take this along.
      const text = `\n${[...done, ...lines.map((line) => line.text)].join('\n')}\n`;
      await file.appendFile(text);
      await file.datasync();
      this.#bytes += Buffer.byteLength(text);
      for (const { id, text: line } of lines) this.#open.set(id, line);
    } catch (error) {
      await this.#shut();
      throw error;
    }
  }

  settle(id: string): void {
    if (this.#open.delete(id)) this.#settled.push(id);
  }

  async close(): Promise<void> {
    await this.#shut();
    if (this.#open.size === 0) await rm(this.#path, { force: true });
  }

  async #current(): Promise<FileHandle> {
    // Somebody who held us for dead has replayed it and taken it away: what is written now would be in no folder.
    if (this.#file !== null && (await this.#file.stat()).nlink === 0) await this.#shut();
    if (this.#bytes > cutAtBytes) await this.#cut();
    this.#file ??= await openOwn(this.#folder, this.#path);
    return this.#file;
  }

  /** Another file with what is open takes the place of this one. */
  async #cut(): Promise<void> {
    const text = [...this.#open.values(), ''].join('\n');
    const next = await openOwn(this.#folder, `${this.#path}.new`);
    try {
      await next.truncate(0);
      await next.appendFile(text);
      await next.datasync();
    } finally {
      await next.close();
    }
    await this.#shut();
    await rename(`${this.#path}.new`, this.#path);
    this.#settled = [];
    this.#bytes = Buffer.byteLength(text);
  }

  async #shut(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }
}

async function replayOthers(
  { folder, processId, isAlive }: AnswerJournalOptions,
  take: (kept: KeptRefresh) => Promise<boolean>,
): Promise<number> {
  let count = 0;
  const errors: unknown[] = [];
  for (const name of await namesIn(folder)) {
    const owner = name.slice(0, -suffix.length);
    if (!isUuid(owner) || owner === processId || (await isAlive(owner))) continue;
    // One file that cannot be taken does not hold up the others.
    await replayFile(join(folder, name), take).then(
      (taken) => {
        count += taken;
      },
      (error: unknown) => errors.push(error),
    );
  }
  if (errors.length > 0) throw errors[0];
  return count;
}

async function replayFile(path: string, take: (kept: KeptRefresh) => Promise<boolean>): Promise<number> {
  const open = unfinished(await readFile(path, 'utf8'));
  let taken = 0;
  for (const kept of open) if (await take(kept)) taken += 1;
  if (taken < open.length) return 0;
  await rm(path, { force: true });
  return taken;
}

async function openOwn(folder: string, path: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return await open(path, constants.O_CREAT | constants.O_WRONLY | constants.O_APPEND, 0o600);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith(suffix));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

type Written = { readonly id: string; readonly kept: string } | { readonly done: string };

function unfinished(text: string): readonly KeptRefresh[] {
  const open = new Map<string, KeptRefresh>();
  for (const line of text.split('\n')) {
    const read = readLine(line);
    if (read === null) continue;
    if ('done' in read) open.delete(read.done);
    else open.set(read.id, readKept(read.kept));
  }
  return [...open.values()];
}

/** Null for what is not a whole line: the crash came in the middle of it. */
function readLine(line: string): Written | null {
  try {
    return JSON.parse(line) as Written;
  } catch {
    return null;
  }
}
