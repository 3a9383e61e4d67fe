// A real SSH server with an SFTP subsystem over files in memory, for one user with a password or a key.
import type net from 'node:net';
import ssh2 from 'ssh2';

const { STATUS_CODE, OPEN_MODE } = ssh2.utils.sftp;

export type SftpStandIn = {
  readonly port: number;
  readonly files: Map<string, Buffer>;
  readonly close: () => void;
};

type Account = { readonly username: string; readonly password: string; readonly publicKey: string };

export async function startSftpServer(hostKey: string, account: Account): Promise<SftpStandIn> {
  const files = new Map<string, Buffer>();
  const clients = new Set<ssh2.Connection>();
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    clients.add(client);
    client.on('error', () => {});
    client.on('authentication', (context) => {
      if (isAllowed(context, account)) context.accept();
      else context.reject(['password', 'publickey']);
    });
    client.on('session', (accept) => accept().on('sftp', (open) => serveFiles(open(), files)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    files,
    close: () => {
      for (const client of clients) client.end();
      server.close();
    },
  };
}

function isAllowed(context: ssh2.AuthContext, account: Account): boolean {
  if (context.username !== account.username) return false;
  if (context.method === 'password') return context.password === account.password;
  if (context.method !== 'publickey') return false;
  const key = ssh2.utils.parseKey(account.publicKey);
  if (key instanceof Error || !context.key.data.equals(key.getPublicSSH())) return false;
  // Without a signature the client only asks whether this key would do.
  return context.signature === undefined || context.blob === undefined
    ? true
    : key.verify(context.blob, context.signature, context.hashAlgo) === true;
}

type OpenFile = { readonly path: string; contents: Buffer; isListed: boolean };

function serveFiles(sftp: ssh2.SFTPWrapper, files: Map<string, Buffer>): void {
  const open: OpenFile[] = [];
  const at = (handle: Buffer): OpenFile | undefined => open[handle.readUInt32BE(0)];
  const opened = (id: number, path: string, contents: Buffer): void => {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(open.push({ path, contents, isListed: false }) - 1);
    sftp.handle(id, handle);
  };
  const stat = (id: number, path: string): void => {
    const contents = files.get(path);
    const isDirectory = [...files.keys()].some((name) => name.startsWith(`${path.replace(/\/$/, '')}/`));
    if (contents === undefined && !isDirectory) sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
    else sftp.attrs(id, attributes(contents));
  };
  sftp.on('REALPATH', (id, path) => sftp.name(id, [{ filename: path, longname: path, attrs: attributes() }]));
  sftp.on('STAT', stat);
  sftp.on('LSTAT', stat);
  sftp.on('FSTAT', (id, handle) => stat(id, at(handle)?.path ?? ''));
  sftp.on('FSETSTAT', (id) => sftp.status(id, STATUS_CODE.OK));
  sftp.on('OPENDIR', (id, path) => opened(id, path, Buffer.alloc(0)));
  sftp.on('OPEN', (id, path, flags) => {
    if ((flags & OPEN_MODE.WRITE) !== 0) opened(id, path, Buffer.alloc(0));
    else if (files.has(path)) opened(id, path, files.get(path) ?? Buffer.alloc(0));
    else sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
  });
  sftp.on('READDIR', (id, handle) => {
    const folder = at(handle);
    if (folder === undefined || folder.isListed) return sftp.status(id, STATUS_CODE.EOF);
    folder.isListed = true;
    const inside = [...files].filter(([path]) => path.startsWith(`${folder.path}/`));
    return sftp.name(
      id,
      inside.map(([path, contents]) => ({
        filename: path.slice(folder.path.length + 1),
        longname: `-rw-r--r-- 1 u g ${contents.length} Jan 1 00:00 ${path}`,
        attrs: attributes(contents),
      })),
    );
  });
  sftp.on('READ', (id, handle, offset, length) => {
    const chunk = at(handle)?.contents.subarray(offset, offset + length) ?? Buffer.alloc(0);
    if (chunk.length === 0) sftp.status(id, STATUS_CODE.EOF);
    else sftp.data(id, chunk);
  });
  sftp.on('WRITE', (id, handle, offset, data) => {
    const file = at(handle);
    if (file === undefined) return sftp.status(id, STATUS_CODE.FAILURE);
    const grown = Buffer.alloc(Math.max(file.contents.length, offset + data.length));
    file.contents.copy(grown);
    data.copy(grown, offset);
    file.contents = grown;
    files.set(file.path, grown);
    return sftp.status(id, STATUS_CODE.OK);
  });
  sftp.on('CLOSE', (id) => sftp.status(id, STATUS_CODE.OK));
}

const modifiedAt = 1_700_000_000;
function attributes(contents?: Buffer): ssh2.Attributes {
  const mode = contents === undefined ? 0o040755 : 0o100644;
  return { mode, uid: 0, gid: 0, size: contents?.length ?? 0, atime: modifiedAt, mtime: modifiedAt };
}
