// The files of the SFTP stand-in: an in-memory tree that refuses as a file system does.
import { posix } from 'node:path';
import type { Clock } from '../../src/kernel/clock.ts';

/** The status numbers of draft-ietf-secsh-filexfer-02, which is the version that everybody speaks. */
export const sftpStatus = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  unsupported: 8,
} as const;
export type SftpStatus = (typeof sftpStatus)[keyof typeof sftpStatus];

export class SftpRefusal extends Error {
  readonly status: SftpStatus;
  constructor(status: SftpStatus, message: string) {
    super(message);
    this.name = 'SftpRefusal';
    this.status = status;
  }
}

export type SftpFile = {
  readonly kind: 'file';
  /** May be longer than the file: room to grow without copying at each write. */
  buffer: Buffer;
  size: number;
  mode: number;
  modified: Date;
};
export type SftpFolder = { readonly kind: 'folder'; mode: number; modified: Date };
export type SftpNode = SftpFile | SftpFolder;

export type SftpTree = {
  readonly find: (path: string) => SftpNode;
  readonly list: (path: string) => readonly (readonly [name: string, node: SftpNode])[];
  readonly openFile: (path: string, how: OpenHow) => SftpFile;
  readonly write: (file: SftpFile, offset: number, data: Buffer) => void;
  readonly removeFile: (path: string) => void;
  readonly makeFolder: (path: string) => void;
  readonly removeFolder: (path: string) => void;
  readonly rename: (from: string, to: string) => void;
};

export type OpenHow = {
  readonly mayCreate: boolean;
  readonly mustCreate: boolean;
  readonly truncates: boolean;
};

/** A stand-in has no business with more, and an offset is a number that anybody can send. */
const maxFileBytes = 16 * 1024 * 1024;

/** Absolute and without dots; nothing leads above the root. */
export function absolutePath(path: string): string {
  return posix.resolve('/', path);
}

export function contentOf(file: SftpFile): Buffer {
  return file.buffer.subarray(0, file.size);
}

export function sftpTree(files: Readonly<Record<string, string | Buffer>>, clock: Clock): SftpTree {
  const nodes = new Map<string, SftpNode>([['/', folder(clock)]]);
  for (const [path, content] of Object.entries(files)) {
    for (const above of foldersAbove(path)) {
      if (!nodes.has(above)) nodes.set(above, folder(clock));
    }
    nodes.set(absolutePath(path), file(Buffer.from(content), clock));
  }
  const find = (path: string): SftpNode => {
    const node = nodes.get(path);
    if (node === undefined) throw new SftpRefusal(sftpStatus.noSuchFile, 'No such file or directory');
    return node;
  };
  const list = (path: string) => {
    if (find(path).kind !== 'folder') throw new SftpRefusal(sftpStatus.failure, 'Not a directory');
    return [...nodes]
      .filter(([other]) => other !== '/' && posix.dirname(other) === path)
      .map(([other, node]) => [posix.basename(other), node] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  };
  const requireFolderAbove = (path: string) => {
    if (find(posix.dirname(path)).kind !== 'folder') {
      throw new SftpRefusal(sftpStatus.failure, 'Not a directory');
    }
  };
  const requireAbsent = (path: string) => {
    if (nodes.has(path)) throw new SftpRefusal(sftpStatus.failure, 'File exists');
  };
  return {
    find,
    list,
    openFile: (path, how) => {
      if (how.mustCreate) requireAbsent(path);
      const present = nodes.get(path);
      if (present === undefined && how.mayCreate) {
        requireFolderAbove(path);
        const created = file(Buffer.alloc(0), clock);
        nodes.set(path, created);
        return created;
      }
      const found = find(path);
      if (found.kind !== 'file') throw new SftpRefusal(sftpStatus.failure, 'Is a directory');
      if (how.truncates) found.size = 0;
      return found;
    },
    write: (target, offset, data) => {
      writeInto(target, offset, data);
      target.modified = clock.now();
    },
    removeFile: (path) => {
      if (find(path).kind !== 'file') throw new SftpRefusal(sftpStatus.failure, 'Is a directory');
      nodes.delete(path);
    },
    makeFolder: (path) => {
      requireAbsent(path);
      requireFolderAbove(path);
      nodes.set(path, folder(clock));
    },
    removeFolder: (path) => {
      if (path === '/') throw new SftpRefusal(sftpStatus.permissionDenied, 'Permission denied');
      if (list(path).length > 0) throw new SftpRefusal(sftpStatus.failure, 'Directory not empty');
      nodes.delete(path);
    },
    rename: (from, to) => {
      const moved = find(from);
      requireAbsent(to);
      requireFolderAbove(to);
      if (`${to}/`.startsWith(`${from}/`)) throw new SftpRefusal(sftpStatus.failure, 'Invalid argument');
      for (const [path, node] of [...nodes]) {
        if (path.startsWith(`${from}/`)) {
          nodes.delete(path);
          nodes.set(to + path.slice(from.length), node);
        }
      }
      nodes.delete(from);
      nodes.set(to, moved);
    },
  };
}

function writeInto(target: SftpFile, offset: number, data: Buffer): void {
  const end = offset + data.length;
  if (!Number.isSafeInteger(end) || end > maxFileBytes) {
    throw new SftpRefusal(sftpStatus.failure, `This stand-in keeps at most ${maxFileBytes} bytes in a file`);
  }
  if (end > target.buffer.length) {
    const roomier = Buffer.alloc(Math.max(end, target.buffer.length * 2));
    target.buffer.copy(roomier, 0, 0, target.size);
    target.buffer = roomier;
  }
  // A write beyond the end leaves a hole, which reads as zeros, not as what stood there before a truncation.
  if (offset > target.size) target.buffer.fill(0, target.size, offset);
  data.copy(target.buffer, offset);
  target.size = Math.max(target.size, end);
}

function foldersAbove(path: string): string[] {
  const above = posix.dirname(absolutePath(path));
  return above === '/' ? [] : [...foldersAbove(above), above];
}

function file(buffer: Buffer, clock: Clock): SftpFile {
  return { kind: 'file', buffer, size: buffer.length, mode: 0o100644, modified: clock.now() };
}

function folder(clock: Clock): SftpFolder {
  return { kind: 'folder', mode: 0o040755, modified: clock.now() };
}
