// The version of the package that this program belongs to.
import { existsSync, readFileSync } from 'node:fs';

/** This file is one folder deeper once compiled. */
export function buildVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    const file = new URL(up, import.meta.url);
    if (!existsSync(file)) continue;
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
      return String(manifest.version);
  }
  return 'unknown';
}
