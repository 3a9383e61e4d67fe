// What oidc-provider remembers, in memory: lifetimes by the emulator's own clock, single use made atomic.
import type { Adapter, AdapterPayload } from 'oidc-provider';

type Row = {
  readonly payload: AdapterPayload;
  readonly expiresAtMs: number | null;
};

export type StandardsStore = {
  readonly adapter: (model: string) => Adapter;
  /** Reads a row without asking whether it is expired or used up. */
  readonly peek: (model: string, id: string) => AdapterPayload | null;
  readonly isAlive: (model: string, id: string) => boolean;
  readonly revokeGrant: (grantId: string) => boolean;
  readonly dropAll: (model: string) => number;
  readonly clear: () => void;
};

export function createStandardsStore(options: {
  readonly now: () => Date;
  /** The error that oidc-provider turns into `invalid_grant`. */
  readonly refusal: (description: string) => Error;
  readonly findClient: (id: string) => AdapterPayload | undefined;
}): StandardsStore {
  const models = new Map<string, Map<string, Row>>();

  function rowsOf(model: string): Map<string, Row> {
    const rows = models.get(model) ?? new Map<string, Row>();
    models.set(model, rows);
    return rows;
  }

  function alive(model: string, id: string): AdapterPayload | undefined {
    const row = rowsOf(model).get(id);
    if (row === undefined) return undefined;
    if (row.expiresAtMs !== null && options.now().getTime() >= row.expiresAtMs) return undefined;
    return row.payload;
  }

  function revokeGrant(grantId: string): boolean {
    const existed = rowsOf('Grant').delete(grantId);
    for (const rows of models.values()) {
      for (const [id, { payload }] of rows) if (payload.grantId === grantId) rows.delete(id);
    }
    return existed;
  }

  const adapter = (model: string): Adapter => ({
    upsert: async (id, payload, expiresIn) => {
      // A refresh that was under way while its family was revoked must not bring it back to life.
      if (payload.grantId !== undefined && hasGrant(model) && !rowsOf('Grant').has(payload.grantId)) {
        throw options.refusal('grant revoked');
      }
      const expiresAtMs = expiresIn === undefined ? null : options.now().getTime() + expiresIn * 1000;
      rowsOf(model).set(id, { payload, expiresAtMs });
    },
    find: async (id) => (model === 'Client' ? options.findClient(id) : alive(model, id)),
    findByUid: async (uid) => {
      for (const [id, { payload }] of rowsOf(model)) if (payload.uid === uid) return alive(model, id);
      return undefined;
    },
    findByUserCode: async () => undefined,
    consume: async (id) => {
      const payload = alive(model, id);
      // Between its look and this call another request may have been faster; only one may win.
      if (payload === undefined || payload.consumed !== undefined) throw options.refusal('already used');
      payload.consumed = Math.floor(options.now().getTime() / 1000);
    },
    destroy: async (id) => {
      rowsOf(model).delete(id);
    },
    revokeByGrantId: async (grantId) => void revokeGrant(grantId),
  });

  return {
    adapter,
    peek: (model, id) => rowsOf(model).get(id)?.payload ?? null,
    isAlive: (model, id) => alive(model, id) !== undefined,
    revokeGrant,
    dropAll: (model) => {
      const { size } = rowsOf(model);
      rowsOf(model).clear();
      return size;
    },
    clear: () => models.clear(),
  };
}

function hasGrant(model: string): boolean {
  return model === 'AccessToken' || model === 'RefreshToken';
}
