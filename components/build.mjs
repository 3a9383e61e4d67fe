// Builds every component, or those named, into <component>/dist.
import { join, relative } from 'node:path';
import { bundleComponent, componentsRoot, findEntries } from './bundle.mjs';

const known = [...(await findEntries()).keys()].sort();
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`No such component: ${unknown.join(', ')}. There are: ${known.join(', ')}.\n`);
  process.exit(1);
}
for (const name of asked.length > 0 ? asked : known) {
  const { path, bytes } = await bundleComponent(name, join(componentsRoot, name, 'dist'));
  process.stdout.write(`${relative(process.cwd(), path)} ${Math.round(bytes / 1024)} KiB\n`);
}
