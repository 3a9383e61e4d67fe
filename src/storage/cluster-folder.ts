// What lies where the database files belong, looked at before anything is touched: a folder that is not recognised may be a
// restore that broke off, or somebody else's.
import { lstat, readdir } from 'node:fs/promises';
import { Fault } from '../kernel/fault.ts';

/** Passes for files of a database, for an empty folder and for nothing at all; anything else is refused. */
export async function refuseUnknownFolder(cluster: string): Promise<void> {
  const names = await namesIn(cluster);
  if (names.length === 0 || names.includes('PG_VERSION')) return;
  const shown = names.toSorted().slice(0, 3).join(', ');
  const rest = names.length > 3 ? ` and ${names.length - 3} more` : '';
  throw refusal(
    `${cluster} holds ${shown}${rest} but no PG_VERSION, so it is no database that can be started.`,
  );
}

async function namesIn(cluster: string): Promise<readonly string[]> {
  try {
    return await readdir(cluster);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    switch (code) {
      case 'ENOENT':
        // A link that leads nowhere, perhaps to a disk that is not mounted, is not nothing.
        if (await isThere(cluster)) throw refusal(`${cluster} is a link that leads nowhere.`);
        return [];
      case 'ENOTDIR':
        throw refusal(`${cluster} is no folder, so it is no database that can be started.`);
      case 'EACCES':
        throw new Fault('cannot_start', `${cluster} cannot be read (EACCES).`, {
          cure: 'Start Latchkey as the user that owns it.',
          cause: error,
        });
      default:
        throw error;
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function refusal(problem: string): Fault {
  return new Fault('cannot_start', problem, {
    cure: 'Restore the database there completely, or move this away or choose another LATCHKEY_DATA to begin with an empty one.',
  });
}
