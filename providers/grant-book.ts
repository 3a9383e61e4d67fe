// The quirky mode's memory: codes, grants and tokens. It only remembers; token-rules.ts decides.
import { randomBytes } from 'node:crypto';

export type Code = {
  readonly code: string;
  readonly clientId: string;
  readonly account: string;
  readonly scopes: readonly string[];
  readonly redirectUri: string;
  readonly challenge: { readonly value: string; readonly method: 'S256' | 'plain' } | null;
  readonly offline: boolean;
  readonly grantId: string;
  readonly expiresAtMs: number;
  redeemed: boolean;
};

export type AccessToken = {
  readonly token: string;
  readonly grant: Grant;
  readonly scopes: readonly string[];
  readonly account: string;
  readonly issuedAtMs: number;
  expiresAtMs: number | null;
};

export type RefreshToken = {
  readonly token: string;
  readonly grant: Grant;
  usedAtMs: number;
  retiredAtMs: number | null;
  /** Retired and, its successor having been used, beyond any grace. */
  superseded: boolean;
  readonly predecessor: RefreshToken | null;
};

export type Grant = {
  readonly id: string;
  readonly clientId: string;
  readonly account: string;
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  revoked: boolean;
  readonly accessTokens: AccessToken[];
};

export type TokenMint = { readonly prefix: string; readonly length: number };

export type GrantBook = {
  readonly addCode: (code: Omit<Code, 'code' | 'grantId' | 'redeemed'>) => Code;
  readonly findCode: (code: string) => Code | null;
  readonly addGrant: (grant: Pick<Grant, 'id' | 'clientId' | 'account' | 'scopes' | 'createdAtMs'>) => Grant;
  readonly findGrant: (id: string) => Grant | null;
  readonly addAccessToken: (token: Omit<AccessToken, 'token'>, mint: TokenMint) => AccessToken;
  readonly addRefreshToken: (
    token: Pick<RefreshToken, 'grant' | 'usedAtMs' | 'predecessor'>,
    mint: TokenMint,
  ) => RefreshToken;
  readonly findRefreshToken: (token: string) => RefreshToken | null;
  readonly findAccessToken: (token: string) => AccessToken | null;
  readonly revokeGrant: (id: string) => boolean;
  readonly dropAccessToken: (token: AccessToken) => void;
  readonly dropAllAccessTokens: () => number;
  readonly clear: () => void;
};

export function newGrantId(): string {
  return `grant-${randomBytes(9).toString('base64url')}`;
}

export function createGrantBook(): GrantBook {
  const codes = new Map<string, Code>();
  const grants = new Map<string, Grant>();
  const accessTokens = new Map<string, AccessToken>();
  const refreshTokens = new Map<string, RefreshToken>();

  function dropAccessToken(token: AccessToken): void {
    accessTokens.delete(token.token);
    const index = token.grant.accessTokens.indexOf(token);
    if (index >= 0) token.grant.accessTokens.splice(index, 1);
  }

  return {
    addCode: (fields) => {
      const code: Code = { ...fields, code: randomText(32), grantId: newGrantId(), redeemed: false };
      codes.set(code.code, code);
      return code;
    },
    findCode: (code) => codes.get(code) ?? null,
    addGrant: (fields) => {
      const grant: Grant = { ...fields, revoked: false, accessTokens: [] };
      grants.set(grant.id, grant);
      return grant;
    },
    findGrant: (id) => grants.get(id) ?? null,
    addAccessToken: (fields, mint) => {
      const token: AccessToken = { ...fields, token: mint.prefix + randomText(mint.length) };
      accessTokens.set(token.token, token);
      token.grant.accessTokens.push(token);
      return token;
    },
    addRefreshToken: (fields, mint) => {
      const token: RefreshToken = {
        ...fields,
        token: mint.prefix + randomText(mint.length),
        retiredAtMs: null,
        superseded: false,
      };
      refreshTokens.set(token.token, token);
      return token;
    },
    findRefreshToken: (token) => refreshTokens.get(token) ?? null,
    findAccessToken: (token) => accessTokens.get(token) ?? null,
    revokeGrant: (id) => {
      const grant = grants.get(id);
      if (grant === undefined || grant.revoked) return false;
      grant.revoked = true;
      for (const token of [...grant.accessTokens]) dropAccessToken(token);
      return true;
    },
    dropAccessToken,
    dropAllAccessTokens: () => {
      const everyToken = [...accessTokens.values()];
      for (const token of everyToken) dropAccessToken(token);
      return everyToken.length;
    },
    clear: () => {
      for (const map of [codes, grants, accessTokens, refreshTokens]) map.clear();
    },
  };
}

function randomText(length: number): string {
  return randomBytes(Math.ceil((length * 3) / 4))
    .toString('base64url')
    .slice(0, length);
}
