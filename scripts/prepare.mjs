// Runs before `npm start`, `npm test` and `npm run demo`: installs, compiles and builds what is missing or stale, and
// does nothing, quickly, when nothing changed. Needs only Node: it runs before there are any packages.
// The version is checked before anything else is loaded, in syntax that old versions can read.
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Latchkey needs Node.js 20.19 or newer, this is ${process.versions.node}: install one from https://nodejs.org (24 is a good choice).`,
  );
  process.exit(1);
}

const { prepare } = await import('./prepare/prepare.mjs');
process.exitCode = await prepare(new URL('..', import.meta.url));
