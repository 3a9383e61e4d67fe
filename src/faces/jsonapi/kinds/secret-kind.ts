// The types of secrets behind one interface: how their credentials are read from a request and shown in an answer.
import type { z } from 'zod';
import type { ManualTokens } from '../../../credentials/set-tokens.ts';
import type { Plain } from '../../../kernel/plain.ts';
import type { Reading } from '../../../refresh/reading.ts';

/** What `attributes.credentials` of a request says, in the words of the house. */
export type SecretInput = {
  readonly values: ReadonlyMap<string, Plain>;
  /** Null: nothing is said about tokens, or nothing that is not there already. */
  readonly tokens: ManualTokens | null;
  readonly authorizeParams: Readonly<Record<string, string>> | null;
};

export type SecretKind = {
  /** The built-in connection type that its values are stored under. */
  readonly connectionType: string;
  /** What `read` reads with; the API's description is made from it too. */
  readonly schemas: { readonly made: z.ZodType; readonly changed: z.ZodType };
  /** `current` null = a new secret, whose credentials must be complete. */
  readonly read: (credentials: unknown, current: Reading | null, now: Date) => SecretInput;
  readonly show: (reading: Reading) => Readonly<Record<string, unknown>>;
};

/** Where `credentials` stand in a body, for messages. */
export const credentialsPath = ['data', 'attributes', 'credentials'] as const;

/** What answers show in the place of a secret that is written and never read. */
export const neverShown = '********';
