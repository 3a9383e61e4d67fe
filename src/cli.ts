#!/usr/bin/env node
// The command line. Each command stands in cli/; an expected failure is one line on stderr and exit code 1.
import { Command } from 'commander';
import { start } from './cli/start.ts';
import { isFault } from './kernel/fault.ts';

const program = new Command('latchkey').description(
  'Credential and connection service for embedded integrations',
);

program
  .command('start')
  .description('serve, refresh and work, with an embedded database unless DATABASE_URL is set')
  .action(async () => {
    process.exitCode = await start(process.env);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!isFault(error)) throw error;
  console.error(`latchkey: ${error.public}`);
  process.exitCode = 1;
}
