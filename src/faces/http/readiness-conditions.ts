// What every process must have before it is sent traffic. Rooms that know more reasons add their own when they open.
import type { Readiness } from '../../kernel/readiness.ts';
import type { ClusterIdentity } from '../../refresh/cluster-identity.ts';
import type { Heartbeat } from '../../refresh/heartbeat.ts';
import type { Database } from '../../storage/database.ts';
import type { Doors } from '../../storage/doors.ts';
import { isSchemaComplete } from '../../storage/migrate.ts';
import { proveRootKey, type RootKeys } from '../../vault/root-key.ts';
import { readInstallation } from '../../vault/root-key-store.ts';

export function addConditions(rooms: {
  readonly readiness: Readiness;
  readonly database: Database;
  readonly doors: Doors;
  readonly root: { readonly rootKeys: RootKeys };
  readonly heartbeat: Pick<Heartbeat, 'isSeen'>;
  readonly identity: Pick<ClusterIdentity, 'isConfirmed'>;
}): Readiness {
  const { readiness, database, doors, root, heartbeat, identity } = rooms;
  // A beat is a committed write: it says more than a connection does, and costs nothing to ask for.
  readiness.add('database', async () => heartbeat.isSeen() && (await doors.locate(async () => true)));
  readiness.add('migrations', () => isSchemaComplete(database));
  readiness.add('root_key', async () => {
    const installation = await doors.locate(readInstallation);
    if (!installation?.rootKey) return false;
    await proveRootKey(root.rootKeys, installation.rootKey);
    return true;
  });
  readiness.add('identity_unconfirmed', identity.isConfirmed);
  return readiness;
}
