// One SFTP channel over the tree: every request is answered exactly once, refusals with the status a real server gives.
import { posix } from 'node:path';
import ssh2, { type Attributes, type FileEntry, type SFTPWrapper } from 'ssh2';
import {
  absolutePath,
  contentOf,
  type SftpFile,
  type SftpNode,
  SftpRefusal,
  type SftpStatus,
  type SftpTree,
  sftpStatus,
} from './sftp-tree.ts';

export type SftpRecord = (operation: string, path: string, status: SftpStatus) => void;

type Handle =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly file: SftpFile;
      readonly canRead: boolean;
      readonly canWrite: boolean;
      readonly appends: boolean;
    }
  | { readonly kind: 'folder'; readonly path: string; entries: FileEntry[] };

const { OPEN_MODE } = ssh2.utils.sftp;
/** A client that opens more has forgotten to close. */
const maxHandles = 256;

export function serveSftp(sftp: SFTPWrapper, tree: SftpTree, record: SftpRecord): void {
  const handles = handleTable();
  /** Answers a request by what `act` does: itself, or OK where it returns, or its refusal. */
  const reply = (id: number, operation: string, path: string, act: () => 'answered' | undefined) => {
    let status: SftpStatus = sftpStatus.ok;
    let message = 'OK';
    try {
      if (act() === 'answered') {
        record(operation, path, status);
        return;
      }
    } catch (error) {
      if (!(error instanceof SftpRefusal)) throw error;
      ({ status, message } = error);
    }
    record(operation, path, status);
    sftp.status(id, status, message);
  };
  const onPath = (operation: 'REMOVE' | 'RMDIR' | 'MKDIR', act: (path: string) => void) => {
    sftp.on(operation, (id: number, given: string) => {
      const path = absolutePath(given);
      reply(id, operation, path, () => void act(path));
    });
  };
  onPath('REMOVE', tree.removeFile);
  onPath('RMDIR', tree.removeFolder);
  onPath('MKDIR', tree.makeFolder);
  for (const operation of ['STAT', 'LSTAT'] as const) {
    sftp.on(operation, (id: number, given: string) => {
      const path = absolutePath(given);
      reply(id, operation, path, () => {
        sftp.attrs(id, attributesOf(tree.find(path)));
        return 'answered';
      });
    });
  }
  sftp.on('REALPATH', (id, given) => {
    const path = absolutePath(given);
    reply(id, 'REALPATH', path, () => {
      sftp.name(id, [{ filename: path, longname: path, attrs: {} as Attributes }]);
      return 'answered';
    });
  });
  sftp.on('RENAME', (id, from, to) => {
    reply(id, 'RENAME', absolutePath(from), () => void tree.rename(absolutePath(from), absolutePath(to)));
  });
  sftp.on('SETSTAT', (id, given, attributes) => {
    const path = absolutePath(given);
    reply(id, 'SETSTAT', path, () => void setAttributes(tree.find(path), attributes));
  });
  serveFiles({ sftp, tree, handles, reply });
  serveFolders({ sftp, tree, handles, reply });
  sftp.on('CLOSE', (id, handle) => {
    reply(id, 'CLOSE', handles.pathOf(handle), () => void handles.close(handle));
  });
}

type Served = {
  readonly sftp: SFTPWrapper;
  readonly tree: SftpTree;
  readonly handles: ReturnType<typeof handleTable>;
  readonly reply: (id: number, operation: string, path: string, act: () => 'answered' | undefined) => void;
};

function serveFiles({ sftp, tree, handles, reply }: Served): void {
  sftp.on('OPEN', (id, given, flags) => {
    const path = absolutePath(given);
    reply(id, 'OPEN', path, () => {
      const file = tree.openFile(path, {
        mayCreate: (flags & OPEN_MODE.CREAT) !== 0,
        mustCreate: (flags & OPEN_MODE.CREAT) !== 0 && (flags & OPEN_MODE.EXCL) !== 0,
        truncates: (flags & OPEN_MODE.TRUNC) !== 0,
      });
      const canRead = (flags & OPEN_MODE.READ) !== 0;
      const canWrite = (flags & (OPEN_MODE.WRITE | OPEN_MODE.APPEND)) !== 0;
      const appends = (flags & OPEN_MODE.APPEND) !== 0;
      sftp.handle(id, handles.open({ kind: 'file', path, file, canRead, canWrite, appends }));
      return 'answered';
    });
  });
  sftp.on('READ', (id, handle, offset, length) => {
    reply(id, 'READ', handles.pathOf(handle), () => {
      const { file, canRead } = handles.file(handle);
      if (!canRead) throw new SftpRefusal(sftpStatus.permissionDenied, 'Not opened for reading');
      if (offset >= file.size) throw new SftpRefusal(sftpStatus.eof, 'End of file');
      sftp.data(id, Buffer.from(contentOf(file).subarray(offset, offset + length)));
      return 'answered';
    });
  });
  sftp.on('WRITE', (id, handle, offset, data) => {
    reply(id, 'WRITE', handles.pathOf(handle), () => {
      const { file, canWrite, appends } = handles.file(handle);
      if (!canWrite) throw new SftpRefusal(sftpStatus.permissionDenied, 'Not opened for writing');
      tree.write(file, appends ? file.size : offset, data);
      return undefined;
    });
  });
  sftp.on('FSTAT', (id, handle) => {
    reply(id, 'FSTAT', handles.pathOf(handle), () => {
      sftp.attrs(id, attributesOf(handles.file(handle).file));
      return 'answered';
    });
  });
  sftp.on('FSETSTAT', (id, handle, attributes) => {
    reply(
      id,
      'FSETSTAT',
      handles.pathOf(handle),
      () => void setAttributes(handles.file(handle).file, attributes),
    );
  });
}

function serveFolders({ sftp, tree, handles, reply }: Served): void {
  sftp.on('OPENDIR', (id, given) => {
    const path = absolutePath(given);
    reply(id, 'OPENDIR', path, () => {
      const inside = tree.list(path).map(([name, node]) => entryOf(name, node));
      const above = tree.find(posix.dirname(path));
      const entries = [entryOf('.', tree.find(path)), entryOf('..', above), ...inside];
      sftp.handle(id, handles.open({ kind: 'folder', path, entries }));
      return 'answered';
    });
  });
  sftp.on('READDIR', (id, handle) => {
    reply(id, 'READDIR', handles.pathOf(handle), () => {
      const folder = handles.folder(handle);
      if (folder.entries.length === 0) throw new SftpRefusal(sftpStatus.eof, 'End of directory');
      // As many as fit a packet without doubt; the client asks again until EOF.
      sftp.name(id, folder.entries.splice(0, 100));
      return 'answered';
    });
  });
}

function handleTable() {
  const open = new Map<number, Handle>();
  let next = 0;
  const find = (handle: Buffer) => (handle.length === 4 ? open.get(handle.readUInt32BE(0)) : undefined);
  const invalid = () => new SftpRefusal(sftpStatus.failure, 'Invalid handle');
  return {
    open: (value: Handle): Buffer => {
      if (open.size >= maxHandles) throw new SftpRefusal(sftpStatus.failure, 'Too many open files');
      const handle = Buffer.alloc(4);
      handle.writeUInt32BE(next, 0);
      open.set(next, value);
      next += 1;
      return handle;
    },
    pathOf: (handle: Buffer): string => find(handle)?.path ?? '',
    file: (handle: Buffer) => {
      const found = find(handle);
      if (found?.kind !== 'file') throw invalid();
      return found;
    },
    folder: (handle: Buffer) => {
      const found = find(handle);
      if (found?.kind !== 'folder') throw invalid();
      return found;
    },
    close: (handle: Buffer): void => {
      if (find(handle) === undefined) throw invalid();
      open.delete(handle.readUInt32BE(0));
    },
  };
}

function attributesOf(node: SftpNode): Attributes {
  const seconds = Math.floor(node.modified.getTime() / 1000);
  const size = node.kind === 'file' ? node.size : 0;
  return { mode: node.mode, uid: 0, gid: 0, size, atime: seconds, mtime: seconds };
}

/** Permission bits and the time of change; size and owner are not a client's to set here. */
function setAttributes(node: SftpNode, attributes: Partial<Attributes>): void {
  if (attributes.mode !== undefined) node.mode = (node.mode & 0o170000) | (attributes.mode & 0o7777);
  if (attributes.mtime !== undefined) node.modified = new Date(attributes.mtime * 1000);
}

function entryOf(filename: string, node: SftpNode): FileEntry {
  const attrs = attributesOf(node);
  const kind = node.kind === 'folder' ? 'd' : '-';
  const rights = [6, 3, 0].map((shift) => rightsOf((node.mode >> shift) & 7)).join('');
  const day = node.modified.toUTCString().slice(5, 16);
  return {
    filename,
    longname: `${kind}${rights} 1 stand-in stand-in ${attrs.size} ${day} ${filename}`,
    attrs,
  };
}

function rightsOf(bits: number): string {
  return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
}
