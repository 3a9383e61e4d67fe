// Stand-in for `GET /v1/tasks/{flow}/steps/{step}`, the one call with which a sailor starts, as long as the server does not
// answer it: the platform's part of a flow, which knows which secret its step uses.

export type Step = {
  readonly flowId: string;
  readonly stepId: string;
  readonly config: Readonly<Record<string, unknown>>;
};

/** Answers for that step; null for everything else, which the real server answers. */
export function standInForStep(step: () => Step): (method: string, path: string) => unknown {
  return (method, path) => {
    const { flowId, stepId, config } = step();
    if (method !== 'GET' || path !== `/v1/tasks/${flowId}/steps/${stepId}`) return null;
    return { config, snapshot: {}, is_passthrough: false, variables: {} };
  };
}
