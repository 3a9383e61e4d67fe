// Where the running server listens to its operator: a unix socket in the data directory, for its owner alone.
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** sun_path holds 108 bytes with the closing zero. */
const maxPathBytes = 107;

/** The same for server and command line; a private folder with a short name where the data directory's is too long. */
export function operatorSocket(dataDirectory: string): { readonly folder: string; readonly path: string } {
  const near = join(dataDirectory, 'operator.sock');
  if (Buffer.byteLength(near) <= maxPathBytes) return { folder: dataDirectory, path: near };
  const name = createHash('sha256').update(dataDirectory).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `latchkey-operator-${name}`);
  return { folder, path: join(folder, 'operator.sock') };
}
