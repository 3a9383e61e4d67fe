// Which API tokens somebody may see: the own ones, and those of everybody where he or she manages tokens.
import { maxPageSize } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, unitsWith } from './actor.ts';
import { type ApiTokenView, selectApiTokens } from './api-token-store.ts';

/** Live ones first, newest first, at most one page. */
export async function listApiTokens(options: {
  readonly tx: Tx;
  readonly actor: Actor;
}): Promise<readonly ApiTokenView[]> {
  const { tx, actor } = options;
  return await selectApiTokens(tx, {
    principalId: actor.principalId,
    within: unitsWith(actor, 'token.manage'),
    limit: maxPageSize,
  });
}
