// The one-time link that leads the first owner to a password. It exists only while nobody can sign in; a restart
// before its use makes a new one and voids the old, so that a link lost in an old log opens nothing.
import { createHash, randomBytes } from 'node:crypto';
import { Fault } from '../kernel/fault.ts';
import { newId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import { existsPersonPrincipal } from './person-store.ts';
import {
  expireSetupLinks,
  insertSetupLink,
  lockSetupLinks,
  selectSetupLinkState,
} from './setup-link-store.ts';

const livesSeconds = 24 * 60 * 60;
const tokenPattern = /^[A-Za-z0-9_-]{43}$/;

/** SHA-256 suffices: the token has 256 bits of entropy. */
export function hashSetupToken(token: string): Buffer {
  return createHash('sha256').update(`latchkey setup\0${token}`).digest();
}

/** The token of a new link; null when somebody is set up already. */
export async function makeSetupLink(doors: Doors): Promise<string | null> {
  if (await doors.locate(existsPersonPrincipal)) return null;
  const token = randomBytes(32).toString('base64url');
  await doors.asAccounts(async (tx) => {
    await lockSetupLinks(tx);
    await expireSetupLinks(tx);
    await insertSetupLink(tx, { id: newId<never>(), hash: hashSetupToken(token), livesSeconds });
  });
  return token;
}

/** Throws `not_found` for a link that never was, `gone` for one that is used or too old. Changes nothing. */
export async function requireLiveSetupLink(doors: Doors, token: string): Promise<void> {
  if (!tokenPattern.test(token)) throw unknownLink();
  const state = await doors.asAccounts((tx) => selectSetupLinkState(tx, hashSetupToken(token)));
  if (state === null) throw unknownLink();
  if (state === 'used' || (await doors.locate(existsPersonPrincipal))) throw usedLink();
  if (state === 'expired') {
    throw new Fault('gone', 'This set-up link has expired or was replaced by a newer one.', {
      cure: 'Restart Latchkey: it prints a new link as long as nobody is set up.',
    });
  }
}

export function usedLink(): Fault {
  return new Fault('gone', 'This set-up link has been used.', { cure: 'Sign in instead.' });
}

function unknownLink(): Fault {
  return new Fault('not_found', 'This is not a set-up link of this installation.', {
    cure: 'Copy the whole link that Latchkey printed when it started.',
  });
}
