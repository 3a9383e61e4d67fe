// A RabbitMQ of our own on loopback for the length of a test: its ports, its files and its cookie belong to nobody else, and it
// goes when we go, however we go.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';

/** Debian's place. What stands in /usr/sbin changes its user and takes no environment along. */
const program = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** In CI it is always wanted: there, one that is absent is a failure and not a reason. */
export const hasBroker = existsSync(program) || process.env.CI === 'true';
export const needsBroker = 'needs RabbitMQ: apt-get install --no-install-recommends rabbitmq-server';

export type ScratchBroker = {
  readonly url: string;
  readonly close: () => Promise<void>;
};

/**
 * Holds both programs until its input ends, which is also what a test that is killed does to it, or until the broker ends by
 * itself. Erlang's port mapper is started by us, as the broker would leave one behind that outlives it. A word of ours to a test that is gone would end us before the rest.
 */
const keeper = `
exec 3<&0
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 & mapper=$!
${program} & broker=$!
(read -r _ <&3; kill -TERM $broker) & watch=$!
wait $broker
kill -TERM $watch $mapper 2>/dev/null
wait
rm -rf "$SCRATCH"
`;

const readyWithinMs = 60_000;
const askEveryMs = 200;

export async function startScratchBroker(): Promise<ScratchBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-broker-'));
  const [port = 0, distributionPort, mapperPort] = await freePorts(3);
  // Nobody else's broker lets us in, should it stand at this port.
  const password = randomBytes(16).toString('hex');
  await mkdir(join(folder, 'home'));
  await writeFile(join(folder, 'plugins'), '[].');
  await writeFile(
    join(folder, 'rabbitmq.conf'),
    `listeners.tcp.1 = 127.0.0.1:${port}\ndefault_user = sailor\ndefault_pass = ${password}\n`,
  );
  const child = spawn('sh', ['-c', keeper], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      SCRATCH: folder,
      HOME: join(folder, 'home'),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: `${mapperPort}`,
      RABBITMQ_NODENAME: `latchkey-${port}@localhost`,
      RABBITMQ_NODE_PORT: `${port}`,
      RABBITMQ_DIST_PORT: `${distributionPort}`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
      RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'generated'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      // The machine's own settings are not ours.
      RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C in a terminal goes to the test; the broker is told by the end of its input.
    detached: true,
  });
  const gone = new Promise<void>((done) => child.once('close', () => done()));
  const close = async () => {
    child.stdin?.end();
    await gone;
    await rm(folder, { recursive: true, force: true });
  };
  const url = `amqp://sailor:${password}@127.0.0.1:${port}`;
  try {
    await whenReady(url, child);
  } catch (error) {
    await close();
    throw error;
  }
  return { url, close };
}

async function whenReady(url: string, child: ChildProcess): Promise<void> {
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      printed = `${printed}${chunk.toString('utf8')}`.slice(-20_000);
    });
  }
  for (let left = readyWithinMs / askEveryMs; ; left -= 1) {
    try {
      const connection = await connect(url);
      await connection.close();
      return;
    } catch (cause) {
      if (left <= 0 || child.exitCode !== null) {
        throw new Error(`RabbitMQ did not start:\n${printed}`, { cause });
      }
      await sleep(askEveryMs);
    }
  }
}

/** Below those that the system gives to outgoing connections: nobody takes them while the broker starts. */
async function freePorts(count: number): Promise<readonly number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(15_000, 32_000);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
