// Answers of providers that the database has not taken yet, on the disk of this machine: between a strict provider's
// rotation and our commit the answer exists nowhere else. Sealed as in the database, so the file says as little as a
// backup does. Lines of JSON: an answer, or the id of one that is done; a line that a crash cut off was never promised.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
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
/** A file in which nothing is open is cut when it is longer. */
const cutAtBytes = 1_048_576;

export function createAnswerJournal(options: AnswerJournalOptions): AnswerJournal {
  const { folder, processId, log } = options;
  const path = join(folder, `${processId}${suffix}`);
  const unsettled = new Set<string>();
  let file: Promise<FileHandle> | null = null;
  let bytes = 0;

  async function append(lines: readonly string[]): Promise<void> {
    file ??= openOwn(folder, path);
    let handle = await file;
    // Somebody who held us for dead has replayed it and taken it away: what is written now would be in no folder.
    if ((await handle.stat()).nlink === 0) {
      await handle.close();
      file = openOwn(folder, path);
      handle = await file;
    }
    // Begins a line of its own: what a full disk cut off before must not take this along.
    const text = `\n${lines.join('')}`;
    await handle.appendFile(text);
    await handle.datasync();
    bytes += Buffer.byteLength(text);
  }

  const appendTogether = createGather<'file', string, null>(
    async (_key, lines) => {
      await append(lines);
      return lines.map(() => null);
    },
    { underWay: 1, together: 200 },
  );

  return {
    keep: async (kept) => {
      const id = newId<never>() as string;
      unsettled.add(id);
      try {
        await appendTogether('file', `${JSON.stringify({ id, kept: writeKept(kept) })}\n`);
      } catch (error) {
        file = null;
        log.error('an answer could not be written to the journal', errorFields(error));
      }
      return { id };
    },
    settle: ({ id }) => {
      unsettled.delete(id);
      if (file === null) return;
      // Not waited for: to forget it costs one comparison of counters at the next start.
      void settleOnDisk(id).catch((error: unknown) =>
        log.warn('the journal was not cut', errorFields(error)),
      );
    },
    replay: (take) => replayOthers(options, take),
    close: async () => {
      const handle = file === null ? null : await file.catch(() => null);
      file = null;
      await handle?.close();
      if (unsettled.size === 0) await rm(path, { force: true });
    },
  };

  async function settleOnDisk(id: string): Promise<void> {
    const handle = await file;
    if (handle === null) return;
    if (unsettled.size === 0 && bytes > cutAtBytes) {
      bytes = 0;
      await handle.truncate(0);
    } else {
      await handle.appendFile(`\n${JSON.stringify({ done: id })}\n`);
    }
  }
}

async function replayOthers(
  { folder, processId, isAlive }: AnswerJournalOptions,
  take: (kept: KeptRefresh) => Promise<boolean>,
): Promise<number> {
  let count = 0;
  for (const name of await namesIn(folder)) {
    const owner = name.slice(0, -suffix.length);
    if (!isUuid(owner) || owner === processId || (await isAlive(owner))) continue;
    const path = join(folder, name);
    const open = unfinished(await readFile(path, 'utf8'));
    let taken = 0;
    for (const kept of open) if (await take(kept)) taken += 1;
    if (taken < open.length) continue;
    count += taken;
    await rm(path, { force: true });
  }
  return count;
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

type Line = { readonly id: string; readonly kept: string } | { readonly done: string };

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
function readLine(line: string): Line | null {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return null;
  }
}
