// The host script is made in the running server, which keeps nothing of what made it.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { runCli } from '../../testing/run-cli.ts';
import { type ServerProcess, startServerProcess } from '../../testing/running-server.ts';
import { testWhere } from '../../testing/where.ts';

let data: string;
let server: ServerProcess;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'latchkey-child-'));
  server = startServerProcess({ data });
  await server.ready;
});
afterAll(async () => {
  server.child.kill('SIGTERM');
  await server.exited;
  await rm(data, { recursive: true, force: true });
});

/** Command lines of the processes that the server started itself, whichever of its threads did. */
function childrenOfServer(): readonly string[] {
  const tasks = `/proc/${server.child.pid}/task`;
  return readdirSync(tasks)
    .flatMap((task) => readFileSync(`${tasks}/${task}/children`, 'utf8').trim().split(' '))
    .filter((pid) => pid !== '')
    .map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
}

testWhere(process.platform === 'linux', 'reads /proc')(
  'nothing that made the host script stays',
  async () => {
    const { code, stdout } = await runCli(data, ['doctor']);
    expect(code).toBe(0);
    // Which starts a host to find out.
    expect(JSON.parse(stdout).components).not.toBe('');
    const children = childrenOfServer();
    expect(children.some((line) => line.includes('postgres'))).toBe(true);
    await expect.poll(() => childrenOfServer().filter((line) => line.includes('esbuild'))).toEqual([]);
  },
);
