// What the JavaScript engine reserves for machine code. The kernel counts the whole reservation as data, though most of it is
// never touched: 512 MB with Node 24, next to nothing with Node 20. A limit on data has to come on top of it.
import { readFileSync } from 'node:fs';

/** In KB, of a process like this one: children run the same engine. 0 where the kernel does not list mappings. */
export function codeRangeKb(): number {
  try {
    return writableCodeKb(readFileSync('/proc/self/maps', 'utf8'));
  } catch {
    // No such list, no such limit either.
    return 0;
  }
}

/** Of a list in the form of proc(5): only what is writable, executable and private counts. */
export function writableCodeKb(maps: string): number {
  let bytes = 0;
  for (const [, from = '', to = ''] of maps.matchAll(/^([\da-f]+)-([\da-f]+) rwxp /gm)) {
    bytes += Number.parseInt(to, 16) - Number.parseInt(from, 16);
  }
  return bytes / 1024;
}
