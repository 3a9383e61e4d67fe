import { expect, onTestFinished, test } from 'vitest';
import type { Fault } from '../src/kernel/fault.ts';
import { type ProviderCommandOptions, providerCommand } from './command.ts';

async function run(options: ProviderCommandOptions) {
  const lines: string[] = [];
  const emulator = await providerCommand({ ...options, write: (text) => void lines.push(text) });
  onTestFinished(() => emulator.close());
  return { emulator, printed: lines.join('') };
}

test('words name every endpoint and the client to use', async () => {
  const { emulator, printed } = await run({ quirk: 'slack, slow' });
  expect(printed).toContain('quirky (slack, slow)');
  for (const path of ['authorize', 'token', 'revoke', 'userinfo', 'resource', '_emulator/ledger']) {
    expect(printed).toContain(`${emulator.url}/${path}`);
  }
  expect(printed).toContain('latchkey-demo / latchkey-demo-secret');
});

test('--json prints one line that a program can read', async () => {
  const { emulator, printed } = await run({
    json: true,
    set: '{"accessTokenSeconds":60}',
    mode: 'standards',
  });
  expect(printed.trimEnd()).not.toContain('\n');
  expect(JSON.parse(printed)).toMatchObject({
    url: emulator.url,
    mode: 'standards',
    client_id: 'latchkey-demo',
  });
  expect(emulator.state().quirk.accessTokenSeconds).toBe(60);
});

test.each<[ProviderCommandOptions, string]>([
  [{ port: 'x' }, 'port'],
  [{ port: 70_000 }, 'port'],
  [{ quirk: 'nope' }, 'quirk'],
  [{ set: 'accessTokenSeconds=60' }, 'set'],
  [{ set: '{"rotation":"x"}' }, 'rotation'],
  [{ mode: 'odd' }, 'mode'],
  [{ mode: 'standards', quirk: 'slow,slack' }, 'quirk'],
  [{ mode: 'standards', set: '{"iss":"wrong"}' }, 'set'],
])('%j is refused with the option named', async (options, field) => {
  await expect(providerCommand({ ...options, write: () => {} })).rejects.toMatchObject({ field });
});

test('a setting that is not known is refused by option and name, with the names that are', async () => {
  const refusal = (set: string) =>
    providerCommand({ set, write: () => {} }).then(
      () => 'started',
      (fault: Fault) => fault.public,
    );
  expect(await refusal('{"foo":1}')).toMatch(/^--set foo: is not known here\. Known: rotation, .*, shape\.$/);
  expect(await refusal('{"shape":{"foo":1}}')).toBe('--set shape.foo: is not known here. Leave it out.');
  expect(await refusal('{"rotation":"x"}')).toMatch(/^--set rotation: /);
});

test('a preset of weather alone holds in standards mode too', async () => {
  const { emulator } = await run({ mode: 'standards', quirk: 'slow' });
  expect(emulator.state()).toMatchObject({ mode: 'standards', presets: ['slow'] });
});

test('a port in use is one clear error', async () => {
  const { emulator } = await run({ quirk: 'slack' });
  const port = new URL(emulator.url).port;
  await expect(providerCommand({ port, quirk: 'slack' })).rejects.toMatchObject({
    code: 'cannot_start',
    message: `Port ${port} is in use.`,
  });
});
