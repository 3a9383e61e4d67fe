// `latchkey provider`: the emulator as a program.

import { Fault, invalidField, isFault } from '../src/kernel/fault.ts';
import { createLog } from '../src/kernel/log.ts';
import { demoClient } from './client-registry.ts';
import type { Emulator } from './emulator.ts';
import { startEmulator } from './emulator.ts';
import { parseQuirk, type QuirkInput, quirkyOnly } from './quirk.ts';
import { presetInput } from './quirks.ts';

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
  const quirks = (options.quirk ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  const set = options.set === undefined ? null : settingsOf(options.set);
  const chosenMode = options.mode === undefined ? null : modeOf(options.mode);
  if (chosenMode === 'standards') refuseQuirks(quirks, set);
  const emulator = await startEmulator({
    port: portOf(options.port ?? 0),
    quirks,
    ...(chosenMode === null ? {} : { mode: chosenMode }),
    ...(set === null ? {} : { set }),
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

/** What would be dropped without a word is refused. */
function refuseQuirks(quirks: readonly string[], set: QuirkInput | null): void {
  const cure = 'Leave out --mode standards, or this.';
  for (const name of quirks) {
    const [setting] = quirkyOnly(presetInput(name));
    if (setting === undefined) continue;
    throw invalidField('quirk', `"${name}" sets ${setting}, which standards mode does not look at.`, cure);
  }
  const [setting] = quirkyOnly(set ?? {});
  if (setting !== undefined) throw invalidField('set', `standards mode does not look at ${setting}.`, cure);
}

function settingsOf(text: string): QuirkInput {
  const value = jsonOf(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidField(
      'set',
      'must be a JSON object of settings.',
      `For example '{"accessTokenSeconds":60}'.`,
    );
  }
  try {
    parseQuirk(value);
    return value;
  } catch (error) {
    if (!isFault(error)) throw error;
    const field = error.field ?? 'set';
    throw new Fault('invalid_field', `--set ${error.public}`, { field });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The message about the kind of value says it all.
    return null;
  }
}
