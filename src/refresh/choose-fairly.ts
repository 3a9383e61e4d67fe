// Which of the grants that are due go now, when not all of them can: each tenant's in turn, the most urgent of each
// first, and of no provider more than it may be asked. So nobody waits behind another one's million.

export type Candidate = {
  readonly tenantId: string;
  readonly credentialId: string;
  readonly providerKey: string;
};

/** `candidates` come most urgent first; `allowed` is asked once per provider and answers how many it may still get. */
export function chooseFairly<C extends Candidate>(
  candidates: readonly C[],
  options: { readonly limit: number; readonly allowed: (providerKey: string) => number },
): readonly C[] {
  const left = new Map<string, number>();
  const queues = new Map<string, C[]>();
  for (const candidate of candidates) {
    const { providerKey, tenantId } = candidate;
    if (!left.has(providerKey)) left.set(providerKey, options.allowed(providerKey));
    const lane = `${providerKey} ${tenantId}`;
    const queue = queues.get(lane) ?? [];
    queues.set(lane, queue);
    queue.push(candidate);
  }
  const chosen: C[] = [];
  for (let turn = 0; chosen.length < options.limit; turn += 1) {
    let isAny = false;
    for (const queue of queues.values()) {
      const next = queue[turn];
      if (next === undefined) continue;
      isAny = true;
      const free = left.get(next.providerKey) ?? 0;
      if (free < 1 || chosen.length >= options.limit) continue;
      left.set(next.providerKey, free - 1);
      chosen.push(next);
    }
    if (!isAny) break;
  }
  return chosen;
}
