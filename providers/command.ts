// `latchkey provider`: the emulator as a program.

import { invalidField } from '../src/kernel/fault.ts';
import { createLog } from '../src/kernel/log.ts';
import { demoClient } from './client-registry.ts';
import type { Emulator } from './emulator.ts';
import { startEmulator } from './emulator.ts';
import type { QuirkInput } from './quirk.ts';

export type ProviderCommandOptions = {
  /** Comma-separated presets, merged from left to right. */
  readonly quirk?: string;
  readonly port?: number | string;
  readonly ledger?: string;
  /** One JSON line at the start instead of words. */
  readonly json?: boolean;
  /** Default: quirky if a preset or a setting is given, else standards. */
  readonly mode?: string;
  /** Settings as a JSON object, on top of the presets. */
  readonly set?: string;
  readonly write?: (text: string) => void;
};

/** Starts the emulator and says where it is; the caller keeps the process alive and closes it on a signal. */
export async function providerCommand(options: ProviderCommandOptions = {}): Promise<Emulator> {
  const write = options.write ?? ((text: string) => void process.stdout.write(text));
  const emulator = await startEmulator({
    port: portOf(options.port ?? 0),
    quirks: (options.quirk ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean),
    ...(options.mode === undefined ? {} : { mode: modeOf(options.mode) }),
    ...(options.set === undefined ? {} : { set: settingsOf(options.set) }),
    ...(options.ledger === undefined ? {} : { ledgerFile: options.ledger }),
    log: createLog({ level: 'warn' }),
  });
  const { url, mode, presets } = emulator.state();
  if (options.json) {
    write(
      `${JSON.stringify({ url, mode, quirks: presets, ...demoClient, admin: `${url}/_emulator/state` })}\n`,
    );
    return emulator;
  }
  const character =
    mode === 'standards' ? 'true to the standards' : `quirky (${presets.join(', ') || 'own settings'})`;
  write(
    [
      `Emulated provider, ${character}, at ${url}`,
      `  authorize   ${url}/authorize`,
      `  token       ${url}/token`,
      `  revoke      ${url}/revoke`,
      `  userinfo    ${url}/userinfo`,
      `  resource    ${url}/resource`,
      `  client      ${demoClient.client_id} / ${demoClient.client_secret} (any loopback redirect URI)`,
      `  ledger      ${url}/_emulator/ledger`,
      '',
    ].join('\n'),
  );
  return emulator;
}

function portOf(value: number | string): number {
  const port = Number(value);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw invalidField('port', 'must be a whole number from 0 to 65535.', '0 takes any free port.');
}

function modeOf(value: string): 'standards' | 'quirky' {
  if (value === 'standards' || value === 'quirky') return value;
  throw invalidField('mode', 'must be standards or quirky.');
}

function settingsOf(text: string): QuirkInput {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Falls through to the one message that helps.
  }
  throw invalidField('set', 'must be a JSON object of settings.', `For example '{"accessTokenSeconds":60}'.`);
}
