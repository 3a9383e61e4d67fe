// The address to which the browser goes when a consent has ended, with the parameters that the application asked for.
// Which parameters exist was decided when the consent began: a credential that stands by itself has only `id`; the
// instance, integration and config variable ones exist for connections, and what does not exist is absent.
import { allowedTarget } from './redirect-allow-list.ts';
import { redirectParamNames, type Snapshot } from './snapshot.ts';

export type ConsentOutcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'failure'; readonly error: string; readonly description: string };

/** Null when there is no redirect or its origin is not allowed any more: then our own page ends the consent. */
export function resultRedirect(
  snapshot: Pick<Snapshot, 'successRedirect' | 'failureRedirect' | 'redirectParams'>,
  outcome: ConsentOutcome,
  origins: readonly string[],
): string | null {
  const target = outcome.kind === 'success' ? snapshot.successRedirect : snapshot.failureRedirect;
  const url = target === null ? null : allowedTarget(target, origins);
  if (url === null) return null;
  for (const name of redirectParamNames) {
    const value = Object.hasOwn(snapshot.redirectParams, name) ? snapshot.redirectParams[name] : undefined;
    if (value !== undefined) url.searchParams.set(name, value);
  }
  if (outcome.kind === 'failure') {
    url.searchParams.set('error', outcome.error);
    url.searchParams.set('error_description', outcome.description);
  }
  return url.href;
}
