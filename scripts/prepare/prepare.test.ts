import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const scripts = fileURLToPath(new URL('..', import.meta.url));
const lockfile = (version: string) =>
  JSON.stringify({
    packages: { '': {}, 'node_modules/typescript': { version, integrity: `sha-${version}` } },
  });

// Stand-ins for npm and tsc: they log what they were asked and do the least that the real ones do.
const npm = `
const { appendFileSync, copyFileSync, cpSync, existsSync, mkdirSync, rmSync } = require('node:fs');
appendFileSync('calls.log', 'npm ' + process.argv.slice(2, 4).join(' ') + '\\n');
if (existsSync('fail.txt')) { console.error(require('node:fs').readFileSync('fail.txt', 'utf8')); process.exit(1); }
if (existsSync('node_modules/busy')) appendFileSync('calls.log', 'OVERLAP\\n');
rmSync('node_modules', { recursive: true, force: true });
mkdirSync('node_modules/typescript/bin', { recursive: true });
mkdirSync('node_modules/busy');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
copyFileSync('tsc.cjs', 'node_modules/typescript/bin/tsc');
rmSync('node_modules/busy', { recursive: true });
copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;
const tsc = `
const { appendFileSync, copyFileSync, mkdirSync, readdirSync, readFileSync } = require('node:fs');
appendFileSync('calls.log', 'tsc\\n');
mkdirSync('dist/src', { recursive: true });
for (const name of readdirSync('src').filter((one) => one.endsWith('.ts'))) {
  if (readFileSync('src/' + name, 'utf8').includes('ERROR')) { console.log('src/' + name + '(1,1): error'); process.exit(2); }
  copyFileSync('src/' + name, 'dist/src/' + name.replace('.ts', '.js'));
}
`;

let root = '';
const put = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const calls = () =>
  existsSync(join(root, 'calls.log')) ? readFileSync(join(root, 'calls.log'), 'utf8') : '';
const distFiles = () => readdirSync(join(root, 'dist/src')).toSorted();

type Result = { readonly code: number; readonly said: string };
function prepare(nodeArgs: readonly string[] = []): Promise<Result> {
  const env = { ...process.env, npm_execpath: join(root, 'npm-cli.js') };
  return new Promise((resolve) => {
    const args = [...nodeArgs, join(root, 'scripts/prepare.mjs')];
    const child = execFile(process.execPath, args, { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, said: stdout + stderr }),
    );
  });
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-prepare-'));
  cpSync(join(scripts, 'prepare.mjs'), join(root, 'scripts/prepare.mjs'));
  cpSync(join(scripts, 'prepare'), join(root, 'scripts/prepare'), { recursive: true });
  put('npm-cli.js', npm);
  put('tsc.cjs', tsc);
  put('package.json', '{}');
  put('package-lock.json', lockfile('1.0.0'));
  put('src/cli.ts', 'start();\n');
  put('src/storage.sql', 'select 1;\n');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a fresh clone is installed without package scripts, compiled, and its assets copied; then nothing is done', async () => {
  expect(await prepare()).toMatchObject({ code: 0 });
  expect(calls()).toBe('npm ci --ignore-scripts\ntsc\n');
  expect(distFiles()).toEqual(['cli.js', 'storage.sql']);
  expect(await prepare()).toEqual({ code: 0, said: '' });
  expect(calls()).toBe('npm ci --ignore-scripts\ntsc\n');
});

test('what changed is made again, and only that', async () => {
  await prepare();
  put('src/cli.ts', 'start(2);\n');
  put('src/new.sql', 'select 2;\n');
  rmSync(join(root, 'src/storage.sql'));
  await prepare();
  expect(calls()).toBe('npm ci --ignore-scripts\ntsc\ntsc\n');
  expect(distFiles()).toEqual(['cli.js', 'new.sql']);
  rmSync(join(root, 'dist'), { recursive: true });
  await prepare();
  expect(distFiles()).toEqual(['cli.js', 'new.sql']);
  put('package-lock.json', lockfile('2.0.0'));
  await prepare();
  expect(calls()).toMatch(/npm ci --ignore-scripts\ntsc\n$/);
});

test("a developer's own install counts, a half-finished one does not", async () => {
  await prepare();
  put('package-lock.json', lockfile('3.0.0'));
  put('node_modules/.package-lock.json', lockfile('3.0.0'));
  await prepare();
  expect(calls().match(/npm/g)).toHaveLength(1);
  rmSync(join(root, 'node_modules/.package-lock.json'));
  await prepare();
  expect(calls().match(/npm/g)).toHaveLength(2);
});

test('the command line is bundled after each compilation, and when a part of its bundle is gone', async () => {
  put(
    'scripts/bundle.mjs',
    "import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';\nappendFileSync('calls.log', 'bundle\\n');\nmkdirSync('dist/bin', { recursive: true });\nwriteFileSync('dist/bin/latchkey.js', '');\nwriteFileSync('dist/bin/chunk.js', '');\nwriteFileSync('dist/bin/made.json', JSON.stringify([['latchkey.js', 'chunk.js']]));\n",
  );
  await prepare();
  const first = calls();
  expect(first).toMatch(/tsc\nbundle\n$/);
  await prepare();
  expect(calls()).toBe(first);
  put('src/cli.ts', 'start(2);\n');
  await prepare();
  expect(calls()).toBe(`${first}tsc\nbundle\n`);
  rmSync(join(root, 'dist/bin/chunk.js'));
  await prepare();
  expect(calls()).toBe(`${first}tsc\nbundle\nbundle\n`);
  put('scripts/bundle.mjs', "throw new Error('no room');\n");
  const { code, said } = await prepare();
  expect(code).toBe(1);
  expect(said).toContain('Latchkey: the compiled code cannot be bundled:');
});

// A preparer and the child that does its step die at once, half-way through it.
const dieWithParent = "process.kill(process.ppid, 'SIGKILL'); process.kill(process.pid, 'SIGKILL');";
const writeOld = `
const fs = require('node:fs');
fs.writeFileSync('dist/src/cli.js', 'old');
fs.appendFileSync('calls.log', 'late\\n');
`;
const copyBundle = `
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
mkdirSync('dist/bin', { recursive: true });
copyFileSync('dist/src/cli.js', 'dist/bin/latchkey.js');
writeFileSync('dist/bin/made.json', '[["latchkey.js"]]');
`;
const buildComponent = `
import { copyFileSync } from 'node:fs';
copyFileSync('dist/bin/latchkey.js', 'components/a/dist/bundle.js');
`;

test.each([
  ['compiling', 'node_modules/typescript/bin/tsc', tsc, `${tsc}${dieWithParent}`],
  ['bundling', 'scripts/bundle.mjs', copyBundle, `${copyBundle.split('copyFileSync(')[0]}${dieWithParent}`],
  ['bundling, without room', 'scripts/bundle.mjs', copyBundle, "throw new Error('no room');"],
  ['building components', 'components/build.mjs', buildComponent, dieWithParent],
])('a start that dies while %s leaves nothing old in use', async (_when, script, whole, broken) => {
  put('scripts/bundle.mjs', copyBundle);
  put('components/build.mjs', buildComponent);
  put('components/a/package.json', '{"main":"dist/bundle.js"}');
  mkdirSync(join(root, 'components/a/dist'), { recursive: true });
  await prepare();
  put('src/cli.ts', 'start(2);\n');
  put(script, broken);
  expect(await prepare()).not.toMatchObject({ code: 0 });
  put(script, whole);
  expect(await prepare()).toMatchObject({ code: 0 });
  for (const path of ['dist/src/cli.js', 'dist/bin/latchkey.js', 'components/a/dist/bundle.js'])
    expect([path, readFileSync(join(root, path), 'utf8')]).toEqual([path, 'start(2);\n']);
});

test('a source that is put back after a start died on its change is compiled again', async () => {
  await prepare();
  put('src/cli.ts', 'start(2);\n');
  put('node_modules/typescript/bin/tsc', `${tsc}${dieWithParent}`);
  expect(await prepare()).not.toMatchObject({ code: 0 });
  put('node_modules/typescript/bin/tsc', tsc);
  put('src/cli.ts', 'start();\n');
  await prepare();
  expect(readFileSync(join(root, 'dist/src/cli.js'), 'utf8')).toBe('start();\n');
});

test.each([
  'node_modules/.package-lock.json',
  'dist/bin/made.json',
  '.prepare/install.stamp',
  '.prepare/compile.stamp',
  '.prepare/bundle.stamp',
])('what a full disk left of %s stops no start: it is made again', async (record) => {
  put('scripts/bundle.mjs', copyBundle);
  await prepare();
  for (const torn of ['', readFileSync(join(root, record), 'utf8').slice(0, 9)]) {
    put(record, torn);
    expect(await prepare()).toMatchObject({ code: 0, said: expect.stringContaining('bundling') });
    expect(await prepare()).toEqual({ code: 0, said: '' });
  }
});

test.each(['package-lock.json', 'components/a/package.json'])(
  'a torn %s, which only the repository has, is named',
  async (source) => {
    put('components/build.mjs', '');
    await prepare();
    put(source, '{');
    const { code, said } = await prepare();
    expect(code).toBe(1);
    expect(said).toBe(`Latchkey: ${join(root, source)} is not JSON: restore it from the repository.\n`);
  },
);

test('components are built when they are stale or their bundle is gone', async () => {
  put(
    'components/build.mjs',
    "import { appendFileSync, writeFileSync } from 'node:fs';\nappendFileSync('calls.log', 'build\\n');\nwriteFileSync('components/a/dist/bundle.js', '');\n",
  );
  mkdirSync(join(root, 'components/a/dist'), { recursive: true });
  put('components/a/package.json', '{"main":"dist/bundle.js"}');
  await prepare();
  const before = calls();
  expect(before).toMatch(/build\n/);
  await prepare();
  expect(calls()).toBe(before);
  rmSync(join(root, 'components/a/dist/bundle.js'));
  await prepare();
  expect(calls()).toBe(`${before}build\n`);
});

test('simultaneous starts prepare once, one after the other', async () => {
  const results = await Promise.all([prepare(), prepare(), prepare(), prepare()]);
  expect(results.map((result) => result.code)).toEqual([0, 0, 0, 0]);
  expect(calls()).toBe('npm ci --ignore-scripts\ntsc\n');
  expect(existsSync(join(root, '.prepare/lock'))).toBe(false);
});

test('the lock of a killed start is taken over, by one of those who wait', async () => {
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  put('.prepare/lock/owner', `${dead} 0b1c`);
  const results = await Promise.all([prepare(), prepare(), prepare()]);
  expect(results.map((result) => result.code)).toEqual([0, 0, 0]);
  expect(calls()).toBe('npm ci --ignore-scripts\ntsc\n');
});

test('a killed start that nobody fetched from the list of processes holds no lock', async (context) => {
  if (process.platform !== 'linux') context.skip('needs /proc');
  // Ends when nobody is left who would fetch it: the shell has become another program.
  const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const dead = line.toString().trim();
  await expect.poll(() => readFileSync(`/proc/${dead}/stat`, 'utf8')).toContain(') Z ');
  put('.prepare/lock/owner', `${dead} 0b1c`);
  expect(await prepare()).toMatchObject({ code: 0 });
  parent.kill();
});

test('a number that another process has by now holds no lock', async (context) => {
  if (process.platform !== 'linux') context.skip('needs /proc');
  put('.prepare/lock/owner', `${process.pid} 0b1c elsewhere:1`);
  put('.prepare/lock/child', `${process.pid} elsewhere:1`);
  expect(await prepare()).toMatchObject({ code: 0 });
});

test('the child of a killed start is waited for: what it still writes is of the past', async () => {
  await prepare();
  put('src/cli.ts', 'start(2);\n');
  const late = "process.kill(process.ppid, 'SIGKILL'); setTimeout(() => { work(); }, 2000);";
  put('node_modules/typescript/bin/tsc', `const work = () => {${writeOld}};${late}`);
  expect(await prepare()).not.toMatchObject({ code: 0 });
  put('node_modules/typescript/bin/tsc', tsc);
  expect(await prepare()).toMatchObject({ code: 0 });
  await expect.poll(() => calls()).toContain('late\n');
  expect(readFileSync(join(root, 'dist/src/cli.js'), 'utf8')).toBe('start(2);\n');
});

test.each([
  ['npm error code ENOTFOUND\nnpm error network request failed', /registry \(ENOTFOUND\): check the network/],
  ['npm error code EACCES\nnpm error syscall mkdir', /node_modules \(EACCES\): make this folder writable/],
  ['npm error code EUSAGE\nnpm error npm ci can only', /do not agree: run npm install/],
  ['npm error code E404\nnpm error 404 Not Found - left-pad', /npm ci failed: 404 Not Found/],
])('a failed install says in one line what to do: %j', async (output, says) => {
  put('fail.txt', output);
  const { code, said } = await prepare();
  expect(code).toBe(1);
  expect(said.trimEnd().split('\n').at(-1)).toMatch(says);
  expect(said.trimEnd().split('\n')).toHaveLength(2);
});

test('code that does not compile stops the start, and is tried again', async () => {
  put('src/cli.ts', 'ERROR\n');
  expect(await prepare()).toMatchObject({ code: 1, said: expect.stringContaining('src/cli.ts(1,1): error') });
  put('src/cli.ts', 'start();\n');
  expect(await prepare()).toMatchObject({ code: 0 });
});

test('a folder that cannot be written is named in one line, and is enough when nothing is stale', async () => {
  await prepare();
  const asNobody = `process.getuid() === 0 && (process.setgid(65534), process.setuid(65534));`;
  const drop = ['--import', `data:text/javascript,${encodeURIComponent(asNobody)}`];
  chmodSync(root, 0o555);
  chmodSync(join(root, '.prepare'), 0o555);
  expect(await prepare(drop)).toEqual({ code: 0, said: '' });
  chmodSync(join(root, 'src'), 0o755);
  put('src/cli.ts', 'start(3);\n');
  const { code, said } = await prepare(drop);
  expect(code).toBe(1);
  expect(said).toMatch(/^Latchkey: cannot write .*\.prepare.*: no permission to write there\.\n$/);
  chmodSync(root, 0o755);
  chmodSync(join(root, '.prepare'), 0o755);
});

test('an old Node is told what to install, before anything that it cannot read is loaded', async () => {
  const old =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } });";
  const { code, said } = await prepare(['--import', `data:text/javascript,${encodeURIComponent(old)}`]);
  expect(code).toBe(1);
  expect(said).toMatch(/^Latchkey needs Node\.js 20\.19 or newer, this is 18\.20\.8: [^\n]*\n$/);
  expect(calls()).toBe('');
});
