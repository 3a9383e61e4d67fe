import { expect, onTestFinished, test } from 'vitest';
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
])('%j is refused with the option named', async (options, field) => {
  await expect(providerCommand({ ...options, write: () => {} })).rejects.toMatchObject({ field });
});

test('a port in use is one clear error', async () => {
  const { emulator } = await run({ quirk: 'slack' });
  const port = new URL(emulator.url).port;
  await expect(providerCommand({ port, quirk: 'slack' })).rejects.toMatchObject({
    code: 'cannot_start',
    message: `Port ${port} is in use.`,
  });
});
