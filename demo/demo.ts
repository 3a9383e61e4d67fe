// `npm run demo`: the product's main job from end to end in less than a minute, on a temporary directory. Exit code 0
// means that every step held; docs/demo.md tells what each one shows.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/kernel/clock.ts';
import { onStopSignals } from '../src/kernel/stop-signals.ts';
import { StepFailure } from './step-failure.ts';
import { type BreakPoint, breakPoints, type StoryEnd, tellStory } from './story.ts';
import { createPaint, createTimeline, reasonOf } from './timeline.ts';

type Arguments = { readonly json: boolean; readonly keep: boolean; readonly breakAt: BreakPoint | null };

const usage = `Usage: npm run demo [-- --json] [--keep] [--break ${breakPoints.join('|')}]
  --json   one JSON document instead of the time line (with "npm run --silent demo -- --json")
  --keep   leave everything up at the end and print where it is
  --break  let the world misbehave at one point, to see the demo fail`;

/** Signals end the story where it is; whatever was opened is closed. */
const stopping = new AbortController();
onStopSignals({
  clock: systemClock,
  finish: (signal) => stopping.abort(signal),
  // The child goes with us (latchkey-process.ts).
  leave: () => process.exit(130),
});

const given = readArguments();
if (typeof given === 'string') {
  console.error(given);
  process.exitCode = 2;
} else {
  process.exitCode = await demonstrate(given);
  // A story that was stopped half-way may still be waiting for something.
  if (stopping.signal.aborted) process.exit();
}

async function demonstrate({ json, keep, breakAt }: Arguments): Promise<number> {
  const isColoured = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const paint = createPaint(isColoured);
  const say = (line: string) => {
    if (!json) console.log(line);
  };
  // A story that was stopped goes on for a moment, and has nothing to say any more.
  const timeline = createTimeline({
    say: (line) => {
      if (!stopping.signal.aborted) say(line);
    },
    paint,
  });
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-demo-'));
  const closers: (() => Promise<unknown>)[] = [() => removeFolder(folder)];
  let end: StoryEnd | null = null;
  let reason: string | null = null;
  say(paint('bold', 'Latchkey: a customer’s integration runs on credentials that stay sealed and fresh\n'));
  try {
    const onOpen = (close: () => Promise<unknown>) => void closers.push(close);
    const story = tellStory({ timeline, folder, breakAt, keeps: keep, onOpen });
    end = await Promise.race([story, whenStopped()]);
    const seconds = (timeline.elapsedMs() / 1000).toFixed(1);
    say(`\n${paint('bold', end.address)}`);
    say(
      `${paint('green', 'Every step held')} in ${seconds} s. The services were stand-ins on loopback, Latchkey was not.`,
    );
  } catch (error) {
    reason = reasonOf(error);
    say(paint('red', `\nNot every step held: ${reason}`));
  }
  if (json) console.log(JSON.stringify(documentOf(end, reason), null, 2));
  if (keep && end !== null) {
    if (!json) sayWhereItIs(end, folder);
    await whenStopped().catch(() => undefined);
  }
  for (const close of closers.toReversed()) {
    await close().catch((error: unknown) => console.error(`closing failed: ${reasonOf(error)}`));
  }
  return reason === null ? 0 : 1;

  function documentOf(told: StoryEnd | null, why: string | null) {
    return {
      held: why === null,
      reason: why,
      durationMs: timeline.elapsedMs(),
      address: told?.address ?? null,
      steps: timeline.records(),
      kept: keep && told !== null ? whereItIs(told, folder) : null,
    };
  }
}

function whereItIs({ latchkey, owner, world }: StoryEnd, dataFolder: string) {
  return {
    url: latchkey.url,
    email: owner.email,
    password: owner.password,
    apiToken: owner.apiToken,
    provider: world.provider.url,
    standIns: world.standIns.urls,
    folder: dataFolder,
  };
}

function sayWhereItIs(end: StoryEnd, dataFolder: string): void {
  const { url, email, password, apiToken, provider } = whereItIs(end, dataFolder);
  console.log(`
Everything is still up; Ctrl-C ends and removes it.
  Latchkey        ${url}/account
  sign in         ${email} / ${password}
  API token       ${apiToken}
  OAuth provider  ${provider} (any account name, no password)
  files and log   ${dataFolder}`);
}

/** Never resolves. */
function whenStopped(): Promise<never> {
  const { signal } = stopping;
  return new Promise((_resolve, reject) => {
    const stop = () => reject(new StepFailure(`stopped by ${String(signal.reason)}`));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

async function removeFolder(path: string): Promise<void> {
  rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}

function readArguments(): Arguments | string {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean' },
        keep: { type: 'boolean' },
        break: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    const breakAt = breakPoints.find((point) => point === values.break) ?? null;
    if (values.help === true || (values.break !== undefined && breakAt === null)) return usage;
    return { json: values.json === true, keep: values.keep === true, breakAt };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n${usage}`;
  }
}
