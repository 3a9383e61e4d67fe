// How many token requests of each grant are open now, and how many ever were at once.

export type OpenRequests = {
  readonly enter: (grant: string) => {
    /** Open requests of this grant, this one included. */
    readonly concurrent: number;
    readonly leave: () => void;
  };
  readonly most: (grant: string) => number;
};

export function createOpenRequests(): OpenRequests {
  const open = new Map<string, number>();
  const most = new Map<string, number>();
  return {
    enter: (grant) => {
      const concurrent = (open.get(grant) ?? 0) + 1;
      open.set(grant, concurrent);
      most.set(grant, Math.max(most.get(grant) ?? 0, concurrent));
      return {
        concurrent,
        leave: () => {
          const left = (open.get(grant) ?? 1) - 1;
          if (left === 0) open.delete(grant);
          else open.set(grant, left);
        },
      };
    },
    most: (grant) => most.get(grant) ?? 0,
  };
}
