// The operator's commands: each asks the running server and prints its answer as JSON, for people and scripts alike.
import type { Command } from 'commander';
import type { Why } from '../refresh/why.ts';
import { askServer } from './ask-server.ts';
import { type Told, whyText } from './why-text.ts';

const show = async (answer: Promise<unknown>) => console.log(JSON.stringify(await answer, null, 2));

export function addOperatorCommands(program: Command): void {
  program
    .command('doctor')
    .description('say what the running server stands on: engine, versions, how components are confined')
    .action(() => show(askServer('GET', '/doctor')));

  program
    .command('takeover')
    .description('let a restored, copied or moved database refresh tokens from now on')
    .option('--i-have-stopped-the-old-one', 'no other installation uses the grants of this database any more')
    .action((options: { iHaveStoppedTheOldOne?: boolean }) =>
      show(
        askServer('POST', '/takeover', {
          oldOneIsStopped: options.iHaveStoppedTheOldOne === true ? 'yes' : '',
        }),
      ),
    );

  program
    .command('why <credential>')
    .description('say how a credential stands, what happened to it, when it is refreshed next, and the cure')
    .option('--tenant <id>', 'the organization; then the credential may be given by its label')
    .option('--json', 'the same for programs')
    .action(async (credential: string, { tenant, json }: { tenant?: string; json?: true }) => {
      const answer = askServer('POST', '/why', { credential, tenant: tenant ?? '' });
      if (json === true) return await show(answer);
      process.stdout.write(whyText((await answer) as Told<Why>));
    });

  const incidents = program
    .command('incidents')
    .description(
      'providers that are not asked: their breaker is open, or they refused very many grants at once',
    );
  incidents
    .command('list')
    .description('which, since when, and why')
    .action(() => show(askServer('GET', '/incidents')));
  incidents
    .command('end <provider>')
    .description('go on after a provider refused very many grants at once')
    .requiredOption('--verdict <verdict>', 'accept: the grants are over; retry: the provider was mistaken')
    .action((provider: string, { verdict }: { verdict: string }) =>
      show(askServer('POST', '/incidents/end', { provider, verdict })),
    );

  const keys = program.command('keys').description('rotate keys while everything runs');
  keys
    .command('rotate-root')
    .description('make a new root key and wrap all tenant keys with it')
    .action(() => show(askServer('POST', '/keys/rotate-root')));
  keys
    .command('rotate-tenant <tenant>')
    .description('give an organization a new key and seal everything again with it')
    .action((tenant: string) => show(askServer('POST', '/keys/rotate-tenant', { tenant })));

  const tenants = program.command('tenants').description('organizations of this installation');
  tenants
    .command('list')
    .description('ids and names')
    .action(() => show(askServer('GET', '/tenants')));
  tenants
    .command('shred <tenant>')
    .description('destroy the keys of an organization: nothing of it can be opened any more')
    .requiredOption('--name <name>', 'its name, exactly as listed, to confirm')
    .action((tenant: string, { name }: { name: string }) =>
      show(askServer('POST', '/tenants/shred', { tenant, name })),
    );

  addPeopleCommands(program);

  program
    .command('audit')
    .description('the audit trail')
    .command('verify [tenant]')
    .description('check the hash chain; names the first event that does not fit')
    .action((tenant: string | undefined) =>
      show(askServer('POST', '/audit/verify', { tenant: tenant ?? '' })),
    );
}

function addPeopleCommands(program: Command): void {
  const people = program.command('people').description('who can sign in');
  people
    .command('list')
    .description('e-mails, names and organizations, and who is disabled')
    .action(() => show(askServer('GET', '/people')));
  people
    .command('reset-password <email>')
    .description(
      'make a link, good for an hour and once, by which a person who forgot the password sets another',
    )
    .action((email: string) => show(askServer('POST', '/people/reset-password', { email })));
}
