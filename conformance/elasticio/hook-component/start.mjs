// The beginning of a real sailor's life as its own program has it, without the queue: its step, then the startup hook, then
// what the event `updateKeys` of an older component does.
import { Sailor } from 'elasticio-sailor-nodejs/lib/sailor.js';
import settings from 'elasticio-sailor-nodejs/lib/settings.js';

async function start() {
  const given = settings.readFrom(process.env);
  const sailor = new Sailor(given);
  await sailor.prepare();
  process.stdout.write(`step ${JSON.stringify(sailor.stepData)}\n`);
  if (given.STARTUP_REQUIRED) await sailor.startup();
  const { _account: account } = sailor.stepData.config;
  if (account !== undefined)
    await sailor.apiClient.accounts.update(account, { keys: { access_token: 'newer' } });
}

try {
  await start();
  process.exit(0);
} catch (error) {
  process.stdout.write(`${error.stack}\n`);
  process.exit(1);
}
