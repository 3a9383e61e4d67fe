// The folder of the components that come along.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Beside the sources; compiled, we lie one folder deeper. */
export function bundledComponents(): string {
  const [near, far] = ['../../components/', '../../../components/'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return near !== undefined && existsSync(near) ? near : (far ?? '');
}
