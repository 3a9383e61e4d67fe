// Compares what was granted with what was asked for. More than asked is refused: nobody has agreed to it here. Less is
// kept and said. Providers spell scopes in their own ways, and a different spelling is not another scope.

export type ScopeComparison = { readonly extra: readonly string[]; readonly missing: readonly string[] };

// OpenID Connect's identity scopes come and go by themselves at many providers and open no data of their own.
const identity = new Set(['openid', 'profile', 'email', 'offline_access', 'address', 'phone']);
const identitySpellings: Readonly<Record<string, string>> = {
  'https://www.googleapis.com/auth/userinfo.email': 'email',
  'https://www.googleapis.com/auth/userinfo.profile': 'profile',
};

/** Null on either side says nothing: RFC 6749 5.1 lets the answer leave out an unchanged scope; blank asks for the app's own. */
export function compareScopes(requested: string | null, granted: string | null): ScopeComparison {
  const asked = partsOf(requested);
  const given = partsOf(granted);
  if (asked.length === 0 || given.length === 0) return { extra: [], missing: [] };
  return {
    extra: given.filter((scope) => !identity.has(scope) && !asked.some((one) => isSame(one, scope))),
    missing: asked.filter((scope) => !identity.has(scope) && !given.some((one) => isSame(scope, one))),
  };
}

function partsOf(scopes: string | null): string[] {
  const parts = (scopes ?? '').split(/[\s,]+/).filter((part) => part !== '');
  return [...new Set(parts.map((part) => identitySpellings[part] ?? part))];
}

/** Microsoft answers `https://graph.microsoft.com/Mail.Read` for `Mail.Read`. */
function isSame(asked: string, given: string): boolean {
  const [left, right] = [asked.toLowerCase(), given.toLowerCase()];
  if (left === right) return true;
  return /^https:\/\/[^/]+\/[^/]+$/.test(right) && right.endsWith(`/${left}`);
}
