// Proof Key for Code Exchange (RFC 7636): one verifier per authorization, never reused, sealed until the exchange.
import { createHash, randomBytes } from 'node:crypto';
import { Plain } from '../kernel/plain.ts';
import type { Pkce } from './client-style.ts';

export type PkceChallenge = { readonly challenge: string; readonly method: 'S256' | 'plain' };

/** 32 random octets as 43 characters, the form RFC 7636 4.1 recommends. `random` is for tests. */
export function createCodeVerifier(random: (size: number) => Buffer = randomBytes): Plain {
  return Plain.fromText(random(32).toString('base64url'));
}

/** What the authorize URL carries for this verifier; null where the provider breaks on PKCE. */
export function challengeOf(verifier: Plain, pkce: Pkce): PkceChallenge | null {
  if (pkce === 'off') return null;
  if (pkce === 'plain') return { challenge: verifier.revealText(), method: 'plain' };
  const challenge = createHash('sha256').update(verifier.revealBytes()).digest('base64url');
  return { challenge, method: 'S256' };
}
