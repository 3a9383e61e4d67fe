// What a shell had open when it started us is not ours. Node keeps its children from inheriting the first descriptors only:
// above a gap in the numbers, a caller's secret file would be open in PostgreSQL and in the processes of components.
import { closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

const closeOnExec = 0o2000000;

/**
 * Closes every descriptor that a child would inherit, except the three standard ones. Node opens all of its own so that no
 * child does. To be called before anything else opens files; does nothing where there is no /proc to ask.
 */
export function closeInherited(): void {
  for (const descriptor of openDescriptors()) {
    if (descriptor <= 2 || descriptor === channelToParent()) continue;
    try {
      if (isClosedOnExec(descriptor) || isProfile(descriptor)) continue;
      closeSync(descriptor);
    } catch {
      // It was the one that listed the folder.
    }
  }
}

function openDescriptors(): readonly number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number);
  } catch {
    return [];
  }
}

function isClosedOnExec(descriptor: number): boolean {
  const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
  const flags = /^flags:\s*([0-7]+)$/m.exec(info)?.[1];
  // Not told: left alone.
  return flags === undefined || (Number.parseInt(flags, 8) & closeOnExec) !== 0;
}

/** What a process manager that started us with `fork` listens on: a descriptor that is inherited and meant for us. */
function channelToParent(): number | undefined {
  const channel: object = process.channel ?? {};
  return 'fd' in channel && typeof channel.fd === 'number' ? channel.fd : undefined;
}

/** `--prof` and `--perf-basic-prof` go on writing, by number: closed, they would write into what is opened next. */
function isProfile(descriptor: number): boolean {
  const name = readlinkSync(`/proc/self/fd/${descriptor}`);
  return [`-${process.pid}-v8.log`, `/perf-${process.pid}.map`, `/jit-${process.pid}.dump`].some((end) =>
    name.endsWith(end),
  );
}
