#!/usr/bin/env node
// The command line. Each command stands in cli/ and is loaded when it is asked for; an expected failure is one line on
// stderr and exit code 1.
import { Command } from 'commander';
import type { ProviderCommandOptions } from '../providers/command.ts';
import { buildVersion } from './cli/build-version.ts';
import { addOperatorCommands } from './cli/operator-commands.ts';
import { isFault } from './kernel/fault.ts';

const program = new Command('latchkey')
  .description('Credential and connection service for embedded integrations')
  .version(buildVersion());

program
  .command('start')
  .description('serve, refresh and work, with an embedded database unless DATABASE_URL is set')
  .action(async () => {
    const { start } = await import('./cli/start.ts');
    process.exitCode = await start(process.env);
  });

program
  .command('provider')
  .description(
    'emulate an OAuth provider on loopback, true to the standards or as odd as told, with a ledger',
  )
  .option('--quirk <names>', 'presets, comma-separated')
  .option('--port <port>', 'port to listen on', '0')
  .option('--ledger <file>', 'append every token request to this file')
  .option('--mode <mode>', 'standards or quirky')
  .option('--set <json>', 'settings on top of the presets')
  .option('--json', 'say where it is as one line of JSON')
  .action(async (options: ProviderCommandOptions) => {
    const { providerCommand } = await import('../providers/command.ts');
    const emulator = await providerCommand(options);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void emulator.close());
  });

addOperatorCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!isFault(error)) throw error;
  console.error(`latchkey: ${error.public}`);
  process.exitCode = 1;
}
