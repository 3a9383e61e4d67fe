// An emulator whose port nobody takes while it is unplugged: below those that the system gives to outgoing connections.
import { randomInt } from 'node:crypto';
import { type Emulator, type EmulatorOptions, startEmulator } from '../providers/emulator.ts';
import { isFault } from '../src/kernel/fault.ts';

const ports = { from: 15_000, to: 32_000 } as const;
/** Never given twice: one that is unplugged comes back to its own. */
const given = new Set<number>();

export async function startSteadyEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  for (let left = 20; ; left -= 1) {
    const port = randomInt(ports.from, ports.to);
    if (given.has(port)) continue;
    given.add(port);
    try {
      return await startEmulator({ ...options, port });
    } catch (error) {
      if (left <= 0 || !isFault(error, 'cannot_start')) throw error;
    }
  }
}
