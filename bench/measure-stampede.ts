// Five hundred readers over three processes want one expired token at the same moment: how many token requests that
// costs, and how long the last of them waits beyond the provider's own time.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CredentialId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import { openEmbedded, type Role } from '../src/storage/database.ts';
import { doors as doorRoles } from '../src/storage/door-role.ts';
import { startServer } from './child.ts';
import { seedDue } from './seed-due.ts';
import { type Spread, spreadOf } from './spread.ts';
import type { StampedeOrder } from './stampede-child.ts';

export type Stampede = {
  readonly readers: number;
  readonly processes: number;
  readonly requests: Spread;
  readonly failed: number;
  /** Of the last reader, beyond what the provider takes. */
  readonly extraMs: Spread;
};

const latencyMs = 200;
const readersOf = [167, 167, 166] as const;

export async function measureStampede(
  folder: string,
  turns: number,
  say: (text: string) => void,
): Promise<Stampede> {
  const provider = await startServer('bench/token-endpoint.js', ['--latency', String(latencyMs)]);
  const directory = join(folder, 'stampede');
  await mkdir(directory, { mode: 0o700 });
  const database = await openEmbedded({ directory, log: silentLog });
  try {
    const tokenUrl = `http://127.0.0.1:${provider.port}/token`;
    const seeded = await seedDue(database, {
      directory,
      tokenUrl,
      apps: 1,
      grants: turns + 1,
      expiresInSeconds: -1,
    });
    const roles: readonly Role[] = ['owner', ...doorRoles];
    const house = {
      engine: 'embedded' as const,
      url: null,
      logins: Object.fromEntries(roles.map((role) => [role, database.server.login(role)])),
      folder: directory,
      tenant: seeded.tenant,
    };
    const children = readersOf.map((readers) => startChild({ house, readers }));
    const requests: number[] = [];
    const extraMs: number[] = [];
    let failed = 0;
    try {
      for (const child of children) await child.hear();
      for (const [turn, credentialId] of seeded.ids.entries()) {
        say(turn === 0 ? 'stampede, to warm up' : `stampede ${turn} of ${turns}`);
        const before = await requestsOf(provider.port);
        const answers = await runTogether(children, credentialId);
        if (turn === 0) continue;
        requests.push((await requestsOf(provider.port)) - before);
        extraMs.push(Math.max(...answers.map(({ tookMs }) => tookMs)) - latencyMs);
        failed += answers.reduce((sum, answer) => sum + answer.failed, 0);
      }
    } finally {
      for (const child of children) child.tell('');
      await Promise.all(children.map((child) => child.ended));
    }
    const readers = readersOf.reduce((sum, count) => sum + count, 0);
    return {
      readers,
      processes: readersOf.length,
      requests: spreadOf(requests),
      failed,
      extraMs: spreadOf(extraMs),
    };
  } finally {
    await database.close();
    await provider.stop();
  }
}

type Answer = { readonly tookMs: number; readonly failed: number };

/** As a process that has been serving: what is hot is compiled, connections and plans are there. */
async function runTogether(
  children: readonly Child[],
  credentialId: CredentialId,
): Promise<readonly Answer[]> {
  for (const child of children) child.tell(credentialId);
  const answers: Answer[] = [];
  for (const child of children) answers.push(JSON.parse(await child.hear()) as Answer);
  return answers;
}

type Child = ReturnType<typeof startChild>;

function startChild(order: StampedeOrder) {
  const path = fileURLToPath(new URL('stampede-child.js', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const tell = (text: string): void => void child.stdin?.write(`${text}\n`);
  tell(JSON.stringify(order));
  return {
    tell,
    hear: async () => {
      const line = await lines.next();
      if (line.done === true) throw new Error('a reader process ended early');
      return line.value;
    },
    ended: new Promise<void>((resolve) => child.once('exit', () => resolve())),
  };
}

async function requestsOf(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/count`);
  return ((await answer.json()) as { requests: number }).requests;
}
