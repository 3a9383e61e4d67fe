// The time line: runs the steps of the story, times them, prints each with its evidence, and keeps them for --json.
import { StepFailure } from './step-failure.ts';

/** What a step shows for itself: a line for people, figures for programs, and what later steps need. */
export type Evidence<T> = {
  readonly evidence: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly value: T;
};

export type StepRecord = {
  readonly no: number;
  readonly title: string;
  readonly held: boolean;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly evidence: string | null;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly error: string | null;
};

export type Timeline = {
  /** Rejects with what the step rejected with; the step is then recorded as one that did not hold. */
  readonly step: <T>(title: string, run: () => Promise<Evidence<T>>) => Promise<T>;
  readonly records: () => readonly StepRecord[];
  readonly elapsedMs: () => number;
};

export type Paint = (colour: 'green' | 'red' | 'dim' | 'bold', text: string) => string;

const codes = { green: 32, red: 31, dim: 2, bold: 1 } as const;

export function createPaint(isColoured: boolean): Paint {
  return (colour, text) => (isColoured ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text);
}

export function createTimeline(options: {
  readonly say: (line: string) => void;
  readonly paint: Paint;
}): Timeline {
  const { say, paint } = options;
  const begin = performance.now();
  const elapsedMs = () => Math.round(performance.now() - begin);
  const records: StepRecord[] = [];

  return {
    records: () => [...records],
    elapsedMs,
    step: async (title, run) => {
      const startedAtMs = elapsedMs();
      const no = records.length + 1;
      const end = (rest: Pick<StepRecord, 'held' | 'evidence' | 'facts' | 'error'>) => {
        const durationMs = elapsedMs() - startedAtMs;
        records.push({ no, title, startedAtMs, durationMs, ...rest });
        return `${String(elapsedMs()).padStart(6)} ms`;
      };
      try {
        const { evidence, facts = {}, value } = await run();
        const at = end({ held: true, evidence, facts, error: null });
        say(`${paint('green', '✓')} ${paint('dim', at)}  ${title}`);
        say(`              ${paint('dim', evidence)}`);
        return value;
      } catch (error) {
        const reason = reasonOf(error);
        const at = end({ held: false, evidence: null, facts: {}, error: reason });
        say(paint('red', `✗ ${at}  ${title}`));
        say(paint('red', `              ${reason}`));
        throw error;
      }
    },
  };
}

export function reasonOf(error: unknown): string {
  if (error instanceof StepFailure) return error.message;
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.name}: ${error.message}${cause}`;
}
