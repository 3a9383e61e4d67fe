// The program of the organization: asks POST /api with its API token, and takes no error for an answer.
import { StepFailure } from './step-failure.ts';

export type Ask = <T>(query: string, variables?: Readonly<Record<string, unknown>>) => Promise<T>;

type Answer = {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string }[];
};
type MutationErrors = readonly { readonly field: string; readonly messages: readonly string[] }[];

export function createAsk(url: string, token: string): Ask {
  return async <T>(query: string, variables: Readonly<Record<string, unknown>> = {}) => {
    const response = await fetch(`${url}/api`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const answer = parsed(text, response.status);
    const problem = answer.errors?.[0]?.message ?? refusalIn(answer.data ?? {});
    if (problem !== null || answer.data == null) {
      throw new StepFailure(`the API answered ${response.status}: ${problem ?? text.slice(0, 300)}`);
    }
    return answer.data as T;
  };
}

function parsed(text: string, status: number): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    throw new StepFailure(`the API answered ${status} and no JSON: ${text.slice(0, 300)}`);
  }
}

/** Mutations tell a caller's mistakes in their payload. */
function refusalIn(data: Readonly<Record<string, unknown>>): string | null {
  for (const [name, payload] of Object.entries(data)) {
    if (typeof payload !== 'object' || payload === null || !('errors' in payload)) continue;
    const [first] = (payload.errors ?? []) as MutationErrors;
    if (first !== undefined) return `${name}: ${first.field}: ${first.messages.join(' ')}`;
  }
  return null;
}
