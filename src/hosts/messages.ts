// The words between parent and host child. What comes from the child is checked here: its code may have been
// taken over by the component, so a message is a claim and never an order beyond what its type allows.
import { z } from 'zod';

export type ToChild =
  | { readonly type: 'describe'; readonly source: Buffer }
  | {
      readonly type: 'perform';
      /** null: the bundle that this process loaded before. */
      readonly source: Buffer | null;
      readonly actionKey: string;
      readonly context: Readonly<Record<string, unknown>>;
      readonly params: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'dialed'; readonly id: number; readonly path: string }
  | { readonly type: 'dial-failed'; readonly id: number; readonly code: string; readonly message: string };

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'metric'] as const;
export type LogLevel = (typeof logLevels)[number];

// Strict: what nobody reads is not sent, and whoever sends it is ended the first time.
const logMessage = z.strictObject({ type: z.literal('log'), level: z.enum(logLevels), message: z.string() });

const failure = z.strictObject({
  kind: z.literal('error'),
  name: z.string(),
  message: z.string(),
  stack: z.string().nullable(),
  isConnectionError: z.boolean(),
  connection: z.strictObject({ key: z.string().nullable(), configVarKey: z.string().nullable() }).nullable(),
});

/** Looked at, not copied: it may be large. */
const state = z.custom<Record<string, unknown>>(isRecord).optional();

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** The known fields of a result; a component may add more and they are kept. */
const result = z.looseObject({
  data: z.unknown(),
  contentType: z.string().optional().catch(undefined),
  statusCode: z.number().optional().catch(undefined),
  headers: z.record(z.string(), z.unknown()).optional().catch(undefined),
  branch: z.string().optional().catch(undefined),
  failed: z.boolean().optional().catch(undefined),
  instanceState: state,
  crossFlowState: state,
  executionState: state,
  integrationState: state,
});

const performed = z.strictObject({
  type: z.literal('performed'),
  outcome: z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('ok'), result }), failure]),
});

export const fromChild = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  logMessage,
  z.strictObject({
    type: z.literal('dial'),
    id: z.int().nonnegative(),
    host: z.string().min(1).max(255),
    port: z.int().min(1).max(65_535),
  }),
  z.strictObject({ type: z.literal('hang-up'), id: z.int().nonnegative() }),
  z.strictObject({ type: z.literal('described'), definition: z.unknown() }),
  z.strictObject({ type: z.literal('not-described'), message: z.string() }),
  performed,
]);

export type FromChild = z.infer<typeof fromChild>;
export type StepResult = z.infer<typeof result>;
export type StepFailure = z.infer<typeof failure>;
