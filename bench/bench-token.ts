// The made-up tokens of a credential of the benchmark: derived from its id, so that every answer can be checked.

/** Of the length of a usual opaque token. */
export function benchToken(id: string): string {
  return `bench.${id}.${'0123456789abcdef'.repeat(4)}`;
}

export function benchTokens(id: string) {
  return {
    access: benchToken(id),
    refresh: `refresh.${benchToken(id)}`,
    type: 'Bearer',
    scope: 'files.read files.write account.read',
    extra: { account_id: id, api_domain: 'https://api.example.com' },
    callback: {},
  };
}
