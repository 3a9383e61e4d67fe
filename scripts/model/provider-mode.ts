// What the token endpoint does to refresh tokens, in the four ways that providers are known to have.
import { familyOf, serialOf, type Token, tokenOf, type World, withFamily, withLeft } from './world.ts';

export const providerModes = ['strict', 'strict, reuse ends the family', 'grace', 'non-rotating'] as const;
export type ProviderMode = (typeof providerModes)[number];

/** Whether the provider would take it. */
export function isUsable(world: World, token: Token): boolean {
  if (token === 0) return false;
  const family = world.families[familyOf(token) - 1];
  return family !== undefined && !family.isRevoked && serialOf(token) >= family.oldest;
}

export type Executed = { readonly world: World; readonly fresh: Token | null };

/** All answers that are possible; `fresh` is null when the provider refuses. None where no more successes are explored. */
export function executions(world: World, mode: ProviderMode, token: Token): readonly Executed[] {
  const number = familyOf(token);
  const family = world.families[number - 1];
  if (family === undefined) return [];
  if (family.isPast) {
    return [
      { world, fresh: token },
      { world, fresh: null },
    ];
  }
  if (!isUsable(world, token)) {
    const endsAll = mode === 'strict, reuse ends the family' && !family.isRevoked;
    return [{ world: endsAll ? endedByReuse(world, number) : world, fresh: null }];
  }
  if (world.left.successes === 0) return [];
  const fresh = tokenOf(number, family.next);
  const rotated = { ...rotation(mode, family.next, serialOf(token)), next: family.next + 1 };
  return [{ world: withFamily(withLeft(world, 'successes'), number, rotated), fresh }];
}

function rotation(mode: ProviderMode, next: number, used: number) {
  switch (mode) {
    case 'non-rotating':
      return {};
    case 'grace':
      return { oldest: used, inGrace: true };
    default:
      return { oldest: next };
  }
}

/** A token used twice looks stolen. Whoever holds the right one on the disk of a dead process has lost it by that death. */
function endedByReuse(world: World, number: number): World {
  const isOnDisk = world.workers.some(
    ({ phase, fresh }) => phase === 'on disk' && familyOf(fresh) === number,
  );
  const ended = withFamily(world, number, { isRevoked: true });
  return isOnDisk && number === world.current ? { ...ended, isLossExcused: true } : ended;
}

/** An answer with tokens will never be stored. */
export function loseAnswer(world: World, fresh: Token): World {
  return familyOf(fresh) === world.current ? { ...world, isAnswerLost: true } : world;
}

/** A lost answer costs the grant once the provider takes the former token no more. */
export function settleLoss(world: World, mode: ProviderMode): World {
  if (!world.isAnswerLost || world.isLossExcused || mode === 'non-rotating') return world;
  const family = world.families[world.current - 1];
  return family === undefined || family.inGrace ? world : { ...world, isLossExcused: true };
}
