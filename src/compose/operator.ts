// The operator's socket in the data directory.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createHttpServer } from '../faces/http/server.ts';
import { registerOpenMetrics } from '../faces/metrics/register-metrics.ts';
import { operatorSocket } from '../faces/operator/operator-socket.ts';
import { registerOperator } from '../faces/operator/register.ts';
import type { HostPool } from '../hosts/pool.ts';
import { identityInWords } from '../refresh/cluster-identity.ts';
import type { RefreshGate } from '../refresh/refresh-gate.ts';
import { takeOver } from '../refresh/take-over.ts';
import type { Ground } from './ground.ts';

/** Only whoever may enter the data directory reaches it; a socket left by a killed process is replaced. */
export async function openOperator(
  ground: Ground,
  { isolation, gate }: Pick<HostPool, 'isolation'> & { readonly gate: RefreshGate },
): Promise<void> {
  const { config, log, clock, doors, vault, root, closers, database, build, identity, heartbeat } = ground;
  const { folder, path } = operatorSocket(config.dataDirectory);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(path, { force: true });
  const app = createHttpServer({ log, trustedHops: 0, tls: null, isHttps: false });
  registerOperator(app, {
    doors,
    publicUrl: ground.publicUrl,
    clock,
    gate,
    vault,
    rootKeys: root.rootKeys,
    installation: root.installation,
    dataDirectory: config.dataDirectory,
    takeOver: (actor) => takeOver({ doors, identity, heartbeat, actor }),
    describe: async () => {
      const { kind, reason } = await isolation();
      return {
        version: build,
        node: process.version,
        engine: database.engine,
        url: ground.publicUrl,
        identity: identityInWords(identity.state()),
        components: reason === null ? kind : `${kind}: ${reason}`,
      };
    },
  });
  registerOpenMetrics(app, ground.metrics);
  await app.listen({ path });
  await chmod(path, 0o600);
  closers.add('operator socket', () => app.close());
}
