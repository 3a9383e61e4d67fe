// A process that holds an embedded database until it is told to stop, for tests that kill it. Prints one JSON line
// when it is up; on SIGINT it proves that the database still answers, and stops.
import { silentLog } from '../src/kernel/log.ts';
import { openEmbedded } from '../src/storage/database.ts';

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const [directory = ''] = process.argv.slice(2);
try {
  const database = await openEmbedded({ directory, log: silentLog });
  process.on('SIGINT', () => {
    void (async () => {
      const { rows } = await database.pool('app').query('select 1 as alive');
      say({ alive: rows[0]?.alive === 1 });
      await database.close();
      process.exit(0);
    })();
  });
  say({ up: true, server: database.server.pid, cluster: database.server.cluster });
} catch (error) {
  say({ up: false, refused: error instanceof Error && 'public' in error ? error.public : String(error) });
  process.exitCode = 1;
}
