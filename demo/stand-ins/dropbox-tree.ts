// The files of the Dropbox stand-in: folders follow from the paths; names are kept as written and compared in lower case.
import { createHash } from 'node:crypto';

export type DropboxFile = { readonly path: string; readonly bytes: Buffer; readonly modified: Date };

export type FileMetadata = {
  readonly '.tag'?: 'file';
  readonly name: string;
  readonly path_lower: string;
  readonly path_display: string;
  readonly id: string;
  readonly client_modified: string;
  readonly server_modified: string;
  readonly rev: string;
  readonly size: number;
  readonly is_downloadable: boolean;
  readonly content_hash: string;
};
type FolderMetadata = {
  readonly '.tag': 'folder';
  readonly name: string;
  readonly path_lower: string;
  readonly path_display: string;
  readonly id: string;
};

export type FolderPage = {
  readonly entries: readonly (FileMetadata | FolderMetadata)[];
  readonly cursor: string;
  readonly has_more: boolean;
};

export type LookupProblem = 'not_found' | 'not_folder' | 'not_file';

export type DropboxTree = {
  readonly list: (path: string, how: { isRecursive: boolean; limit: number }) => FolderPage | LookupProblem;
  /** The next page, `null` for a cursor that this tree did not give. */
  readonly listOn: (cursor: string) => FolderPage | null;
  readonly file: (path: string) => { metadata: FileMetadata; bytes: Buffer } | LookupProblem;
};

type Node = { readonly metadata: FileMetadata | FolderMetadata; readonly bytes: Buffer | null };

// https://www.dropbox.com/developers/reference/content-hash
const hashBlockBytes = 4 * 1024 * 1024;

const cursorMark = 'AA-stand-in-';

export function dropboxTree(files: readonly DropboxFile[]): DropboxTree {
  const nodes = nodesOf(files);
  const find = (path: string) => {
    if (!path.startsWith('id:')) return nodes.get(path.toLowerCase().replace(/\/$/, ''));
    return [...nodes.values()].find((node) => node.metadata.id === path);
  };
  const page = (folder: string, isRecursive: boolean, limit: number, offset: number): FolderPage => {
    const inside = [...nodes.values()]
      .filter(({ metadata }) => isInside(metadata.path_lower, folder, isRecursive))
      .map(({ metadata, bytes }) => (bytes === null ? metadata : { '.tag': 'file' as const, ...metadata }));
    const next = Math.min(offset + limit, inside.length);
    const cursor = Buffer.from(JSON.stringify({ folder, isRecursive, limit, offset: next }));
    return {
      entries: inside.slice(offset, next),
      cursor: `${cursorMark}${cursor.toString('base64url')}`,
      has_more: next < inside.length,
    };
  };
  return {
    list: (path, { isRecursive, limit }) => {
      if (path === '') return page('', isRecursive, limit, 0);
      const node = find(path);
      if (node === undefined) return 'not_found';
      if (node.bytes !== null) return 'not_folder';
      return page(node.metadata.path_lower, isRecursive, limit, 0);
    },
    listOn: (cursor) => {
      const place = placeOf(cursor);
      return place === null ? null : page(place.folder, place.isRecursive, place.limit, place.offset);
    },
    file: (path) => {
      const node = find(path);
      if (node === undefined) return 'not_found';
      if (node.bytes === null) return 'not_file';
      return { metadata: node.metadata as FileMetadata, bytes: node.bytes };
    },
  };
}

/** Dropbox's content hash: SHA-256 over the SHA-256 of each block of 4 MiB. */
export function dropboxContentHash(bytes: Buffer): string {
  const whole = createHash('sha256');
  for (let at = 0; at < bytes.length; at += hashBlockBytes) {
    whole.update(
      createHash('sha256')
        .update(bytes.subarray(at, at + hashBlockBytes))
        .digest(),
    );
  }
  return whole.digest('hex');
}

function nodesOf(files: readonly DropboxFile[]): ReadonlyMap<string, Node> {
  const nodes = new Map<string, Node>();
  for (const file of files) {
    const parts = file.path.split('/').slice(1);
    for (let depth = 1; depth < parts.length; depth += 1) {
      const path = `/${parts.slice(0, depth).join('/')}`;
      const metadata = { '.tag': 'folder' as const, ...namesOf(path) };
      if (!nodes.has(metadata.path_lower)) nodes.set(metadata.path_lower, { metadata, bytes: null });
    }
    const metadata = fileMetadata(file);
    nodes.set(metadata.path_lower, { metadata, bytes: file.bytes });
  }
  return new Map([...nodes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function fileMetadata({ path, bytes, modified }: DropboxFile): FileMetadata {
  // Dropbox's times have no fraction of a second.
  const time = modified.toISOString().replace(/\.\d+Z$/, 'Z');
  const hash = dropboxContentHash(bytes);
  return {
    ...namesOf(path),
    client_modified: time,
    server_modified: time,
    rev: `01${hash.slice(0, 24)}`,
    size: bytes.length,
    is_downloadable: true,
    content_hash: hash,
  };
}

function namesOf(path: string) {
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    path_lower: path.toLowerCase(),
    path_display: path,
    id: `id:${createHash('sha256').update(path.toLowerCase()).digest('base64url').slice(0, 22)}`,
  };
}

function isInside(path: string, folder: string, isRecursive: boolean): boolean {
  return path.startsWith(`${folder}/`) && (isRecursive || !path.slice(folder.length + 1).includes('/'));
}

function placeOf(cursor: string) {
  if (!cursor.startsWith('AA-stand-in-')) return null;
  try {
    const place: unknown = JSON.parse(
      Buffer.from(cursor.slice(cursorMark.length), 'base64url').toString('utf8'),
    );
    if (typeof place !== 'object' || place === null) return null;
    const { folder, isRecursive, limit, offset } = place as Record<string, unknown>;
    if (typeof folder !== 'string' || typeof isRecursive !== 'boolean') return null;
    return typeof limit === 'number' && typeof offset === 'number'
      ? { folder, isRecursive, limit, offset }
      : null;
  } catch {
    // Not a cursor of ours; the caller answers "reset", as Dropbox does for one it no longer knows.
    return null;
  }
}
