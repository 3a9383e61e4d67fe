import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import { testWhere } from '../../testing/where.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

/** All processes below `pid`, the way Linux keeps them. */
function descendants(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const children = text === '' ? [] : text.split(' ').map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

testWhere(process.platform === 'linux', 'reads /proc').each(['auto', 'none'])(
  'when the server is killed, its components die with it even in an endless loop (isolation %s)',
  async (isolation) => {
    const folder = mkdtempSync(join(tmpdir(), 'owner-'));
    const owner = spawn(
      process.execPath,
      ['--import', 'tsx', fixture('pool-owner.ts'), fixture('hostile-component.cjs'), isolation, folder],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(owner.stdout, 'data');
    const hosts = descendants(owner.pid ?? 0);
    expect(hosts.filter(isAlive).length).toBeGreaterThan(0);
    owner.kill('SIGKILL');
    await vi.waitFor(() => expect(hosts.filter(isAlive)).toEqual([]), { timeout: 10_000 });
    rmSync(folder, { recursive: true, force: true });
  },
);
